/** PostgreSQL and Temporal killed over and over under load: no process of ours ends, and nothing is lost or paid twice. */

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findPostgresBinaries, type PostgresServer, startPostgres } from '../../bench/postgres-server.ts';
import { freePort } from '../../src/temporal/dev-server/process.ts';
import { SandboxClient } from '../sandbox/sandbox-client.ts';
import { useOwnPorts } from '../temporal/own-ports.ts';
import {
  askAs,
  type ClipyardProcess,
  compile,
  ROOT_KEY,
  startClipyard,
  untilModels,
  untilPrinted,
  untilVideos,
} from './clipyard-process.ts';
import { writeUpstreams } from './upstreams.ts';

/** Of each server; more than the suite has time for may be asked for by hand. */
const KILLS = Number(process.env['SERVER_KILLS'] ?? 4);
const BETWEEN_CREATES_MS = 800;
/** So many are accepted before the next kill, so that it hits clips under way. */
const CREATES_BETWEEN_KILLS = 2;
const TASKS_AT_ONCE = 4;

let dataDir: string;
let postgres: PostgresServer | null = null;
const processes: ClipyardProcess[] = [];
let load: Load | null = null;

beforeAll(async () => {
  compile();
  dataDir = await mkdtemp(join(tmpdir(), 'clipyard-killed-'));
}, 300_000);

afterAll(async () => {
  await load?.stop().catch(() => undefined);
  for (const one of processes) await one.killTree();
  await postgres?.stop();
  await rm(dataDir, { recursive: true, force: true });
}, 60_000);

function start(args: readonly string[], settings: Readonly<Record<string, string>>): ClipyardProcess {
  const one = startClipyard(args, settings);
  processes.push(one);
  return one;
}

/** PostgreSQL, Temporal, sandbox, gateway and workers, each a process of its own. */
async function furnish() {
  const binaries = findPostgresBinaries();
  if (binaries === null) throw new Error('PostgreSQL is not installed on this machine');
  postgres = await startPostgres(binaries);
  const temporalDir = join(dataDir, 'temporal');
  const sandbox = start(['sandbox', '--port', '0', '--speed', '10'], {});
  await useOwnPorts(temporalDir);
  const temporal = start(['temporal'], { CLIPYARD_DATA_DIR: temporalDir });
  const sandboxUrl = await untilPrinted(sandbox, /^sandbox +(\S+)$/m);
  const temporalAddress = await untilPrinted(temporal, /^temporal +(\S+)$/m);
  const timing = { firstPollMs: 300, minPollMs: 300, maxPollMs: 1000 };
  const account = { provider: 'airforce', baseUrl: sandboxUrl, maxConcurrentTasks: TASKS_AT_ONCE, timing };
  const port = await freePort(0);
  const settings = {
    ...(await writeUpstreams(dataDir, { accounts: ['one', 'two'].map((id) => ({ ...account, id })) })),
    CLIPYARD_DATA_DIR: dataDir,
    CLIPYARD_PORT: String(port),
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: temporalAddress,
  };
  start(['serve'], settings);
  start(['work'], settings);
  const url = `http://127.0.0.1:${port}`;
  const sandboxClient = new SandboxClient(sandboxUrl);
  return { url, ask: askAs(ROOT_KEY, url), sandbox: sandboxClient, server: postgres, temporalDir };
}

const outputs = () => processes.map(({ output }) => output().slice(-3000)).join('\n---\n');

/** Resolves when the gateway says so of itself. */
async function untilStatus(url: string, wanted: string): Promise<void> {
  for (let tries = 0; tries < 1200; tries++) {
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(10_000) }).catch(() => null);
    const { status } = ((await answer?.json().catch(() => null)) ?? {}) as { readonly status?: string };
    if (status === wanted) return;
    await sleep(50);
  }
  throw new Error(`/readyz does not come to say ${wanted}:\n${outputs()}`);
}

