/** `runBatch`: a batch from its acceptance to its files. Its clips run beside it, and what comes next is read off the rows. */

import {
  CancellationScope,
  condition,
  continueAsNew,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import type { BatchProgress, BatchStep } from '../src/domain/batch.ts';
import { batching, batchMedia } from './activity-options.ts';
import { type BatchEnd, batchQuery, lookAgainSignal, type RunBatchInput } from './messages.ts';

/** Ends of clips that come close together are taken over in one step. */
const LEAST_BETWEEN_STEPS_MS = 1000;

/** Advances the batch as long as its rows leave something to do. A cancel from the Temporal UI ends no clip. */
export async function runBatch(input: RunBatchInput): Promise<BatchEnd> {
  return await CancellationScope.nonCancellable(() => toItsEnd(input));
}

async function toItsEnd(input: RunBatchInput): Promise<BatchEnd> {
  const { batchId } = input;
  let progress: BatchProgress | null = null;
  let isWoken = false;
  setHandler(batchQuery, () => progress);
  setHandler(lookAgainSignal, () => {
    isWoken = true;
  });
  for (;;) {
    isWoken = false;
    const next: BatchStep = await batching.advanceBatch({ batchId });
    progress = next.progress;
    setCurrentDetails(describe(next));
    if (next.step === 'ended') return { state: next.state, ...next.progress };
    if (next.step === 'write') await batchMedia.writeBatchFiles({ batchId });
    if (next.step === 'pictures') {
      await Promise.all(next.lines.map((line) => batchMedia.takeLastPicture({ batchId, line })));
    }
    if (next.step === 'wait' && next.waitMs > 0) {
      await condition(() => isWoken, next.waitMs, { summary: 'until a clip ends' });
      await sleep(LEAST_BETWEEN_STEPS_MS);
    }
    // Nothing is under way here, and a signal that was missed is told by the rows.
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof runBatch>(input);
  }
}

function describe({ step, progress: { counts, costMicroUsd } }: BatchStep): string {
  const { queued, running, completed, failed, cancelled, expired } = counts;
  return [
    `**${step}** · ${completed} completed, ${running} under way, ${queued} to begin`,
    '',
    `- failed: ${failed}, cancelled: ${cancelled}, expired: ${expired}`,
    `- cost so far: $${(costMicroUsd / 1_000_000).toFixed(4)}`,
  ].join('\n');
}
