/** Worker versioning: workers join Temporal's deployment `clipyard` under a build id, which becomes the current version. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, isGrpcServiceError } from '@temporalio/client';
import { tsToMs } from '@temporalio/common/lib/time.js';
import type { WorkerOptions } from '@temporalio/worker';
import { TASK_QUEUES } from '../../workflows/messages.ts';
import type { Log } from '../domain/log.ts';

export const DEPLOYMENT = 'clipyard';

const CALL_MS = 5_000;
const FIRST_WAIT_MS = 250;
const BETWEEN_TRIES_MS = 10_000;
/** Polls last a minute, and pollers are listed for longer than they poll. */
const POLLED_LATELY_MS = 90_000;
const NOT_FOUND = 5;
const WORKFLOW_TASKS = 1;

/** Clips wait for days, so their workflows go on in the version that is current. Nothing without a build id. */
export function versioningOf(buildId: string | null): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  if (buildId === null) return {};
  return {
    workerDeploymentOptions: {
      version: { deploymentName: DEPLOYMENT, buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
  };
}

/** Where the version is to become current. */
export interface WorkerVersion {
  readonly connection: Pick<Connection, 'workflowService' | 'withDeadline'>;
  readonly namespace: string;
  readonly buildId: string;
}

/**
 * `current`: what runs, runs in this version. `superseded`: it was current before, and the version that came after it
 * polls: a worker of the old version that starts again takes nothing back. `unknown`: Temporal has not seen it poll yet.
 */
export type VersionStanding = 'current' | 'superseded' | 'unknown';

/** Makes the version current, unless it was superseded by one that polls. */
export async function claimCurrent(version: WorkerVersion): Promise<VersionStanding> {
  const { connection, namespace, buildId } = version;
  const within = <T>(call: () => Promise<T>) => connection.withDeadline(Date.now() + CALL_MS, call);
  const asked = { namespace, deploymentName: DEPLOYMENT };
  try {
    const found = await within(() => connection.workflowService.describeWorkerDeployment(asked));
    const { routingConfig, versionSummaries } = found.workerDeploymentInfo ?? {};
    const current = routingConfig?.currentDeploymentVersion?.buildId;
    if (current === buildId) return 'current';
    const own = versionSummaries?.find(({ deploymentVersion }) => deploymentVersion?.buildId === buildId);
    if (own === undefined) return 'unknown';
    const wasCurrent = own.lastCurrentTime != null;
    if (wasCurrent && current != null && (await within(() => polls(version, current)))) return 'superseded';
    await within(() =>
      connection.workflowService.setWorkerDeploymentCurrentVersion({
        ...asked,
        buildId,
        // Two versions that start at once: the one that was read first wins, and the other looks again.
        conflictToken: found.conflictToken,
        identity: `clipyard ${buildId}`,
        // An older version may have polled queues that there are no more.
        ignoreMissingTaskQueues: true,
      }),
    );
    return 'current';
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === NOT_FOUND) return 'unknown';
    throw error;
  }
}

/** Whether a worker of that build asked for workflow tasks lately. */
async function polls({ connection, namespace }: WorkerVersion, buildId: string): Promise<boolean> {
  const { pollers } = await connection.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name: TASK_QUEUES.workflows },
    taskQueueType: WORKFLOW_TASKS,
  });
  return (pollers ?? []).some(
    ({ deploymentOptions, lastAccessTime }) =>
      deploymentOptions?.buildId === buildId &&
      lastAccessTime != null &&
      Date.now() - tsToMs(lastAccessTime) < POLLED_LATELY_MS,
  );
}

/**
 * Claims until the signal is aborted, since the version that superseded this one may be taken away again; resolves once
 * work runs in one version or the other.
 */
export async function keepCurrent(version: WorkerVersion, log: Log, signal: AbortSignal): Promise<void> {
  let announce: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => {
    announce = resolve;
  });
  const run = async () => {
    let before: VersionStanding | null = null;
    for (let waitMs = FIRST_WAIT_MS; !signal.aborted; ) {
      const standing = await claimCurrent(version).catch((error: unknown) => {
        log.warn({ err: error, buildId: version.buildId }, 'whether this version is current could not be found out');
        return before;
      });
      if (standing !== before && standing === 'current')
        log.info({ buildId: version.buildId }, 'this version is current');
      if (standing !== before && standing === 'superseded') {
        log.warn({ buildId: version.buildId }, 'another version came after this one and polls: it stays current');
      }
      before = standing;
      if (standing === 'current' || standing === 'superseded') announce();
      waitMs = standing === 'unknown' ? Math.min(waitMs * 2, BETWEEN_TRIES_MS) : BETWEEN_TRIES_MS;
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
    announce();
  };
  void run();
  await settled;
}

/** As `VersionDrainageStatus` numbers it. */
const DRAINAGE: Readonly<Record<number, string>> = { 1: 'draining', 2: 'drained' };

/** `version 2026-11-29.1 is current`: each version that joined, and how far it is drained; none without a deployment. */
export async function describeVersions(
  connection: Pick<Connection, 'workflowService' | 'withDeadline'>,
  namespace: string,
): Promise<readonly string[]> {
  const asked = { namespace, deploymentName: DEPLOYMENT };
  try {
    const { workerDeploymentInfo: found } = await connection.withDeadline(Date.now() + CALL_MS, () =>
      connection.workflowService.describeWorkerDeployment(asked),
    );
    const current = found?.routingConfig?.currentDeploymentVersion?.buildId;
    return (found?.versionSummaries ?? []).map(({ deploymentVersion, drainageStatus }) => {
      const buildId = deploymentVersion?.buildId ?? '';
      const state = buildId === current ? 'current' : (DRAINAGE[drainageStatus ?? 0] ?? 'not current');
      return `version ${buildId} is ${state}`;
    });
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === NOT_FOUND) return [];
    throw error;
  }
}
