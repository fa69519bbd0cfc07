/** Benchmarks `makespan` and `makespan-stream`: many clips through four slots against the upstream's work alone. */

import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { count, eq, isNull, ne } from 'drizzle-orm';
import { z } from 'zod';
import type { Db } from '../src/catalog/driver/database.ts';
import { submissions } from '../src/catalog/tables/submissions.ts';
import { videos } from '../src/catalog/tables/videos.ts';
import type { PollTiming } from '../src/domain/poll-schedule.ts';
import { startAllInOne } from '../src/process/all-in-one.ts';
import { airforce } from '../src/providers/airforce.ts';
import { type BatchClient, createSingles, hasEnded, submitBatch, untilBatch } from './batch-client.ts';
import type { BenchContext, Benchmark, Outcome } from './benchmark.ts';
import { mean, percentile, sum } from './statistics.ts';
import { openSubjectLog, startSandboxProcess, subjectConfig } from './subject.ts';

const CLIPS = 60;
const SLOTS = 4;
const MOST_TIMES_IDEAL = 1.05;
const MOST_SEEN_LATE_SHARE = 0.05;
/** A clip of one second, which the sandbox renders quickly, takes 10 s to generate at this speed. */
const SANDBOX_SPEED = 0.45;
/** Four in five clips take longer or shorter than that, or all slots would come free at the same moments. */
const DIFFERENT_CLIPS = [
  { kind: 'slow', factor: 0.9, rate: 1 / 5 },
  { kind: 'slow', factor: 0.95, rate: 1 / 4 },
  { kind: 'slow', factor: 1.05, rate: 1 / 3 },
  { kind: 'slow', factor: 1.1, rate: 1 / 2 },
];
const LOOK_MS = 250;

const billSchema = z.object({
  tasks: z.array(z.object({ id: z.string(), createdAt: z.iso.datetime(), generationMs: z.number() })),
});

/** Resolves when every video has its end. @throws when one did not complete. */
async function untilAllEnded(db: Db, stop: AbortSignal): Promise<void> {
  for (;;) {
    const [open] = await db.select({ n: count() }).from(videos).where(isNull(videos.endedAt));
    if (open?.n === 0) break;
    await sleep(LOOK_MS, undefined, { signal: stop });
  }
  const [other] = await db.select().from(videos).where(ne(videos.state, 'completed')).limit(1);
  if (other) throw new Error(`video ${other.id} is ${other.state}: ${other.failure?.message ?? ''}`);
}

/** One clip's way, in milliseconds of the one clock that both processes read. */
interface Passage {
  readonly grantedMs: number;
  readonly sentMs: number;
  readonly startedMs: number;
  readonly generationMs: number;
  /** When the upstream was done, which it does not tell. */
  readonly doneMs: number;
  readonly seenMs: number;
  readonly endedMs: number;
  readonly polls: number;
}

async function readPassages(db: Db, sandboxUrl: string): Promise<readonly Passage[]> {
  const answer = await fetch(`${sandboxUrl}/_sandbox/bill`, { signal: AbortSignal.timeout(10_000) });
  const { tasks } = billSchema.parse(await answer.json());
  const rows = await db
    .select({ video: videos, submission: submissions })
    .from(submissions)
    .innerJoin(videos, eq(videos.id, submissions.videoId))
    .where(eq(submissions.state, 'ended'));
  return tasks.map(({ id, createdAt, generationMs }) => {
    const row = rows.find(({ submission }) => submission.taskId === id);
    if (!row?.submission.sentAt || !row.submission.endedAt || !row.video.endedAt)
      throw new Error(`task ${id} belongs to no clip`);
    const startedMs = Date.parse(createdAt);
    return {
      grantedMs: row.submission.grantedAt.getTime(),
      sentMs: row.submission.sentAt.getTime(),
      startedMs,
      generationMs,
      doneMs: startedMs + generationMs,
      seenMs: row.submission.endedAt.getTime(),
      endedMs: row.video.endedAt.getTime(),
      polls: row.video.polls,
    };
  });
}

function spread(values: readonly number[]) {
  return { mean: mean(values), p50: percentile(values, 0.5), p95: percentile(values, 0.95) };
}

/** How the slots were taken at the beginning, in milliseconds since the first create. */
function firstStarts(passages: readonly Passage[], sinceMs: number) {
  const first = passages.toSorted((a, b) => a.startedMs - b.startedMs).slice(0, SLOTS);
  return first.map(({ grantedMs, sentMs, startedMs }) => ({
    granted: grantedMs - sinceMs,
    sent: sentMs - sinceMs,
    started: startedMs - sinceMs,
  }));
}

