/** A batch of 300 lines, and clips beside it, while gateways, workers and Temporal are killed every few seconds and upstreams misbehave. */

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
const LINES = Number(process.env['CHAOS_CLIPS'] ?? 60);
/** Clips of creates of their own, amid the batch. */
const SINGLES = 8;
/** A clip of two seconds takes as many: slots are what its account runs out of. */
const SANDBOX_SPEED = 4;
const BETWEEN_KILLS_MS = 3_000;
const LINES_BETWEEN_KILLS = 4;
const TASKS_AT_ONCE = 4;

/** The rate at which about so many creates of the scene are struck: a lost answer holds its account up for seconds. */
const about = (creates: number) => creates / (LINES + SINGLES);

/** By rate, each upstream doing all of it at once. */
const FAULTS = [
  { kind: 'lost_create_answer', answer: '5xx', recorded: 'now', rate: about(4) },
  { kind: 'lost_create_answer', answer: 'garbage', recorded: 'never', rate: about(2) },
  { kind: 'lost_create_answer', answer: 'reset', recorded: { afterMs: 800 }, rate: about(2) },
  { kind: 'http_error', on: 'create', status: 429, retryAfterSeconds: 1, rate: about(4) },
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

type Ask = ReturnType<typeof askAs>;

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

  /** Once it works, and some lines have ended since the last blow: a slow machine gets no further otherwise. */
  async strike(hasProgressed: () => Promise<void>): Promise<void> {
    await untilPrinted(this.#process, UP);
    await sleep(BETWEEN_KILLS_MS);
    await hasProgressed();
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

/** Lines of a manifest, each a create of its own. */
const manifest = () =>
  Array.from({ length: LINES }, (_, n) =>
    JSON.stringify({
      custom_id: `line-${n}`,
      model: 'sandbox-mini',
      prompt: `line ${n}`,
      duration_seconds: 1 + (n % 3),
    }),
  ).join('\n');

/** A route of ours that takes or answers what is not JSON. */
async function exchange(url: string, body?: string): Promise<string> {
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${ROOT_KEY}`, ...(body && { 'content-type': 'application/jsonl' }) },
    ...(body && { method: 'POST', body }),
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  return await answer.text();
}

interface Batch {
  readonly state: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly costMicroUsd: number;
  readonly outputFileId: string | null;
  readonly errorFileId: string | null;
  readonly endedAt: string | null;
}

const endedOf = ({ counts: { completed = 0, failed = 0 } }: Batch) => completed + failed;

/** Resolves when the batch has come so far. */
async function untilBatch(ask: Ask, id: string, reached: (batch: Batch) => boolean): Promise<Batch> {
  for (let tries = 0; tries < 2400; tries++) {
    const batch = (await ask(`/clipyard/v1/batches/${id}`)) as unknown as Batch;
    if (reached(batch)) return batch;
    await sleep(500);
  }
  throw new Error(`the batch stays as it is: ${JSON.stringify(await ask(`/clipyard/v1/batches/${id}`))}`);
}

/** The custom ids in a file that was written of a batch. */
async function customIdsIn(url: string, fileId: string | null): Promise<readonly string[]> {
  if (fileId === null) return [];
  const text = await exchange(`${url}/v1/files/${fileId}/content`);
  const lines = text.trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { custom_id: string }).custom_id);
}

/**
 * The sums of all costs, once they are what was billed, or after some minutes as they are: what a lost create cost is
 * presumed until a sweep has read the list of its account.
 */
async function untilSettled(ask: Ask, billedMicroUsd: number): Promise<Readonly<Record<string, number>>> {
  for (let tries = 0; ; tries++) {
    const { items } = (await ask('/clipyard/v1/costs')) as { items: Record<string, number>[] };
    const [total = {}] = items;
    const isSettled = (total['settledMicroUsd'] ?? 0) + (total['lostMicroUsd'] ?? 0) === billedMicroUsd;
    if (isSettled || tries === 300) return total;
    await sleep(1000);
  }
}

/** Ids of a batch's clips. */
async function clipsOf(url: string, id: string): Promise<readonly string[]> {
  const lines = (await exchange(`${url}/clipyard/v1/batches/${id}/manifest`)).trim().split('\n');
  return lines.map((line) => (JSON.parse(line) as { id: string }).id);
}

test('every line and every single clip ends, is paid for once, and the ledger follows the bill', async () => {
  const binaries = findPostgresBinaries();
  if (binaries === null) throw new Error('PostgreSQL is not installed on this machine');
  postgres = await startPostgres(binaries);
  const [gatewayPort, lastingPort] = await Promise.all([freePort(0), freePort(0)]);
  const sandbox = start(['sandbox', '--port', '0', '--speed', String(SANDBOX_SPEED)], {});
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
  start(['serve'], { ...settings, CLIPYARD_PORT: String(lastingPort) });
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
  await untilReady(`${lastingUrl}/readyz`);
  const ask = askAs(ROOT_KEY, lastingUrl);
  await untilModels(ask);
  await new SandboxClient(sandboxUrl).configure({ faults: FAULTS });

  const gateways = [`http://127.0.0.1:${gatewayPort}`, lastingUrl];
  const { id } = JSON.parse(await exchange(`${lastingUrl}/clipyard/v1/batches`, manifest())) as { id: string };
  let kills = 0;
  let endedAtLastKill = 0;
  const hasProgressed = async () => {
    const batch = await untilBatch(ask, id, (now) => isOver || endedOf(now) >= endedAtLastKill + LINES_BETWEEN_KILLS);
    endedAtLastKill = endedOf(batch);
  };
  const strike = async () => {
    const blows = [...victims.map((victim) => () => victim.strike(hasProgressed)), killTemporal];
    while (!isOver) await blows[kills++ % blows.length]?.();
  };
  striking = strike();
  const singles = await Promise.all(Array.from({ length: SINGLES }, (_, index) => createSurely(gateways, index)));
  expect(new Set(singles).size).toBe(SINGLES);
  await untilBatch(ask, id, (batch) => endedOf(batch) >= LINES / 2);
  isOver = true;
  await striking;
  const batch = await untilBatch(ask, id, ({ endedAt }) => endedAt !== null);
  const clips = [...(await clipsOf(lastingUrl, id)), ...singles];
  const snapshots = await untilVideos(ask, clips, (all) => all.every(({ endedAt }) => endedAt !== null));

  const { completed = 0, failed = 0 } = batch.counts;
  expect({ state: batch.state, ended: completed + failed }).toEqual({ state: 'completed', ended: LINES });
  const output = await customIdsIn(lastingUrl, batch.outputFileId);
  const errors = await customIdsIn(lastingUrl, batch.errorFileId);
  expect([output.length, errors.length]).toEqual([completed, failed]);
  expect(new Set([...output, ...errors]).size).toBe(LINES);
  const bill = await new SandboxClient(sandboxUrl).bill();
  const billedMicroUsd = bill.tasks.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0);
  const total = await untilSettled(ask, billedMicroUsd);
  expect(Math.max(...Object.values(bill.peakConcurrent))).toBeLessThanOrEqual(TASKS_AT_ONCE);
  expect((total['settledMicroUsd'] ?? 0) + (total['lostMicroUsd'] ?? 0)).toBe(billedMicroUsd);
  const settledBySingles = snapshots
    .filter(({ id: clip }) => singles.includes(String(clip)))
    .reduce((sum, { cost }) => sum + Number((cost as Record<string, number>)['settledMicroUsd']), 0);
  expect(batch.costMicroUsd + settledBySingles).toBe(total['settledMicroUsd']);
  const made = snapshots.flatMap(({ taskId }) => taskId ?? []);
  expect(bill.tasks.map(({ id: task }) => task).toSorted()).toEqual(made.toSorted());
  const { heldMicroUsd } = (await ask('/clipyard/v1/balance')) as { heldMicroUsd: number };
  expect(heldMicroUsd).toBe(0);
}, 1_800_000);
