/** Benchmark `costs`: what a clip costs gateway, worker, Temporal and PostgreSQL, each a process of its own. */

import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { openTemporalClient } from '../src/temporal/connection.ts';
import { createSingles, hasEnded, submitBatch, untilBatch } from './batch-client.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { readCpuMs, readTreeCpuMs } from './process-cpu.ts';
import { type SubjectProcesses, startProcesses } from './processes.ts';
import { sum } from './statistics.ts';

/** Of each kind. */
const CLIPS = 100;
/** Before anything is measured. */
const WARM_UP = 50;
const SANDBOX_SPEED = 20;
const SLOTS = 16;
const LOOK_MS = 500;

/** Those of clips and of batches. */
const HISTORIES = "WorkflowType IN ('generateVideo', 'runBatch')";

const sizes = z.array(z.object({ name: z.string(), rows: z.coerce.number(), bytes: z.coerce.number() }));
type Sizes = z.output<typeof sizes>;

/** Rows and bytes of each of the catalog's tables, its indexes among them. */
async function readTables(client: pg.Client): Promise<Sizes> {
  const { rows } = await client.query(
    "select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
  );
  const counts = z
    .array(z.object({ name: z.string() }))
    .parse(rows)
    .map(
      ({ name }) =>
        `select '${name}' as name, count(*) as rows, pg_total_relation_size('${name}') as bytes from ${name}`,
    );
  return sizes.parse((await client.query(counts.join(' union all '))).rows);
}

/** Asked of the catalog, since a client's requests would be work of the gateway. */
async function untilAllEnded(client: pg.Client, stop: AbortSignal): Promise<void> {
  const open = 'select count(*)::int as open from videos where ended_at is null';
  while ((await client.query<{ open: number }>(open)).rows[0]?.open !== 0) {
    await sleep(LOOK_MS, undefined, { signal: stop });
  }
}

/** Events and bytes of all histories so far. */
async function readHistories(address: string) {
  const { client, close } = openTemporalClient({ address }, 'default');
  const total = { events: 0, bytes: 0 };
  for await (const { historyLength, historySize = 0 } of client.workflow.list({ query: HISTORIES })) {
    total.events += historyLength;
    total.bytes += historySize;
  }
  await close();
  return total;
}

/** What everything has taken so far. */
async function readAll({ gateway, worker, temporal, postgres }: SubjectProcesses, client: pg.Client) {
  const cpuMs = {
    gateway: readTreeCpuMs(gateway.pid),
    worker: readCpuMs(worker.pid),
    ffmpeg: readTreeCpuMs(worker.pid) - readCpuMs(worker.pid),
    temporal: readTreeCpuMs(temporal.pid),
    postgres: readTreeCpuMs(postgres.pid()),
  };
  return { cpuMs, tables: await readTables(client), history: await readHistories(temporal.printed) };
}

type Taken = Awaited<ReturnType<typeof readAll>>;

/** Between two readings, of one clip. */
function perClip(before: Taken, after: Taken, clips: number) {
  const cpuMs = (name: keyof Taken['cpuMs']) => (after.cpuMs[name] - before.cpuMs[name]) / clips;
  const tables = after.tables.map(({ name, rows, bytes }) => {
    const then = before.tables.find((table) => table.name === name) ?? { rows: 0, bytes: 0 };
    return { name, rows: (rows - then.rows) / clips, bytes: (bytes - then.bytes) / clips };
  });
  return {
    cpuMs: {
      gateway: cpuMs('gateway'),
      worker: cpuMs('worker'),
      ffmpeg: cpuMs('ffmpeg'),
      temporal: cpuMs('temporal'),
      postgres: cpuMs('postgres'),
    },
    historyEvents: (after.history.events - before.history.events) / clips,
    historyBytes: (after.history.bytes - before.history.bytes) / clips,
    rows: sum(tables.map(({ rows }) => rows)),
    bytes: sum(tables.map(({ bytes }) => bytes)),
    tables: tables.filter(({ rows, bytes }) => rows > 0 || bytes > 0),
  };
}

export async function costs(context: BenchContext): Promise<Outcome> {
  const clips = context.options.clips ?? CLIPS;
  const subject = await startProcesses(context, { speed: SANDBOX_SPEED, slots: SLOTS });
  const { asking, postgres } = subject;
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  context.closers.add('connection to the catalog', () => client.end());
  const make = {
    async single(count: number) {
      await createSingles(asking, count);
      await untilAllEnded(client, asking.stop);
    },
    async batch(count: number) {
      await untilBatch(asking, await submitBatch(asking, count), hasEnded);
    },
  };
  await make.single(WARM_UP);
  const measure = async (kind: keyof typeof make) => {
    const before = await readAll(subject, client);
    await make[kind](clips);
    return perClip(before, await readAll(subject, client), clips);
  };
  const single = await measure('single');
  const batch = await measure('batch');
  const told = (what: string, unit: string, of: (cost: typeof single) => number) => {
    return { what, unit, ours: of(single), baseline: null, bar: null };
  };
  return {
    comparisons: [
      told('processor time of the gateway, a clip', 'ms', ({ cpuMs }) => cpuMs.gateway),
      told('the same of the worker', 'ms', ({ cpuMs }) => cpuMs.worker),
      told('the same of ffmpeg, which the worker starts', 'ms', ({ cpuMs }) => cpuMs.ffmpeg),
      told('the same of Temporal', 'ms', ({ cpuMs }) => cpuMs.temporal),
      told('the same of PostgreSQL', 'ms', ({ cpuMs }) => cpuMs.postgres),
      told('events of history, a clip', '', ({ historyEvents }) => historyEvents),
      told('bytes of history, a clip', 'B', ({ historyBytes }) => historyBytes),
      told('rows of the catalog, a clip', '', ({ rows }) => rows),
      told('bytes of the catalog, a clip', 'B', ({ bytes }) => bytes),
    ],
    figures: { clips, loadAverages: loadavg(), single, batch },
  };
}
