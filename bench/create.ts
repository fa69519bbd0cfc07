/** Benchmark `create`: a create through HTTP against a bare start of a workflow on the same Temporal server. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type Client as TemporalClient, WorkflowNotFoundError } from '@temporalio/client';
import { findVideo } from '../src/catalog/videos.ts';
import { discoverUpstreamModels } from '../src/process/upstream-models.ts';
import { setUpNamespace } from '../src/temporal/setup.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { median, percentile } from './statistics.ts';
import { startSandboxProcess, startSubjectGateway } from './subject.ts';
import { bareStart, CREATE_BODY, CREATE_PATH, httpCreate, type Timed } from './timed-starts.ts';

const WARM_UPS = 100;
const SAMPLES = 200;
const MOST_TIMES_SLOWER = 1.3;

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
    url: `${config.publicUrl}${CREATE_PATH}`,
    apiKey: parts.rootKey.key ?? '',
    body: JSON.stringify(CREATE_BODY),
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
