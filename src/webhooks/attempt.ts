/** One attempt of a delivery: what it finds in the rows, one request, and what is written down of it. */

import { callbackSecrets } from '../catalog/callback-secrets.ts';
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
import { activeSecrets, type WebhookCatalog } from '../catalog/webhooks.ts';
import { NO_TRACES, type SpanOf, type Traces } from '../domain/trace.ts';
import { type AttemptOutcome, videoOfSubject } from '../domain/webhook.ts';
import { retryAfterMs } from '../net/retry-after.ts';
import type { PostAnswer, PostUntrusted } from '../net/untrusted/send.ts';
import { gatewaySignedHeaders, signedHeaders } from './sign.ts';

export interface AttemptDependencies {
  readonly db: Db;
  readonly secrets: SecretBox;
  readonly post: PostUntrusted;
  /** `host:port` that callers' endpoints may name although they are private. */
  readonly trustedHosts: readonly string[];
  /** None when absent. */
  readonly traces?: Pick<Traces, 'withinVideo'>;
}

/** What the workflow asks for; `thenMs` is the wait before the next attempt, null for the last one. */
export interface AttemptInput {
  readonly deliveryId: string;
  readonly thenMs: number | null;
}

const ANSWER_MS = 15_000;
const GONE = 410;
const LONGEST_ERROR = 300;

/** What the resolver says where no address is found. */
const NOT_FOUND: readonly unknown[] = ['ENOTFOUND', 'EAI_AGAIN'];

type Found = Attempt & { readonly retryAfterMs: number };

function problemOf(error: unknown): string {
  const { code, hostname } = error as { readonly code?: string; readonly hostname?: string };
  const problem = NOT_FOUND.includes(code) ? `no address is found of the host ${hostname}` : String(error);
  return problem.slice(0, LONGEST_ERROR);
}

async function send(post: () => Promise<PostAnswer>, at: Date): Promise<Found> {
  const elapsed = () => Date.now() - at.getTime();
  try {
    const { status, headers, text } = await post();
    // PostgreSQL holds no NUL in a text.
    const answer = text.replaceAll('\0', '');
    return { at, elapsedMs: elapsed(), status, error: null, answer, retryAfterMs: retryAfterMs(headers) ?? 0 };
  } catch (error) {
    return { at, elapsedMs: elapsed(), status: null, error: problemOf(error), answer: null, retryAfterMs: 0 };
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

/** The headers by which the receiver knows that it is us: of its own secrets, its caller's, or its job's. */
async function signedFor(
  catalog: WebhookCatalog,
  { endpoint, callback, eventId: id }: DueDelivery,
  { body, atSeconds }: { readonly body: string; readonly atSeconds: number },
): Promise<Record<string, string>> {
  if (callback?.words === 'ai-gateway') {
    return gatewaySignedHeaders(catalog.secrets.derive(callback.id), { body, atSeconds });
  }
  const signing = callback
    ? await callbackSecrets(catalog, callback.callerId)
    : await activeSecrets(catalog, endpoint?.id ?? '');
  return signedHeaders(signing, { id, body, atSeconds });
}

/** How an attempt is told: below the video, or below the batch, whose end it tells. */
function spanOf({ id: deliveryId, attempts }: DueDelivery, thenMs: number | null): SpanOf<Found> {
  return {
    name: 'webhook attempt',
    kind: 'client',
    facts: { deliveryId, attempt: attempts + 1 },
    tell: (found) => {
      const outcome = outcomeOf(found, thenMs);
      return { status: found.status ?? undefined, outcome: outcome.kind === 'over' ? outcome.end : 'again' };
    },
  };
}

/** Makes one attempt. A delivery that is over already is not sent again. */
export async function attemptDelivery(
  { db, secrets, post, trustedHosts, traces = NO_TRACES }: AttemptDependencies,
  { deliveryId, thenMs }: AttemptInput,
): Promise<AttemptOutcome> {
  const sendNothing = async (outcome: AttemptOutcome) => {
    await settleUnsent(db, deliveryId, outcome);
    return outcome;
  };
  const due = await readDue(db, deliveryId);
  if (due === null) return STOPPED;
  const { state, endpoint, callback, body } = due;
  if (state !== 'waiting') return { kind: 'over', end: state };
  const url = (endpoint ?? callback)?.url;
  if (body === null || url === undefined || endpoint?.disabledAt) return await sendNothing(STOPPED);
  if (endpoint && !(await mayAttempt(db, endpoint))) return await sendNothing(againOrNever(thenMs));
  const at = new Date();
  const signed = await signedFor({ db, secrets }, due, { body, atSeconds: Math.floor(at.getTime() / 1000) });
  const headers = { 'content-type': 'application/json', ...signed };
  const found = await traces.withinVideo(videoOfSubject(due.subjectId ?? due.eventId), spanOf(due, thenMs), () =>
    send(() => post({ url, trustedHosts, headers, body, timeoutMs: ANSWER_MS }), at),
  );
  const outcome = outcomeOf(found, thenMs);
  const { retryAfterMs: _hint, ...attempt } = found;
  await recordAttempt(db, due, { attempt, outcome });
  return outcome;
}
