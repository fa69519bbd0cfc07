/** The embedded Temporal dev server, a real one: what it keeps over SIGKILL, and who may run it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openTemporalClient, type TemporalClient } from '../../../src/temporal/connection.ts';
import { isAlive } from '../../../src/temporal/dev-server/process.ts';
import { type DevServer, startDevServer } from '../../../src/temporal/dev-server/server.ts';
import { setUpNamespace } from '../../../src/temporal/setup.ts';
import { SEARCH_ATTRIBUTES } from '../../../workflows/search-attributes.ts';
import { useOwnPorts } from '../own-ports.ts';
import { silentLog } from '../silent-log.ts';

const NAMESPACE = 'clips';
const log = silentLog();
// As found by the global set-up.
const { TEMPORAL_CLI_PATH: binary = '' } = process.env;
let dataDir = '';
let server: DevServer | null = null;
let temporal: TemporalClient | null = null;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'clipyard-temporal-'));
});

afterEach(async () => {
  await temporal?.close();
  await server?.stop();
  temporal = null;
  server = null;
  rmSync(dataDir, { recursive: true });
});

async function start(): Promise<DevServer> {
  server = await startDevServer({ binary, dataDir, namespace: NAMESPACE, log });
  return server;
}

function connect({ address }: DevServer): TemporalClient {
  temporal = openTemporalClient({ address }, NAMESPACE);
  return temporal;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(50);
}

/** No worker polls for these: being there is all that is asked of them. */
async function startWorkflow({ connection, client }: TemporalClient, workflowId: string): Promise<void> {
  await connection.withDeadline(Date.now() + 20_000, () =>
    client.workflow.start('anything', {
      workflowId,
      taskQueue: 'never-polled',
      typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.videoState, value: 'queued' }],
    }),
  );
}

async function statusOf({ connection, client }: TemporalClient, workflowId: string): Promise<string> {
  const description = await connection.withDeadline(Date.now() + 20_000, () =>
    client.workflow.getHandle(workflowId).describe(),
  );
  return description.status.name;
}

function record(): { port: number; uiPort: number; pid: number | null; ownerPid: number } {
  return JSON.parse(readFileSync(join(dataDir, 'temporal.json'), 'utf8'));
}

test('is reached directly although the environment names a proxy', async () => {
  const { http_proxy: before } = process.env;
  process.env['http_proxy'] = 'http://127.0.0.1:9';
  try {
    await startWorkflow(connect(await start()), 'behind-no-proxy');
  } finally {
    if (before === undefined) delete process.env['http_proxy'];
    else process.env['http_proxy'] = before;
  }
});

