/** Worker versioning with a real Temporal: which version works, and who may take over from whom. */

import type { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { openWorkers } from '../../src/process/workers.ts';
import { claimCurrent, DEPLOYMENT, type WorkerVersion } from '../../src/temporal/worker-version.ts';
import { startStack } from '../stack.ts';

test('workers make their version current, work in it, and take nothing back from the one that comes after', async () => {
  const stack = await startStack({ config: { buildId: 'one' } });
  const { parts, link, connection, native, dependencies, create, ended } = stack;
  const { namespace } = parts.config.temporal;
  const currentOf = async () => {
    const asked = { namespace, deploymentName: DEPLOYMENT };
    const { workerDeploymentInfo } = await connection.workflowService.describeWorkerDeployment(asked);
    return workerDeploymentInfo?.routingConfig?.currentDeploymentVersion?.buildId;
  };
  try {
    expect(await currentOf()).toBe('one');
    expect((await ended(await create())).state).toBe('completed');

    const next = await openWorkers({
      parts: { ...parts, config: { ...parts.config, buildId: 'two' } },
      ...{ link, dependencies, connection: native },
      workflowBundlePath: process.env['CLIPYARD_TEST_WORKFLOW_BUNDLE'] ?? '',
    });
    try {
      expect(await currentOf()).toBe('two');
      const claim = (buildId: string) => claimCurrent({ connection, namespace, buildId });
      expect([await claim('one'), await claim('two'), await claim('three')]).toEqual([
        'superseded',
        'current',
        'unknown',
      ]);
      await stack.stopWorkers();
      expect((await ended(await create())).state).toBe('completed');
    } finally {
      await next.shutdown();
    }
  } finally {
    await stack.close();
  }
});

/** A deployment in which `old` was current before `new`, which was seen polling so long ago. */
function supersededBy(newPolledMsAgo: number | null): { version: WorkerVersion; claimed: string[] } {
  const claimed: string[] = [];
  const workflowService = {
    describeWorkerDeployment: async () => ({
      workerDeploymentInfo: {
        routingConfig: { currentDeploymentVersion: { buildId: 'new' } },
        versionSummaries: [{ deploymentVersion: { buildId: 'old' }, lastCurrentTime: msToTs(1) }],
      },
    }),
    describeTaskQueue: async () => ({
      pollers:
        newPolledMsAgo === null
          ? []
          : [{ deploymentOptions: { buildId: 'new' }, lastAccessTime: msToTs(Date.now() - newPolledMsAgo) }],
    }),
    setWorkerDeploymentCurrentVersion: async ({ buildId }: { buildId: string }) => void claimed.push(buildId),
  };
  const connection = {
    workflowService,
    withDeadline: <T>(_deadline: number, call: () => Promise<T>) => call(),
  } as unknown as Connection;
  return { version: { connection, namespace: 'default', buildId: 'old' }, claimed };
}

test.each([
  ['polls', 'superseded', 5_000, []],
  ['was seen an hour ago', 'current', 3_600_000, ['old']],
  ['is not seen', 'current', null, ['old']],
] as const)(
  'an older version that is put back while the newer one %s is %s',
  async (_what, standing, agoMs, claims) => {
    const { version, claimed } = supersededBy(agoMs);
    expect(await claimCurrent(version)).toBe(standing);
    expect(claimed).toEqual(claims);
  },
);
