/** `deliverWebhook`: tells one endpoint of one event that a first attempt has not, by a schedule with days between the last attempts. */

import { ActivityFailure, condition, continueAsNew, setHandler, workflowInfo } from '@temporalio/workflow';
import { type AttemptOutcome, attemptWaitMs } from '../src/domain/webhook.ts';
import { delivering } from './activity-options.ts';
import { type DeliverWebhookInput, retryNowSignal, sentAgainSignal, stopSignal } from './messages.ts';

/** Before an attempt that came to nothing on our own side is made again. */
const AFTER_FAILURE_MS = 10_000;

/** Each attempt is one activity; between them the run waits, and wakes early when it is told to try now or to stop. */
export async function deliverWebhook({ deliveryId, attempt: first = 1, waitMs }: DeliverWebhookInput): Promise<string> {
  let isToTry = false;
  let isSentAgain = false;
  let isStopped = false;
  setHandler(retryNowSignal, () => {
    isToTry = true;
  });
  setHandler(sentAgainSignal, () => {
    isSentAgain = true;
  });
  setHandler(stopSignal, () => {
    isStopped = true;
  });
  const untilAttempt = (attempt: number, inMs: number) =>
    condition(() => isToTry || isStopped, inMs, { summary: `attempt ${attempt} in ${inWords(inMs)}` });
  if (waitMs !== undefined) await untilAttempt(first, waitMs);
  for (let attempt = first; !isStopped; ) {
    isToTry = false;
    isSentAgain = false;
    const outcome = await tryOnce(deliveryId, attempt);
    if (outcome?.kind === 'over') {
      if (!isToTry && !isSentAgain) return outcome.end;
      // It was to be sent again before this run had closed: the rows say whether it is, by a schedule of its own.
      attempt = 1;
      continue;
    }
    if (outcome !== null) attempt++;
    await untilAttempt(attempt, outcome?.waitMs ?? AFTER_FAILURE_MS);
    if (workflowInfo().continueAsNewSuggested && !isToTry && !isStopped) {
      await continueAsNew<typeof deliverWebhook>({ deliveryId, attempt });
    }
  }
  return 'stopped';
}

/** What came of an attempt; null where our own side could not make it, or died over it. */
async function tryOnce(deliveryId: string, attempt: number): Promise<AttemptOutcome | null> {
  const thenMs = attemptWaitMs(attempt + 1, Math.random());
  try {
    return await delivering(`attempt ${attempt}`).attemptDelivery({ deliveryId, thenMs });
  } catch (error) {
    if (error instanceof ActivityFailure) return null;
    throw error;
  }
}

function inWords(waitMs: number): string {
  const seconds = Math.round(waitMs / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${(minutes / 60).toFixed(1)} h`;
}
