/** Setting up a namespace where the server leaves that to other tools, and the schedule where there is one already. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScheduleOverlapPolicy } from '@temporalio/client';
import { openLog } from '../../src/observe/log.ts';
import { openTemporalClient } from '../../src/temporal/connection.ts';
import { startDevServer } from '../../src/temporal/dev-server/server.ts';
import { ensureSweepSchedule, type SetupConnection, setUpNamespace } from '../../src/temporal/setup.ts';
import { silentLog } from './silent-log.ts';

/** An answer as gRPC gives it. */
function grpcError(code: number): Error {
  return Object.assign(new Error('request refused'), { code, details: 'request refused', metadata: {} });
}

function refusing(code: number): SetupConnection {
  const refuse = () => Promise.reject(grpcError(code));
  const services = { describeNamespace: refuse, registerNamespace: refuse, listSearchAttributes: refuse };
  return {
    workflowService: services,
    operatorService: services,
    withDeadline: (_: unknown, call: () => Promise<unknown>) => call(),
  } as never;
}

describe('setting up a namespace', () => {
  test.each([7, 12, 16])('a refusal with code %i is a warning that names the attributes', async (code) => {
    const lines: string[] = [];
    const log = openLog('info', { write: (line) => lines.push(line) });
    await setUpNamespace(refusing(code), 'cloud', log);
    expect(lines.join('')).toMatch(/VideoState.*does not let us manage the namespace/);
  });

  test('a server out of reach is an error', async () => {
    await expect(setUpNamespace(refusing(14), 'away', openLog('silent'))).rejects.toThrow('request refused');
  });
});

describe("the sweep's schedule", () => {
  test('that an older version has left becomes that of this one, and stays paused', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'clipyard-schedule-'));
    const { TEMPORAL_CLI_PATH: binary = '' } = process.env;
    const server = await startDevServer({ binary, dataDir, namespace: 'clips', log: silentLog() });
    const { client, close } = openTemporalClient({ address: server.address }, 'clips');
    try {
      const schedule = client.schedule.getHandle('clipyard-sweep');
      const read = async () => {
        const { spec, policies, action } = await schedule.describe();
        const { workflowType, taskQueue, args } = action;
        return { spec, policies, workflowType, taskQueue, args };
      };
      await ensureSweepSchedule(client);
      const ours = await read();
      // In this order: a server that takes an update and a pause in one step applies the update last, with the state it carries.
      await schedule.pause('by an operator');
      await schedule.update((now) => ({
        ...now,
        spec: { intervals: [{ every: '1 hour' }] },
        policies: { overlap: ScheduleOverlapPolicy.ALLOW_ALL, catchupWindow: '1 day' },
        action: { type: 'startWorkflow', workflowType: 'olderSweep', taskQueue: 'older', args: [{ deep: true }] },
      }));
      await ensureSweepSchedule(client);
      expect(await read()).toEqual(ours);
      expect(ours).toMatchObject({ workflowType: 'sweep', policies: { overlap: ScheduleOverlapPolicy.SKIP } });
      expect((await schedule.describe()).state).toMatchObject({ paused: true, note: 'by an operator' });
    } finally {
      await close();
      await server.stop();
      await rm(dataDir, { recursive: true });
    }
  }, 60_000);
});