/** Does what a client with an idempotency key does: asks until it is answered. */
async function createSurely(url: string, index: number): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const answer = await fetch(`${url}/airforce/v1/video/generations`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ROOT_KEY}`,
        'content-type': 'application/json',
        'idempotency-key': `clip-${index}`,
      },
      body: JSON.stringify({ model: 'sandbox-mini', prompt: `clip ${index}`, duration_seconds: 1 }),
      signal: AbortSignal.timeout(10_000),
    }).catch(() => null);
    if (answer?.status === 200) return ((await answer.json()) as { task_id: string }).task_id;
    if (answer && answer.status < 500) throw new Error(`create ${index}: ${answer.status} ${await answer.text()}`);
    await sleep(100);
  }
  throw new Error(`create ${index} was never answered:\n${outputs()}`);
}

interface Load {
  /** Resolves when so many more clips have been accepted. */
  untilCreated(more: number): Promise<void>;
  /** The ids of all clips that were accepted. */
  stop(): Promise<readonly string[]>;
}

/** Creates one clip after the other, until it is stopped. */
function putUnderLoad(url: string): Load {
  const ids: string[] = [];
  let isStopped = false;
  const create = async () => {
    while (!isStopped) {
      ids.push(await createSurely(url, ids.length));
      await sleep(BETWEEN_CREATES_MS);
    }
  };
  const creating = create().finally(() => {
    isStopped = true;
  });
  creating.catch(() => undefined);
  return {
    async untilCreated(more) {
      const enough = ids.length + more;
      // A create that fails for good ends the load, and is told by `stop`.
      while (ids.length < enough && !isStopped) await sleep(50);
    },
    async stop() {
      isStopped = true;
      await creating;
      return ids;
    },
  };
}

/** Kills the server that `clipyard temporal` looks after; resolves when it has started another one. */
async function killTemporal(temporalDir: string): Promise<void> {
  const read = () => JSON.parse(readFileSync(join(temporalDir, 'temporal.json'), 'utf8')) as { readonly pid: number };
  for (let isKilled = false; !isKilled; ) {
    const { pid } = read();
    isKilled = killIfRunning(pid);
    while (read().pid === pid) await sleep(50);
  }
}

/** False where it has ended by itself, as a server may that starts while its predecessor's port is still taken. */
function killIfRunning(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

test('every accepted clip ends and is paid once, and no process ends', async () => {
  const { url, ask, sandbox, server, temporalDir } = await furnish();
  await untilStatus(url, 'ready');
  await untilModels(ask);
  load = putUnderLoad(url);
  for (let kill = 0; kill < KILLS; kill++) {
    await load.untilCreated(CREATES_BETWEEN_KILLS);
    await server.kill();
    await untilStatus(url, 'unavailable');
    await server.restart();
    await untilStatus(url, 'ready');
  }
  for (let kill = 0; kill < KILLS; kill++) {
    await load.untilCreated(CREATES_BETWEEN_KILLS);
    await killTemporal(temporalDir);
    await untilStatus(url, 'ready');
  }
  const ids = await load.stop();
  const videos = await untilVideos(ask, ids, (all) => all.every(({ endedAt }) => endedAt !== null));

  expect(new Set(ids).size).toBe(ids.length);
  expect(videos.map(({ state }) => state)).toEqual(ids.map(() => 'completed'));
  expect(processes.map(({ child }) => child.exitCode ?? child.signalCode)).toEqual(processes.map(() => null));
  const { tasks, peakConcurrent } = await sandbox.bill();
  expect(tasks.map(({ id }) => id).toSorted()).toEqual(videos.map(({ taskId }) => taskId).toSorted());
  expect(Math.max(...Object.values(peakConcurrent))).toBeLessThanOrEqual(TASKS_AT_ONCE);
  const { items } = (await ask('/clipyard/v1/costs')) as { items: Record<string, number>[] };
  const billedMicroUsd = tasks.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0);
  expect(items).toMatchObject([{ settledMicroUsd: billedMicroUsd, upstreamMicroUsd: billedMicroUsd, lostMicroUsd: 0 }]);
  expect(await ask('/clipyard/v1/balance')).toMatchObject({ heldMicroUsd: 0 });
}, 900_000);
