/** A batch of clips while gateways, workers and Temporal are killed every few seconds and the upstreams misbehave. */

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
  untilReady,
  untilVideos,
} from './clipyard-process.ts';
import { writeUpstreams } from './upstreams.ts';

/** More than the suite has time for may be asked for by hand. */
const CLIPS = Number(process.env['CHAOS_CLIPS'] ?? 24);
const BETWEEN_KILLS_MS = 3_000;
const TASKS_AT_ONCE = 4;

/** By rate, each upstream doing all of it at once. */
const FAULTS = [
  { kind: 'lost_create_answer', answer: '5xx', recorded: 'now', rate: 0.08 },
  { kind: 'lost_create_answer', answer: 'garbage', recorded: 'never', rate: 0.04 },
  { kind: 'lost_create_answer', answer: 'reset', recorded: { afterMs: 800 }, rate: 0.02 },
  { kind: 'http_error', on: 'create', status: 429, retryAfterSeconds: 1, rate: 0.04 },
  { kind: 'http_error', on: 'task', status: 503, rate: 0.1 },
  { kind: 'http_error', on: 'list', status: 502, rate: 0.1 },
  { kind: 'cut_result', atFraction: 0.4, rate: 0.1 },
  { kind: 'unknown_status', rate: 0.1 },
  { kind: 'missing_at_first', forMs: 700, rate: 0.1 },
  { kind: 'failed_task', rate: 0.08 },
  { kind: 'html_result', rate: 0.04 },
  { kind: 'expired_result', status: 410, rate: 0.04 },
  { kind: 'overbilled', factor: 1.5, rate: 0.05 },
];

let dataDir: string;
let postgres: PostgresServer | null = null;
const processes = new Set<ClipyardProcess>();
let isOver = false;
let striking = Promise.resolve();

beforeAll(async () => {
  compile();
  dataDir = await mkdtemp(join(tmpdir(), 'clipyard-chaos-'));
}, 300_000);

