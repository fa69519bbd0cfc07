/** Benchmark `create`: a create through HTTP against a bare start of a workflow on the same Temporal server. */

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client as TemporalClient, WorkflowNotFoundError } from '@temporalio/client';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import { findVideo } from '../src/catalog/videos.ts';
import type { VideoRequest } from '../src/domain/video-request.ts';
import { discoverUpstreamModels } from '../src/process/upstream-models.ts';
import { setUpNamespace } from '../src/temporal/setup.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import type { CreateOrder } from './create-process.ts';
import { median, percentile } from './statistics.ts';
import { startSandboxProcess, startSubjectGateway } from './subject.ts';

const WARM_UPS = 100;
const SAMPLES = 200;
const MOST_TIMES_SLOWER = 2;
const BODY = {
  model: 'sandbox-mini',
  prompt: 'A paper boat crosses a puddle at dawn, city lights mirrored in the water',
  duration_seconds: 1,
};

const createdSchema = z.object({ taskId: z.string(), tookMs: z.number(), problem: z.string().nullable() });

/** What was begun, and how long its answer took. */
interface Timed {
  readonly workflowId: string;
  readonly tookMs: number;
}

/** A create as a client with a kept connection sends it. */
function httpCreate({ closers }: BenchContext, order: CreateOrder) {
  const child = fork(fileURLToPath(new URL('./create-process.js', import.meta.url)));
  closers.add('client', async () => child.kill());
  return async (): Promise<Timed> => {
    child.send(order);
    const [message] = await once(child, 'message');
    const { taskId, tookMs, problem } = createdSchema.parse(message);
    if (problem !== null) throw new Error(`a create: ${problem}`);
    return { workflowId: taskId, tookMs };
  };
}

/** The same input, and nothing else: no attributes, no memo, no policies. */
function bareStart(client: TemporalClient, request: VideoRequest) {
  return async (): Promise<Timed> => {
    const workflowId = `bare_${uuidv7()}`;
    const args = [{ request, callerId: 'root' }];
    const startedMs = performance.now();
    await client.workflow.start('bareWorkflow', { workflowId, taskQueue: 'never-polled', args });
    return { workflowId, tookMs: performance.now() - startedMs };
  };
}

/** Resolves when the workflow is there: a create starts its own after its answer, which must not be paid by who comes next. */
async function whenStarted(client: TemporalClient, workflowId: string): Promise<void> {
  for (;;) {
    try {
      await client.workflow.getHandle(workflowId).describe();
      return;
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      await sleep(5);
    }
  }
}

/** Milliseconds of each, taken in turns; who goes first changes, so that neither always follows the other. */
async function interleaved(client: TemporalClient, ours: () => Promise<Timed>, bare: () => Promise<Timed>) {
  const times = { ours: [] as number[], bare: [] as number[] };
  for (let n = 0; n < 2 * (WARM_UPS + SAMPLES); n += 1) {
    const isOurs = n % 4 === 0 || n % 4 === 3;
    const { workflowId, tookMs } = await (isOurs ? ours : bare)();
    await whenStarted(client, workflowId);
    if (n >= 2 * WARM_UPS) times[isOurs ? 'ours' : 'bare'].push(tookMs);
  }
  return times;
}

/** A gateway with its catalog and Temporal; no worker, for what runs meanwhile would be measured too. */
async function startSubject(context: BenchContext) {
  const baseUrl = await startSandboxProcess(context, 1);
  const { parts, link } = await startSubjectGateway(context, { baseUrl });
  const { config, log } = parts;
  const { client, connection } = await link.openEmbedded();
  await setUpNamespace(connection, config.temporal.namespace, log);
  await discoverUpstreamModels(parts);
  return { config, parts, client };
}

export async function create(context: BenchContext): Promise<Outcome> {
  const { config, parts, client } = await startSubject(context);
  const order = {
    url: `${config.publicUrl}/airforce/v1/video/generations`,
    apiKey: parts.rootKey.key ?? '',
    body: JSON.stringify(BODY),
  };
  const ours = httpCreate(context, order);
  const video = await findVideo(parts.database.db, (await ours()).workflowId);
  if (video === null) throw new Error('the created video is not in the catalog');
  const times = await interleaved(client, ours, bareStart(client, video.request));
  return {
    comparisons: [
      {
        what: 'p50 of an HTTP create and a bare workflow.start',
        unit: 'ms',
        ours: median(times.ours),
        baseline: median(times.bare),
        bar: { atMost: MOST_TIMES_SLOWER },
      },
      {
        what: 'p95 of the same',
        unit: 'ms',
        ours: percentile(times.ours, 0.95),
        baseline: percentile(times.bare, 0.95),
        bar: null,
      },
    ],
    figures: { samples: SAMPLES },
  };
}
