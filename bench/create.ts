/** Benchmark `create`: a create through HTTP against a bare start of a workflow on the same Temporal server. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Client as TemporalClient, WorkflowNotFoundError } from '@temporalio/client';
import { Client } from 'undici';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import { findVideo } from '../src/catalog/videos.ts';
import { startGateway } from '../src/cli/gateway-part.ts';
import { openParts } from '../src/cli/parts.ts';
import { TemporalLink } from '../src/cli/temporal-link.ts';
import { discoverUpstreamModels } from '../src/cli/worker-part.ts';
import type { VideoRequest } from '../src/domain/video-request.ts';
import { setUpNamespace } from '../src/temporal/setup.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { median, percentile } from './statistics.ts';
import { openSubjectLog, startSandboxProcess, subjectConfig } from './subject.ts';

const WARM_UPS = 20;
const SAMPLES = 200;
const MOST_TIMES_SLOWER = 2;
const BODY = {
  model: 'sandbox-mini',
  prompt: 'A paper boat crosses a puddle at dawn, city lights mirrored in the water',
  duration_seconds: 1,
};

const createdSchema = z.object({ task_id: z.string() });

/** A create as a client with a kept connection sends it; the video's id. */
function httpCreate(client: Client, apiKey: string) {
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  return async (): Promise<string> => {
    const path = '/airforce/v1/video/generations';
    const { statusCode, body } = await client.request({ method: 'POST', path, headers, body: JSON.stringify(BODY) });
    if (statusCode !== 200) throw new Error(`a create was answered ${statusCode}: ${await body.text()}`);
    return createdSchema.parse(await body.json()).task_id;
  };
}

/** The same input, and nothing else: no attributes, no memo, no policies. The workflow's id. */
function bareStart(client: TemporalClient, request: VideoRequest) {
  return async (): Promise<string> => {
    const workflowId = `bare_${uuidv7()}`;
    const args = [{ request, callerId: 'root' }];
    await client.workflow.start('bareWorkflow', { workflowId, taskQueue: 'polled-by-nobody', args });
    return workflowId;
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

/** Times work that answers with a workflow's id, and lets that start before anything else is timed. */
function stopwatch(client: TemporalClient) {
  return async (work: () => Promise<string>): Promise<number> => {
    const startedMs = performance.now();
    const workflowId = await work();
    const tookMs = performance.now() - startedMs;
    await whenStarted(client, workflowId);
    return tookMs;
  };
}

/** Milliseconds of each, taken in turns; who goes first changes, so that neither always follows the other. */
async function interleaved(client: TemporalClient, ours: () => Promise<string>, bare: () => Promise<string>) {
  const timed = stopwatch(client);
  const times = { ours: [] as number[], bare: [] as number[] };
  for (let n = 0; n < WARM_UPS + SAMPLES; n += 1) {
    const oursFirst = n % 2 === 0;
    const firstMs = await timed(oursFirst ? ours : bare);
    const secondMs = await timed(oursFirst ? bare : ours);
    if (n < WARM_UPS) continue;
    times.ours.push(oursFirst ? firstMs : secondMs);
    times.bare.push(oursFirst ? secondMs : firstMs);
  }
  return times;
}

/** A gateway with its catalog and Temporal; no worker, for what runs meanwhile would be measured too. */
async function startSubject(context: BenchContext) {
  const { stop, closers } = context;
  const log = openSubjectLog(context);
  const config = await subjectConfig(context, { baseUrl: await startSandboxProcess(context, 1) });
  const parts = await openParts(config, log, closers);
  const link = new TemporalLink({ config, log, closers, stop });
  const { client, connection } = await link.openEmbedded();
  await setUpNamespace(connection, config.temporal.namespace, log);
  await discoverUpstreamModels(parts);
  await startGateway({ parts, link, checkWorkers: async () => undefined, stop, closers });
  return { config, parts, client };
}

export async function create(context: BenchContext): Promise<Outcome> {
  const { config, parts, client } = await startSubject(context);
  const http = new Client(config.publicUrl);
  context.closers.add('HTTP client', () => http.close());
  const ours = httpCreate(http, parts.rootKey.key ?? '');
  const video = await findVideo(parts.database.db, await ours());
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
