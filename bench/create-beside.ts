/** Benchmark `create-beside`: creates with every part a process of its own, while the workflows of the creates before run. */

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { RUNNING_STATES } from '../src/domain/video.ts';
import type { VideoRequest } from '../src/domain/video-request.ts';
import { openTemporalClient } from '../src/temporal/connection.ts';
import { ask, type BatchClient } from './batch-client.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { startProcesses } from './processes.ts';
import { median, percentile } from './statistics.ts';
import { bareStart, CREATE_BODY, CREATE_PATH, httpCreate } from './timed-starts.ts';

const WARM_UPS = 40;
/** One after the other, each while those before it are worked on. */
const CREATES = 100;
/** Each begins when no clip is left: a 95th percentile of one round alone is five samples. */
const ROUNDS = 5;
const LOOK_MS = 500;
const SANDBOX_SPEED = 20;
const SLOTS = 32;
const MOST_TIMES_SLOWER = 1.3;
const MOST_TIMES_THE_MEDIAN = 2.5;

const listed = z.object({ items: z.array(z.unknown()) });
const requested = z.object({ request: z.custom<VideoRequest>() });

async function untilAllEnded(asking: BatchClient): Promise<void> {
  const path = `/clipyard/v1/videos?limit=1&state=${RUNNING_STATES.join(',')}`;
  while ((await ask(asking, listed, path)).items.length > 0) {
    await sleep(LOOK_MS, undefined, { signal: asking.stop });
  }
}

export async function createBeside(context: BenchContext): Promise<Outcome> {
  const { temporal, asking } = await startProcesses(context, { speed: SANDBOX_SPEED, slots: SLOTS });
  const { client, close } = openTemporalClient({ address: temporal.printed }, 'default');
  context.closers.add('client of Temporal', close);
  const body = JSON.stringify(CREATE_BODY);
  const ours = httpCreate(context, { url: `${asking.url}${CREATE_PATH}`, apiKey: asking.key, body });
  const { request } = await ask(asking, requested, `/clipyard/v1/videos/${(await ours()).workflowId}`);
  const bare = bareStart(client, request);
  const round = async (creates: number) => {
    const taken: { readonly ours: number; readonly bare: number }[] = [];
    for (let n = 0; n < creates; n += 1) taken.push({ ours: (await ours()).tookMs, bare: (await bare()).tookMs });
    await untilAllEnded(asking);
    return taken;
  };
  await round(WARM_UPS);
  const taken: Awaited<ReturnType<typeof round>> = [];
  for (let n = 0; n < ROUNDS; n += 1) taken.push(...(await round(CREATES)));
  const times = { ours: taken.map((one) => one.ours), bare: taken.map((one) => one.bare) };
  const p50Ms = median(times.ours);
  return {
    comparisons: [
      {
        what: 'p50 of an HTTP create and a bare workflow.start, on PostgreSQL',
        unit: 'ms',
        ours: p50Ms,
        baseline: median(times.bare),
        bar: { atMost: MOST_TIMES_SLOWER },
      },
      {
        what: 'p95 of the creates and their p50',
        unit: 'ms',
        ours: percentile(times.ours, 0.95),
        baseline: p50Ms,
        bar: { atMost: MOST_TIMES_THE_MEDIAN },
      },
      {
        what: 'p99 of both',
        unit: 'ms',
        ours: percentile(times.ours, 0.99),
        baseline: percentile(times.bare, 0.99),
        bar: null,
      },
    ],
    figures: { rounds: ROUNDS, samples: taken.length },
  };
}