describe('the dev server', () => {
  test('a killed server comes back with its workflows', async () => {
    await useOwnPorts(dataDir);
    const running = await start();
    const client = connect(running);
    await startWorkflow(client, 'survivor');
    const before = running.pid();
    process.kill(before ?? 0, 'SIGKILL');
    await until(() => running.pid() !== null && running.pid() !== before);
    expect(running.address).toBe(`127.0.0.1:${record().port}`);
    await expect(statusOf(client, 'survivor')).resolves.toBe('RUNNING');
  });

  test('a stopped server comes back at its ports', async () => {
    await useOwnPorts(dataDir);
    const first = await start();
    await startWorkflow(connect(first), 'kept');
    const { address, uiUrl } = first;
    const pid = first.pid() ?? 0;
    await temporal?.close();
    await first.stop();
    expect(isAlive(pid)).toBe(false);
    expect(record().pid).toBeNull();
    const second = await start();
    expect([second.address, second.uiUrl]).toEqual([address, uiUrl]);
    await expect(statusOf(connect(second), 'kept')).resolves.toBe('RUNNING');
  });

  test('the UI answers at its URL', async () => {
    const { uiUrl } = await start();
    let answer: Response | null = null;
    await until(async () => {
      answer = await fetch(uiUrl).catch(() => null);
      return answer !== null;
    });
    expect(answer).toMatchObject({ status: 200 });
  });

  test('a survivor whose owner died is adopted and ended', async () => {
    const first = await start();
    const pid = first.pid();
    // As a killed parent leaves it: the server runs, its owner does not.
    const dead = spawn(process.execPath, ['-e', '']);
    await once(dead, 'exit');
    writeFileSync(join(dataDir, 'temporal.json'), JSON.stringify({ ...record(), ownerPid: dead.pid }));
    const second = await startDevServer({ binary, dataDir, namespace: NAMESPACE, log });
    expect([second.pid(), second.address]).toEqual([pid, first.address]);
    expect(record().ownerPid).toBe(process.pid);
    // The first watch would bring its server back.
    server = null;
    const stopping = first.stop();
    await second.stop();
    await stopping;
    expect(isAlive(pid ?? 0)).toBe(false);
  });

  test('a server of a living owner is used and left running', async () => {
    const first = await start();
    const owner: ChildProcess = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    writeFileSync(join(dataDir, 'temporal.json'), JSON.stringify({ ...record(), ownerPid: owner.pid }));
    const guest = await startDevServer({ binary, dataDir, namespace: NAMESPACE, log });
    expect(guest.pid()).toBe(first.pid());
    await guest.stop();
    owner.kill('SIGKILL');
    expect(first.state()).toBe('up');
  });

  test('taken ports are left to who has them', async () => {
    const first = await start();
    const other = mkdtempSync(join(tmpdir(), 'clipyard-temporal-'));
    const { port, uiPort } = record();
    writeFileSync(join(other, 'temporal.json'), JSON.stringify({ port, uiPort, pid: null, ownerPid: process.pid }));
    const second = await startDevServer({ binary, dataDir: other, namespace: NAMESPACE, log });
    expect(second.address).not.toBe(first.address);
    await second.stop();
    rmSync(other, { recursive: true });
  });

  test('a port that another server takes first is left to it, although that one answers there', async () => {
    await useOwnPorts(dataDir);
    const other = mkdtempSync(join(tmpdir(), 'clipyard-temporal-'));
    copyFileSync(join(dataDir, 'temporal.json'), join(other, 'temporal.json'));
    // The first start finds the port free, and ends long after it has been lost.
    const slow = join(other, 'temporal');
    const script = `cd "$(dirname "$0")"; if mkdir tried; then until test -e lost; do sleep 0.1; done; exit 1; fi`;
    // As a script around a program does that is not replaced by it.
    const around = `trap 'kill $server' TERM; "${binary}" "$@" & server=$!; wait; wait`;
    writeFileSync(slow, `#!/bin/sh\n${script}\n${around}\n`, { mode: 0o755 });
    const starting = startDevServer({ binary: slow, dataDir: other, namespace: NAMESPACE, log });
    await until(() => existsSync(join(other, 'tried')));
    const first = await start();
    writeFileSync(join(other, 'lost'), '');
    const second = await starting;
    expect(second.address).not.toBe(first.address);
    await second.stop();
    rmSync(other, { recursive: true });
  });

  test('a program that is no server is reported', async () => {
    const broken = startDevServer({ binary: '/bin/false', dataDir, namespace: NAMESPACE, log });
    await expect(broken).rejects.toThrow(/does not start: see .*temporal\.log/);
  });
});

describe('the namespace', () => {
  test('setting up twice at once and again is harmless', async () => {
    const { connection } = connect(await start());
    await Promise.all([setUpNamespace(connection, 'other', log), setUpNamespace(connection, 'other', log)]);
    await setUpNamespace(connection, 'other', log);
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace: 'other' });
    expect(customAttributes).toMatchObject({
      VideoState: 2,
      CallerId: 2,
      Provider: 2,
      Model: 2,
      BatchId: 2,
      Account: 2,
      FailureKind: 2,
    });
  });

  test('an attribute of another type is refused', async () => {
    const { connection } = connect(await start());
    const namespace = 'mistyped';
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    await until(() =>
      connection.operatorService
        .addSearchAttributes({ namespace, searchAttributes: { BatchId: 3 } })
        .then(() => true)
        .catch(() => false),
    );
    await expect(setUpNamespace(connection, namespace, log)).rejects.toThrow(/BatchId .* is not a Keyword/);
  });
});
