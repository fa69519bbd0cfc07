/** Sending a create again where the provider honours its idempotency key: how often, and what its refusal proves. */

import type { SubmissionRow } from '../src/catalog/submissions.ts';
import type { UpstreamWords } from '../src/domain/failure.ts';
import type { NextStep } from '../src/domain/step.ts';
import type { StartOutcome } from '../src/providers/provider.ts';

/** The wait before the next try is as long as the doubt has lasted, within these bounds. */
const SHORTEST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 5 * 60_000;

/** No document says how long a key is remembered; half a day is what others promise at the least. */
const ASK_FOR_MS = 12 * 60 * 60_000;

/** A server that still works on the first of two creates with one key answers the second one so. */
const CONFLICT = 409;

/** When to send the create again; after half a day the doubt is the video's end. */
export function askAgain(
  { id, provider, sentAt }: Pick<SubmissionRow, 'id' | 'provider' | 'sentAt'>,
  upstream: UpstreamWords,
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
export function isVerdict({ reason, upstream }: Extract<StartOutcome, { kind: 'refused' }>): boolean {
  return reason === 'request' && upstream.status !== CONFLICT;
}