afterAll(async () => {
  isOver = true;
  await striking.catch(() => undefined);
  for (const one of processes) await one.killTree();
  await postgres?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

function start(args: readonly string[], settings: Readonly<Record<string, string>>): ClipyardProcess {
  const one = startClipyard(args, settings);
  processes.add(one);
  return one;
}

/** What a process prints when it does its work: before that there is nothing to hit. */
const UP = /^(workers|gateway) +\S/m;

/** A process that is killed at its work and started again. */
class Victim {
  readonly #start: () => ClipyardProcess;
  #process: ClipyardProcess;

  constructor(args: readonly string[], settings: Readonly<Record<string, string>>) {
    this.#start = () => start(args, settings);
    this.#process = this.#start();
  }

  async strike(): Promise<void> {
    await untilPrinted(this.#process, UP);
    await sleep(BETWEEN_KILLS_MS);
    await this.#process.killTree();
    processes.delete(this.#process);
    this.#process = this.#start();
  }
}

/** Does what a client with an idempotency key does: asks until it is answered. */
async function createSurely(gateways: readonly string[], index: number): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const url = gateways[(index + tries) % gateways.length] ?? '';
    const answer = await fetch(`${url}/airforce/v1/video/generations`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ROOT_KEY}`,
        'content-type': 'application/json',
        'idempotency-key': `chaos-${index}`,
      },
      body: JSON.stringify({ model: 'sandbox-mini', prompt: `chaos ${index}`, duration_seconds: 1 + (index % 3) }),
      signal: AbortSignal.timeout(10_000),
    }).catch(() => null);
    if (answer?.status === 200) return ((await answer.json()) as { task_id: string }).task_id;
    if (answer && answer.status < 500) throw new Error(`create ${index}: ${answer.status} ${await answer.text()}`);
    await sleep(200);
  }
  throw new Error(`create ${index} was never answered`);
}

test('every accepted clip ends, is paid for once, and the ledger follows the bill', async () => {
  const binaries = findPostgresBinaries();
  if (binaries === null) throw new Error('PostgreSQL is not installed on this machine');
  postgres = await startPostgres(binaries);
  const [gatewayPort, lastingPort] = await Promise.all([freePort(0), freePort(0)]);
  const sandbox = start(['sandbox', '--port', '0'], {});
  const sandboxUrl = await untilPrinted(sandbox, /^sandbox +(\S+)$/m);
  const temporalDir = join(dataDir, 'temporal');
  await useOwnPorts(temporalDir);
  const temporal = start(['temporal'], { CLIPYARD_DATA_DIR: temporalDir });
  const temporalAddress = await untilPrinted(temporal, /^temporal +(\S+)$/m);
  const timing = { firstPollMs: 300, minPollMs: 300, maxPollMs: 2000, resultRetryMs: 5000 };
  const account = { provider: 'airforce', baseUrl: sandboxUrl, maxConcurrentTasks: TASKS_AT_ONCE, timing };
  const accounts = ['one', 'two'].map((id) => ({ ...account, id }));
  const settings = {
    ...(await writeUpstreams(dataDir, { accounts })),
    CLIPYARD_DATA_DIR: dataDir,
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: temporalAddress,
  };
  const lastingUrl = `http://127.0.0.1:${lastingPort}`;
  const lasting = start(['serve'], { ...settings, CLIPYARD_PORT: String(lastingPort) });
  const victims = [
    new Victim(['work'], settings),
    new Victim(['serve'], { ...settings, CLIPYARD_PORT: String(gatewayPort) }),
    new Victim(['work'], settings),
  ];
  const killTemporal = async () => {
    const { pid } = JSON.parse(readFileSync(join(temporalDir, 'temporal.json'), 'utf8')) as { pid: number | null };
    try {
      if (pid !== null) process.kill(pid, 'SIGKILL');
    } catch {
      // The last blow still holds: the server is about to be started again.
    }
  };
  await untilReady(`${lastingUrl}/readyz`, lasting);
  const ask = askAs(ROOT_KEY, lastingUrl);
  await untilModels(ask);
  await new SandboxClient(sandboxUrl).configure({ faults: FAULTS });

  let kills = 0;
  const strike = async () => {
    const blows = [...victims.map((victim) => () => victim.strike()), killTemporal];
    while (!isOver) await blows[kills++ % blows.length]?.();
  };
  striking = strike();
  const gateways = [`http://127.0.0.1:${gatewayPort}`, lastingUrl];
  const ids = await Promise.all(Array.from({ length: CLIPS }, (_, index) => createSurely(gateways, index)));
  expect(new Set(ids).size).toBe(CLIPS);
  const hasEnded = ({ endedAt }: Record<string, unknown>) => endedAt !== null;
  await untilVideos(ask, ids, (all) => all.filter(hasEnded).length >= CLIPS / 2);
  isOver = true;
  await striking;
  const snapshots = await untilVideos(ask, ids, (all) => all.every(hasEnded));

  const bill = await new SandboxClient(sandboxUrl).bill();
  const billedMicroUsd = bill.tasks.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0);
  const { items } = (await ask('/clipyard/v1/costs')) as { items: Record<string, number>[] };
  const [total = {}] = items;
  expect(Math.max(...Object.values(bill.peakConcurrent))).toBeLessThanOrEqual(TASKS_AT_ONCE);
  expect((total['settledMicroUsd'] ?? 0) + (total['lostMicroUsd'] ?? 0)).toBe(billedMicroUsd);
  const made = snapshots.flatMap(({ taskId }) => taskId ?? []);
  expect(bill.tasks.map(({ id }) => id).toSorted()).toEqual(made.toSorted());
  const { heldMicroUsd } = (await ask('/clipyard/v1/balance')) as { heldMicroUsd: number };
  expect(heldMicroUsd).toBe(0);
}, 900_000);
