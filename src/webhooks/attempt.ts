/** One attempt of a delivery: what it finds in the rows, one request, and what is written down of it. */

import { type Attempt, mayAttempt, readDue, recordAttempt, settleUnsent } from '../catalog/deliveries.ts';
import type { Db } from '../catalog/driver/database.ts';
import type { SecretBox } from '../catalog/secret-box.ts';
import { activeSecrets } from '../catalog/webhooks.ts';
import type { AttemptOutcome } from '../domain/webhook.ts';
import { retryAfterMs } from '../net/retry-after.ts';
import type { PostAnswer, PostUntrusted } from '../net/untrusted/post.ts';
import { signedHeaders } from './sign.ts';

export interface AttemptDependencies {
  readonly db: Db;
  readonly secrets: SecretBox;
  readonly post: PostUntrusted;
  /** `host:port` that callers' endpoints may name although they are private. */
  readonly trustedHosts: readonly string[];
}

/** What the workflow asks for; `thenMs` is the wait before the next attempt, null for the last one. */
export interface AttemptInput {
  readonly deliveryId: string;
  readonly thenMs: number | null;
}

const ANSWER_MS = 15_000;
const GONE = 410;
const LONGEST_ERROR = 300;

type Found = Attempt & { readonly retryAfterMs: number };

async function send(post: () => Promise<PostAnswer>, at: Date): Promise<Found> {
  const elapsed = () => Date.now() - at.getTime();
  try {
    const { status, headers, text } = await post();
    // PostgreSQL holds no NUL in a text.
    const answer = text.replaceAll('\0', '');
    return { at, elapsedMs: elapsed(), status, error: null, answer, retryAfterMs: retryAfterMs(headers) ?? 0 };
  } catch (error) {
    const message = String(error).slice(0, LONGEST_ERROR);
    return { at, elapsedMs: elapsed(), status: null, error: message, answer: null, retryAfterMs: 0 };
  }
}

const STOPPED: AttemptOutcome = { kind: 'over', end: 'stopped' };

/** What follows where it was not delivered. */
function againOrNever(thenMs: number | null, hintMs = 0): AttemptOutcome {
  return thenMs === null ? { kind: 'over', end: 'failed' } : { kind: 'again', waitMs: Math.max(thenMs, hintMs) };
}

function outcomeOf({ status, retryAfterMs }: Found, thenMs: number | null): AttemptOutcome {
  if (status !== null && status >= 200 && status < 300) return { kind: 'over', end: 'delivered' };
  return status === GONE ? STOPPED : againOrNever(thenMs, retryAfterMs);
}

/** Makes one attempt. A delivery that is over already is not sent again. */
export async function attemptDelivery(
  { db, secrets, post, trustedHosts }: AttemptDependencies,
  { deliveryId, thenMs }: AttemptInput,
): Promise<AttemptOutcome> {
  const sendNothing = async (outcome: AttemptOutcome) => {
    await settleUnsent(db, deliveryId, outcome);
    return outcome;
  };
  const due = await readDue(db, deliveryId);
  if (due === null) return STOPPED;
  const { state, endpoint, eventId: id, body } = due;
  if (state !== 'waiting') return { kind: 'over', end: state };
  if (body === null || endpoint === null || endpoint.disabledAt !== null) return await sendNothing(STOPPED);
  if (!(await mayAttempt(db, endpoint.id))) return await sendNothing(againOrNever(thenMs));
  const at = new Date();
  const signing = await activeSecrets({ db, secrets }, endpoint.id);
  const headers = {
    'content-type': 'application/json',
    ...signedHeaders(signing, { id, body, atSeconds: Math.floor(at.getTime() / 1000) }),
  };
  const found = await send(() => post({ url: endpoint.url, trustedHosts, headers, body, timeoutMs: ANSWER_MS }), at);
  const outcome = outcomeOf(found, thenMs);
  const { retryAfterMs: _hint, ...attempt } = found;
  await recordAttempt(db, due, { attempt, outcome });
  return outcome;
}