/** Where the time goes that is not generation, in milliseconds. */
function lagsOf(passages: readonly Passage[]) {
  const lastDoneMs = Math.max(...passages.map(({ doneMs }) => doneMs));
  return {
    doneToSeen: spread(passages.map(({ doneMs, seenMs }) => seenMs - doneMs)),
    grantedToSent: spread(passages.map(({ grantedMs, sentMs }) => sentMs - grantedMs)),
    sentToStarted: spread(passages.map(({ sentMs, startedMs }) => startedMs - sentMs)),
    seenToArchived: spread(passages.map(({ seenMs, endedMs }) => endedMs - seenMs)),
    lastDoneToAllArchived: Math.max(...passages.map(({ endedMs }) => endedMs)) - lastDoneMs,
  };
}

async function setConditions(sandboxUrl: string, { pushes }: { readonly pushes: boolean }): Promise<void> {
  const faults = pushes ? DIFFERENT_CLIPS : [...DIFFERENT_CLIPS, { kind: 'http_error', on: 'stream', status: 404 }];
  const answer = await fetch(`${sandboxUrl}/_sandbox/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ faults }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`the sandbox refuses its conditions: ${await answer.text()}`);
}

interface Conditions {
  readonly timing: Partial<PollTiming>;
  /** Whether the upstream has the event stream by which tasks can be followed. */
  readonly pushes: boolean;
  /** As lines of one batch, in place of creates of their own. */
  readonly asBatch?: boolean;
}

async function makeClips(context: BenchContext, sandboxUrl: string, { timing, asBatch = false }: Conditions) {
  const log = openSubjectLog(context);
  const config = await subjectConfig(context, { baseUrl: sandboxUrl, maxConcurrentTasks: SLOTS, timing });
  const { parts, working } = await startAllInOne(config, { ...context, log });
  await working;
  const { options, stop } = context;
  const asking: BatchClient = { url: config.publicUrl, key: parts.rootKey.key ?? '', stop };
  const clips = options.clips ?? CLIPS;
  const createdMs = Date.now();
  const batchId = asBatch ? await submitBatch(asking, clips) : null;
  if (batchId === null) await createSingles(asking, clips);
  const allCreatedMs = Date.now();
  if (batchId !== null) await untilBatch(asking, batchId, hasEnded);
  await untilAllEnded(parts.database.db, context.stop);
  return { createdMs, allCreatedMs, passages: await readPassages(parts.database.db, sandboxUrl) };
}

async function measure(context: BenchContext, conditions: Conditions): Promise<Outcome> {
  const { timing, pushes } = conditions;
  const sandboxUrl = await startSandboxProcess(context, SANDBOX_SPEED);
  await setConditions(sandboxUrl, { pushes });
  const { createdMs, allCreatedMs, passages } = await makeClips(context, sandboxUrl, conditions);
  const workMs = passages.map(({ generationMs }) => generationMs);
  const makespanMs = Math.max(...passages.map(({ endedMs }) => endedMs)) - createdMs;
  const lags = lagsOf(passages);
  return {
    comparisons: [
      {
        what: `${passages.length} clips archived through ${SLOTS} slots, and the upstream's work alone`,
        unit: 's',
        ours: makespanMs / 1000,
        baseline: sum(workMs) / SLOTS / 1000,
        bar: { atMost: MOST_TIMES_IDEAL },
      },
      {
        what: 'mean lag until a done task is seen, of its generation time',
        unit: '',
        ours: lags.doneToSeen.mean / mean(workMs),
        baseline: null,
        bar: { atMost: MOST_SEEN_LATE_SHARE },
      },
    ],
    figures: {
      clips: passages.length,
      slots: SLOTS,
      pushes,
      // What else ran: with more than a process for each core, this measures the machine.
      loadAverages: loadavg(),
      timing: { ...airforce.facts.timing, ...timing },
      generationMs: spread(workMs),
      pollsPerClip: spread(passages.map(({ polls }) => polls)),
      untilAllCreatedMs: allCreatedMs - createdMs,
      firstStartsMs: firstStarts(passages, createdMs),
      lagsMs: lags,
    },
  };
}

const TWICE_A_SECOND = { firstPollMs: 500, minPollMs: 500, maxPollMs: 5_000 };

/** An account that may be polled twice a second, and whose upstream does not push: what polls achieve by themselves. */
export const makespan: Benchmark = (context) => measure(context, { timing: TWICE_A_SECOND, pushes: false });

/** The same for the lines of one batch. */
export const makespanBatch: Benchmark = (context) =>
  measure(context, { timing: TWICE_A_SECOND, pushes: false, asBatch: true });

/** The documented timing, which alone would see the end of each clip seconds late; the event stream is followed. */
export const makespanStream: Benchmark = (context) => measure(context, { timing: {}, pushes: true });
