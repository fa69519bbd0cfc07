/** One attempt of a delivery: what it finds in the rows, one request, and what is written down of it. */

import {
  type Attempt,
  type DueDelivery,
  mayAttempt,
  readDue,
  recordAttempt,
  settleUnsent,
} from '../catalog/deliveries.ts';
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

function outcomeOf({ status, retryAfterMs }: Found, thenMs: number | null): AttemptOutcome {
  if (status !== null && status >= 200 && status < 300) return { kind: 'over', end: 'delivered' };
  if (status === GONE) return { kind: 'over', end: 'stopped' };
  return thenMs === null ? { kind: 'over', end: 'failed' } : { kind: 'again', waitMs: Math.max(thenMs, retryAfterMs) };
}

/** Whom to send it to; else why there is nothing to do. */
function stopOf(due: DueDelivery | null): AttemptOutcome | null {
  if (due === null) return { kind: 'over', end: 'stopped' };
  if (due.state !== 'waiting') return { kind: 'over', end: due.state };
  const isMute = due.body === null || due.endpoint === null || due.endpoint.disabledAt !== null;
  return isMute ? { kind: 'over', end: 'stopped' } : null;
}

/** Makes one attempt. A delivery that is over already is not sent again. */
export async function attemptDelivery(
  { db, secrets, post, trustedHosts }: AttemptDependencies,
  { deliveryId, thenMs }: AttemptInput,
): Promise<AttemptOutcome> {
  const due = await readDue(db, deliveryId);
  const stop = stopOf(due);
  if (stop !== null || due === null || due.endpoint === null || due.body === null) {
    const outcome = stop ?? { kind: 'over', end: 'stopped' };
    if (due?.state === 'waiting') await settleUnsent(db, deliveryId, outcome);
    return outcome;
  }
  const { endpoint, eventId: id, body } = due;
  if (!(await mayAttempt(db, endpoint.id))) {
    const put =
      thenMs === null ? ({ kind: 'over', end: 'failed' } as const) : ({ kind: 'again', waitMs: thenMs } as const);
    await settleUnsent(db, deliveryId, put);
    return put;
  }
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
