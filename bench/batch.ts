/** Benchmark `batch`: processor time and history of clips that are lines of a batch, against creates of their own. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client as TemporalClient } from '@temporalio/client';
import { isNull } from 'drizzle-orm';
import type { Db } from '../src/catalog/driver/database.ts';
import { batches } from '../src/catalog/tables/batches.ts';
import { videos } from '../src/catalog/tables/videos.ts';
import { discoverUpstreamModels } from '../src/process/upstream-models.ts';
import { runWorkers } from '../src/process/workers.ts';
import { installTemporalRuntime } from '../src/temporal/runtime.ts';
import { setUpNamespace } from '../src/temporal/setup.ts';
import { type BatchClient, createSingles, submitBatch } from './batch-client.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { readCpuMs } from './process-cpu.ts';
import { mean, sum } from './statistics.ts';
import { openSubjectLog, startSandboxProcess, startSubjectGateway } from './subject.ts';

/** Of each kind in a round; the first round only warms up. */
const CLIPS = 60;
const ROUNDS = 3;
const MOST_TIMES = 1.2;
/** Quick, so that both kinds are bound by our work. */
const SANDBOX_SPEED = 20;
const SLOTS = 4;
const LOOK_MS = 250;

/** What a round of clips took, of all of them. */
interface Round {
  readonly cpuMs: number;
  readonly temporalCpuMs: number;
  readonly events: number;
  readonly bytes: number;
}

/** Gateway, catalog and workers in this process, and a Temporal server beside it. */
async function startSubject(context: BenchContext) {
  installTemporalRuntime(openSubjectLog(context));
  const baseUrl = await startSandboxProcess(context, SANDBOX_SPEED);
  const { parts, link } = await startSubjectGateway(context, { baseUrl, maxConcurrentTasks: SLOTS });
  const { config, log, database } = parts;
  const { client, connection } = await link.openEmbedded();
  await setUpNamespace(connection, config.temporal.namespace, log);
  await discoverUpstreamModels(parts);
  const workers = runWorkers(parts, link);
  context.closers.add('workers', () => workers.stop());
  await workers.ready;
  const { pid } = JSON.parse(readFileSync(join(config.dataDir, 'temporal.json'), 'utf8')) as { readonly pid: number };
  const asking: BatchClient = { url: config.publicUrl, key: parts.rootKey.key ?? '', stop: context.stop };
  return { client, db: database.db, temporalPid: pid, asking };
}

type Subject = Awaited<ReturnType<typeof startSubject>>;

async function historyOf(client: TemporalClient, workflowId: string) {
  const { historyLength, historySize = 0 } = await client.workflow.getHandle(workflowId).describe();
  return { events: historyLength, bytes: historySize };
}

/** Asked of the catalog, and the same for both kinds: a client's requests would be work of this process. */
async function untilAllEnded(db: Db, stop: AbortSignal): Promise<void> {
  for (;;) {
    const open = await db.$count(videos, isNull(videos.endedAt));
    if (open + (await db.$count(batches, isNull(batches.endedAt))) === 0) return;
    await sleep(LOOK_MS, undefined, { signal: stop });
  }
}

/** Has clips made, and measures from the first create until the last of them has ended, and their batch. */
async function measure(
  { client, db, temporalPid, asking }: Subject,
  make: () => Promise<readonly string[]>,
): Promise<Round> {
  const before = new Set((await db.select({ id: videos.id }).from(videos)).map(({ id }) => id));
  const cpu = process.cpuUsage();
  const temporalMs = readCpuMs(temporalPid);
  const batchIds = await make();
  await untilAllEnded(db, asking.stop);
  const { user, system } = process.cpuUsage(cpu);
  const temporalCpuMs = readCpuMs(temporalPid) - temporalMs;
  const ids = (await db.select({ id: videos.id }).from(videos)).map(({ id }) => id).filter((id) => !before.has(id));
  const histories = [];
  for (const id of [...ids, ...batchIds]) histories.push(await historyOf(client, id));
  return {
    cpuMs: (user + system) / 1000,
    temporalCpuMs,
    events: sum(histories.map(({ events }) => events)),
    bytes: sum(histories.map(({ bytes }) => bytes)),
  };
}

/** The mean of the rounds behind the first, of one clip. */
function perClip(rounds: readonly Round[], clips: number, of: (round: Round) => number): number {
  return mean(rounds.slice(1).map(of)) / clips;
}

export async function batch(context: BenchContext): Promise<Outcome> {
  const clips = context.options.clips ?? CLIPS;
  const subject = await startSubject(context);
  const { asking } = subject;
  const rounds = { batch: [] as Round[], single: [] as Round[] };
  const kinds = {
    async batch() {
      return [await submitBatch(asking, clips)];
    },
    async single() {
      await createSingles(asking, clips);
      return [];
    },
  };
  for (let n = 0; n < ROUNDS; n += 1) {
    for (const kind of ['single', 'batch'] as const) rounds[kind].push(await measure(subject, kinds[kind]));
  }
  const compare = (what: string, unit: string, of: (round: Round) => number) => ({
    what,
    unit,
    ours: perClip(rounds.batch, clips, of),
    baseline: perClip(rounds.single, clips, of),
    bar: { atMost: MOST_TIMES },
  });
  return {
    comparisons: [
      compare('processor time of a clip in a batch and of one of its own', 'ms', ({ cpuMs }) => cpuMs),
      compare('the same of the Temporal server', 'ms', ({ temporalCpuMs }) => temporalCpuMs),
      compare('events of history a clip, with those of its batch', '', ({ events }) => events),
      compare('bytes of history a clip, with those of its batch', 'B', ({ bytes }) => bytes),
    ],
    figures: { clips, rounds },
  };
}
