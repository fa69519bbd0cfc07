/** Benchmark `create-beside`: creates with every part a process of its own, while the workflows of the creates before run. */

import { z } from 'zod';
import type { VideoRequest } from '../src/domain/video-request.ts';
import { openTemporalClient } from '../src/temporal/connection.ts';
import { ask } from './batch-client.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { startProcesses } from './processes.ts';
import { median, percentile } from './statistics.ts';
import { bareStart, CREATE_BODY, CREATE_PATH, httpCreate } from './timed-starts.ts';

const WARM_UPS = 40;
const SAMPLES = 100;
const SANDBOX_SPEED = 20;
const SLOTS = 32;
const MOST_TIMES_SLOWER = 1.3;
const MOST_TIMES_THE_MEDIAN = 2.5;

const requested = z.object({ request: z.custom<VideoRequest>() });

export async function createBeside(context: BenchContext): Promise<Outcome> {
  const { temporal, asking } = await startProcesses(context, { speed: SANDBOX_SPEED, slots: SLOTS });
  const { client, close } = openTemporalClient({ address: temporal.printed }, 'default');
  context.closers.add('client of Temporal', close);
  const body = JSON.stringify(CREATE_BODY);
  const ours = httpCreate(context, { url: `${asking.url}${CREATE_PATH}`, apiKey: asking.key, body });
  const { request } = await ask(asking, requested, `/clipyard/v1/videos/${(await ours()).workflowId}`);
  const bare = bareStart(client, request);
  const times = { ours: [] as number[], bare: [] as number[] };
  for (let n = 0; n < WARM_UPS + SAMPLES; n += 1) {
    const taken = { ours: (await ours()).tookMs, bare: (await bare()).tookMs };
    if (n < WARM_UPS) continue;
    times.ours.push(taken.ours);
    times.bare.push(taken.bare);
  }
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
    figures: { samples: SAMPLES },
  };
}
