/** Sends a billable create and judges how it ended: the rule that decides whether it may ever be sent again. */

import { UnusableImage } from '../domain/image-header.ts';
import type { Json } from '../domain/json.ts';
import type { MicroUsd } from '../domain/money.ts';
import type { RefusalReason, StartCall, StartOutcome } from '../domain/provider.ts';
import { UpstreamError } from '../domain/upstream-error.ts';
import { retryAfterMs } from '../net/retry-after.ts';
import type { EncodedBody } from '../net/trusted/encoded-body.ts';
import { type JsonReply, requestJson, upstreamWords } from '../net/trusted/request-json.ts';

/** A task as the answer to its create shows it. */
export interface CreatedTask {
  readonly taskId: string;
  readonly costMicroUsd: MicroUsd | null;
}

interface Create {
  readonly url: string;
  /** Only where the provider honours one. */
  readonly idempotencyKey?: string;
  /** Makes the body; when it throws, nothing was sent. */
  makeBody(): Promise<Json | EncodedBody>;
  /** Reads the answer of a 2xx; undefined where it names no task. */
  readTask(body: unknown): CreatedTask | undefined;
}

/** What a status says about the account; every other refusal is about the request itself. */
const ACCOUNT_REFUSALS: Readonly<Record<number, RefusalReason>> = {
  401: 'unauthenticated',
  402: 'no credit',
  403: 'model not allowed',
  429: 'rate limited',
};

/** A server that stopped waiting for us may have begun. */
const REQUEST_TIMEOUT = 408;
/** A proxy's words about the server behind it. */
const BAD_GATEWAY = 502;
const GATEWAY_TIMEOUT = 504;
/** From here on the status is one of a proxy's own making. */
const FIRST_OWN_STATUS = 520;

/** Why a status refuses a create; null where it does not say that no task was made. */
export function refusalReasonOf(status: number): RefusalReason | null {
  if (status < 400 || status >= 500 || status === REQUEST_TIMEOUT) return null;
  return ACCOUNT_REFUSALS[status] ?? 'request';
}

/**
 * Whether a status is the upstream's own answer to a create. A proxy's may come while the server behind it, which the
 * proxy has given up, still enters the task: as if nothing had been heard.
 */
export function isUpstreamsAnswer(status: number): boolean {
  const isProxys = status === REQUEST_TIMEOUT || status === BAD_GATEWAY || status === GATEWAY_TIMEOUT;
  return !isProxys && status < FIRST_OWN_STATUS;
}

/** One create on a connection of its own. Never throws. */
export async function sendCreate(call: StartCall, create: Create): Promise<StartOutcome> {
  try {
    const reply = await requestJson({
      method: 'POST',
      url: create.url,
      apiKey: call.apiKey,
      body: await create.makeBody(),
      timeoutMs: call.timeoutMs,
      signal: call.signal,
      freshConnection: true,
      ...(create.idempotencyKey !== undefined && { idempotencyKey: create.idempotencyKey }),
    });
    return judgeReply(reply, create);
  } catch (error) {
    return judgeError(error);
  }
}

function judgeReply(reply: JsonReply, create: Create): StartOutcome {
  const { status } = reply;
  const task = status >= 200 && status < 300 ? create.readTask(reply.body) : undefined;
  if (task !== undefined) return { kind: 'started', ...task };
  const upstream = upstreamWords(reply);
  const reason = refusalReasonOf(status);
  if (reason === null) return { kind: 'lost', answered: isUpstreamsAnswer(status), upstream };
  return { kind: 'refused', reason, upstream, retryAfterMs: retryAfterMs(reply.headers, reply.upstreamNowMs) };
}

function judgeError(error: unknown): StartOutcome {
  if (error instanceof UpstreamError && error.phase !== 'not sent') {
    const answered = error.status !== undefined && isUpstreamsAnswer(error.status);
    return { kind: 'lost', answered, upstream: error.upstream };
  }
  // Nothing was sent, and never will be: the account is not to blame.
  if (error instanceof UnusableImage) return { kind: 'refused', reason: 'image', upstream: { message: error.message } };
  // Everything else happened before the exchange: no connection, a store that cannot be read.
  return { kind: 'not sent', message: error instanceof Error ? error.message : String(error) };
}
