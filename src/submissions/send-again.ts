/** Sending a create again where the provider honours its idempotency key: how often, and what its refusal proves. */

import { type SubmissionRow, voidSubmission } from '../catalog/submissions.ts';
import type { UpstreamWords } from '../domain/failure.ts';
import type { StartOutcome } from '../domain/provider.ts';
import type { NextStep } from '../domain/step.ts';
import { examined, noteTrouble } from './account-trouble.ts';
import { createTimeoutOf, type SubmissionDependencies } from './dependencies.ts';
import { readNextStep } from './next-step.ts';
import { enterDoubt, isAboutVideo, record, refuse } from './record.ts';
import { send } from './send.ts';

/** The wait before the next try is as long as the doubt has lasted, within these bounds. */
const SHORTEST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 5 * 60_000;

/** No document says how long a key is remembered; half a day is what others promise at the least. */
const ASK_FOR_MS = 12 * 60 * 60_000;

/** A server that still works on the first of two creates with one key answers the second one so. */
const CONFLICT = 409;

/** Whether a create that is sent again is the same create for this provider. */
export function honoursKey({ providers }: SubmissionDependencies, { provider }: SubmissionRow): boolean {
  return providers[provider].facts.honoursIdempotencyKey;
}

/** When to send the create again; after half a day the doubt is the video's end. */
export function askAgain(
  { id, provider, sentAt, lastError }: Pick<SubmissionRow, 'id' | 'provider' | 'sentAt' | 'lastError'>,
  upstream: UpstreamWords = lastError ?? {},
  retryAfterMs = 0,
): NextStep {
  const doubtMs = sentAt === null ? 0 : Date.now() - sentAt.getTime();
  const words = upstream.message ?? `status ${upstream.status ?? 'unknown'}`;
  if (doubtMs > ASK_FOR_MS) {
    const message = `the answer to the create was lost, and sent again it had none for hours: ${words}`;
    return { step: 'end', state: 'failed', failure: { kind: 'answer_lost', message, upstream } };
  }
  const pacedMs = Math.min(Math.max(doubtMs, SHORTEST_WAIT_MS), LONGEST_WAIT_MS);
  const lookAgainMs = Math.max(pacedMs, retryAfterMs);
  return { step: 'confirm', submissionId: id, provider, lookAgainMs, reason: `the create is sent again: ${words}` };
}

/**
 * Whether the refusal of a create that was sent before shows that no task was made: one for the request's own sake does,
 * since the first create would have met it. What stands in front of the keys (limits, credit, rights) proves nothing.
 */
function isVerdict({ reason, upstream }: Extract<StartOutcome, { kind: 'refused' }>): boolean {
  return reason === 'request' && upstream.status !== CONFLICT;
}

/** The same create under the same key: its answer is the task of the first one, or the task that it makes now. */
export async function sendAgain(dependencies: SubmissionDependencies, submission: SubmissionRow): Promise<NextStep> {
  // In doubt before it is sent: what an earlier attempt still learns of its own create says nothing of this one.
  const { answered, lastError } = submission;
  const upstream = lastError ?? { message: 'the create was interrupted' };
  const unconfirmed = await enterDoubt(dependencies, submission, { answered: answered ?? false, upstream });
  if (!unconfirmed) return await readNextStep(dependencies, submission.videoId);
  const untilMs = Date.now() + createTimeoutOf(dependencies, unconfirmed.provider);
  const outcome = await send(dependencies, { submission: unconfirmed, untilMs });
  if (outcome.kind === 'not sent') return askAgain(unconfirmed, { message: outcome.message });
  if (outcome.kind !== 'refused') {
    return (await record(dependencies, unconfirmed, outcome)) ?? askAgain(unconfirmed, wordsOf(outcome));
  }
  if (isVerdict(outcome)) {
    return await refuse(dependencies, unconfirmed, { refused: outcome, makeVoid: voidSubmission });
  }
  if (!isAboutVideo(outcome)) {
    await noteTrouble(dependencies.db, unconfirmed, await examined(dependencies, unconfirmed, outcome));
  }
  return askAgain(unconfirmed, outcome.upstream, outcome.retryAfterMs);
}

function wordsOf(outcome: StartOutcome): UpstreamWords {
  return outcome.kind === 'lost' ? outcome.upstream : {};
}
