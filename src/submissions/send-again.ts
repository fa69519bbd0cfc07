/** Sending a create again where the provider honours its idempotency key: what its answer proves. */

import { readClock } from '../catalog/clock.ts';
import { type SubmissionRow, voidSubmission } from '../catalog/submissions.ts';
import { findVideoRow } from '../catalog/videos.ts';
import { askAgainAfterMs } from '../domain/doubt.ts';
import type { StartOutcome } from '../domain/provider.ts';
import type { NextStep } from '../domain/step.ts';
import { examined, noteTrouble } from './account-trouble.ts';
import { createTimeoutOf, type SubmissionDependencies } from './dependencies.ts';
import { readNextStep } from './next-step.ts';
import { enterDoubt, isAboutVideo, record, refuse } from './record.ts';
import { send } from './send.ts';
import { waitInDoubt } from './wait-in-doubt.ts';

/** A server that still works on the first of two creates with one key answers the second one so. */
const CONFLICT = 409;

/**
 * Whether the refusal of a create that was sent before shows that no task was made: one for the request's own sake does,
 * since the first create would have met it. What stands in front of the keys (limits, credit, rights) proves nothing.
 */
function isVerdict({ reason, upstream }: Extract<StartOutcome, { kind: 'refused' }>): boolean {
  return reason === 'request' && upstream.status !== CONFLICT;
}

/** When the create is to be sent again. */
export async function askAgain(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
  retryAfterMs?: number,
): Promise<NextStep> {
  const now = await readClock(dependencies.db);
  const nowMs = now.getTime();
  const sinceMs = (submission.sentAt ?? now).getTime();
  const afterMs = askAgainAfterMs({ nowMs, sentAtMs: sinceMs }, retryAfterMs);
  return await waitInDoubt(dependencies, submission, { sinceMs, nowMs, afterMs, reason: 'asked again' });
}

/** The same create under the same key: its answer is the task of the first one, or the task that it makes now. */
export async function sendAgain(dependencies: SubmissionDependencies, submission: SubmissionRow): Promise<NextStep> {
  // In doubt before it is sent: what an earlier attempt still learns of its own create says nothing of this one.
  const { answered, lastError, videoId } = submission;
  const video = await findVideoRow(dependencies.db, videoId);
  if (video === null) return { step: 'open' };
  const upstream = lastError ?? { message: 'the create was interrupted' };
  const unconfirmed = await enterDoubt(dependencies, submission, { answered: answered ?? false, upstream });
  if (!unconfirmed) return await readNextStep(dependencies, videoId);
  const untilMs = Date.now() + createTimeoutOf(dependencies, unconfirmed.provider);
  const outcome = await send(dependencies, { submission: unconfirmed, video, startByMs: untilMs, untilMs });
  if (outcome.kind === 'not sent') return await askAgain(dependencies, unconfirmed);
  if (outcome.kind !== 'refused') {
    return (await record(dependencies, unconfirmed, outcome)) ?? (await askAgain(dependencies, unconfirmed));
  }
  if (isVerdict(outcome))
    return await refuse(dependencies, unconfirmed, { refused: outcome, makeVoid: voidSubmission });
  if (!isAboutVideo(outcome)) {
    await noteTrouble(dependencies.db, unconfirmed, await examined(dependencies, unconfirmed, outcome));
  }
  return await askAgain(dependencies, unconfirmed, outcome.retryAfterMs);
}
