/** Benchmark `large-batch`: 10,000 lines accepted, shown and cancelled at half, and 50,000 accepted; as separate processes. */

import { loadavg } from 'node:os';
import { z } from 'zod';
import { batchAnswer } from '../src/wire/clipyard/batches.ts';
import { ask, type BatchClient, hasEnded, submitBatch, untilBatch } from './batch-client.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { startProcesses } from './processes.ts';
import { median, sum } from './statistics.ts';
import { watchGrowth } from './watch-growth.ts';

const LINES = 10_000;
const MOST_LINES = 50_000;
/** Clips that are made before memory is read: by then a process has taken what its work takes. */
const WARM_UP = 1000;
/** Completed until it is cancelled, where `--clips` does not say. */
const HALF = LINES / 2;
const MOST_ACCEPT_MS = 60_000;
const MOST_GROWTH_MIB = 100;
const MOST_ANSWER_MS = 50;
const ANSWERS = 20;
const SANDBOX_SPEED = 100;
const SLOTS = 32;
const PAGE = 100;

/** The median time of an answer. */
async function timeAnswers(asking: BatchClient, path: string): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < ANSWERS; n += 1) {
    const startedMs = performance.now();
    await ask(asking, z.unknown(), path);
    times.push(performance.now() - startedMs);
  }
  return median(times);
}

async function submitTimed(asking: BatchClient, lines: number) {
  const startedMs = performance.now();
  const id = await submitBatch(asking, lines);
  const acceptMs = performance.now() - startedMs;
  process.stderr.write(`${lines} lines accepted in ${Math.round(acceptMs)} ms\n`);
  return { id, acceptMs };
}

async function cancel(asking: BatchClient, id: string) {
  await ask(asking, batchAnswer, `/clipyard/v1/batches/${id}/cancel`, { type: 'application/json' });
  return await untilBatch(asking, id, hasEnded);
}

const moneySchema = z.object({ heldMicroUsd: z.number(), spentMicroUsd: z.number() });
const billSchema = z.object({ tasks: z.array(z.object({ costMicroUsd: z.number() })) });

/** @throws where money or lines do not add up. */
async function checkCancelled(asking: BatchClient, baseUrl: string, counts: Readonly<Record<string, number>>) {
  const { completed = 0, cancelled = 0 } = counts;
  const money = await ask(asking, moneySchema, '/clipyard/v1/balance');
  const { tasks } = billSchema.parse(await (await fetch(`${baseUrl}/_sandbox/bill`)).json());
  const billedMicroUsd = sum(tasks.map(({ costMicroUsd }) => costMicroUsd));
  const isRight =
    completed + cancelled === LINES &&
    tasks.length === WARM_UP + completed &&
    money.heldMicroUsd === 0 &&
    money.spentMicroUsd === billedMicroUsd;
  const facts = { completed, cancelled, tasks: tasks.length, billedMicroUsd, ...money };
  if (!isRight) throw new Error(`a cancelled batch does not add up: ${JSON.stringify(facts)}`);
  return facts;
}

export async function largeBatch(context: BenchContext): Promise<Outcome> {
  const { worker, gateway, asking, baseUrl } = await startProcesses(context, { speed: SANDBOX_SPEED, slots: SLOTS });
  // What a process takes for its first clips is not what many lines take.
  const warm = await submitBatch(asking, WARM_UP);
  await untilBatch(asking, warm, hasEnded);
  const growths = { gateway: watchGrowth(context, gateway.pid), worker: watchGrowth(context, worker.pid) };
  const first = await submitTimed(asking, LINES);
  const until = context.options.clips ?? HALF;
  const startedMs = performance.now();
  await untilBatch(asking, first.id, ({ counts }) => counts.completed >= until);
  const madeMs = performance.now() - startedMs;
  const listMs = await timeAnswers(asking, '/clipyard/v1/batches');
  const itemsMs = await timeAnswers(asking, `/clipyard/v1/batches/${first.id}/items?limit=${PAGE}`);
  const { counts } = await cancel(asking, first.id);
  const cancelled = await checkCancelled(asking, baseUrl, counts);
  const grownMiB = { gateway: growths.gateway(), worker: growths.worker() };
  const most = await submitTimed(asking, MOST_LINES);
  await cancel(asking, most.id);
  const held = (what: string, unit: string, ours: number, atMost: number) => {
    return { what, unit, ours, baseline: null, bar: { atMost } };
  };
  return {
    comparisons: [
      held(`${LINES} lines validated and accepted`, 'ms', first.acceptMs, MOST_ACCEPT_MS),
      held('growth of the gateway until it has ended', 'MiB', grownMiB.gateway, MOST_GROWTH_MIB),
      held('the same of the worker', 'MiB', grownMiB.worker, MOST_GROWTH_MIB),
      held('the list of batches amid it', 'ms', listMs, MOST_ANSWER_MS),
      held(`a page of ${PAGE} of its lines`, 'ms', itemsMs, MOST_ANSWER_MS),
      { what: `${MOST_LINES} lines accepted`, unit: 'ms', ours: most.acceptMs, baseline: null, bar: null },
    ],
    figures: { loadAverages: loadavg(), cancelledAfter: until, clipsPerSecond: (until / madeMs) * 1000, cancelled },
  };
}
