/** JSON over HTTP with a host that the operator configured, which may be private: one exchange, no redirects, bounded. */

import { isNativeError } from 'node:util/types';
import { Agent, Client, type Dispatcher } from 'undici';
import { defined } from '../../domain/defined.ts';
import type { UpstreamWords } from '../../domain/failure.ts';
import { isJsonObject, type Json } from '../../domain/json.ts';
import { UpstreamError } from '../../domain/upstream-error.ts';
import { type Headers, retryAfterMs, upstreamNowMs } from '../retry-after.ts';
import { USER_AGENT } from '../user-agent.ts';
import { EncodedBody } from './encoded-body.ts';
import { Exchange, type RawAnswer } from './exchange.ts';

export interface JsonRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly apiKey: string;
  /** Sent as JSON, unless it is encoded already. */
  readonly body?: Json | EncodedBody;
  /** From the call to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly maxBytes?: number;
  /**
   * Sends on a connection of its own. For creates: a kept connection that the upstream has just closed looks like a
   * lost answer, although nothing reached anybody.
   */
  readonly freshConnection?: boolean;
  readonly idempotencyKey?: string;
}

/** A complete answer, whatever its status. */
export interface JsonReply {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where the body is not JSON. */
  readonly body: unknown;
  /** The beginning of the body, for messages. */
  readonly excerpt: string;
  /** The upstream's clock when it answered; ours where it sent no `Date`. */
  readonly upstreamNowMs: number;
}

const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;
const EXCERPT_LENGTH = 500;
const MESSAGE_LENGTH = 2000;
/** A shorter key than this could be a part of any word. */
const SHORTEST_REDACTED_KEY = 8;

// The exchange has one timer of its own, from the call to the last byte; undici's partial ones would only blur it.
const CONNECTION = { connect: { timeout: CONNECT_TIMEOUT_MS }, headersTimeout: 0, bodyTimeout: 0 } as const;

let kept: Agent | undefined;

/** Closes the connections that are kept for the next request. */
export async function closeUpstreamConnections(): Promise<void> {
  const agent = kept;
  kept = undefined;
  await agent?.destroy();
}

/**
 * Sends a request and reads its whole answer, of whatever status.
 * @throws UpstreamError `not sent` (DNS, connect, TLS, or given up before a byte was written) or `lost` (anything later).
 */
export async function requestJson(request: JsonRequest): Promise<JsonReply> {
  const exchange = new Exchange(request.maxBytes ?? DEFAULT_MAX_BYTES);
  try {
    const answer = await settle(request, exchange);
    return readReply(answer, request.apiKey);
  } catch (cause) {
    throw failedExchange(request, exchange, cause);
  }
}

async function settle(request: JsonRequest, exchange: Exchange): Promise<RawAnswer> {
  request.signal.throwIfAborted();
  const url = new URL(request.url);
  const own = request.freshConnection ? new Client(url.origin, { ...CONNECTION, pipelining: 0 }) : undefined;
  const onAbort = () => exchange.giveUp(asError(request.signal.reason));
  const late = () => exchange.giveUp(new Error(`no complete answer within ${request.timeoutMs} ms`));
  const timer = setTimeout(late, request.timeoutMs);
  request.signal.addEventListener('abort', onAbort, { once: true });
  try {
    (own ?? keptAgent()).dispatch(dispatchOptions(request, url), exchange);
    return await exchange.answer;
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', onAbort);
    await own?.destroy();
  }
}

function keptAgent(): Agent {
  kept ??= new Agent(CONNECTION);
  return kept;
}

function dispatchOptions(request: JsonRequest, url: URL): Dispatcher.DispatchOptions {
  const body = encode(request.body);
  return {
    origin: url.origin,
    path: url.pathname + url.search,
    method: request.method,
    body: body?.bytes ?? null,
    reset: request.freshConnection ?? false,
    headers: defined({
      accept: 'application/json',
      authorization: `Bearer ${request.apiKey}`,
      'user-agent': USER_AGENT,
      'content-type': body?.contentType,
      'idempotency-key': request.idempotencyKey,
    }),
  };
}

function encode(body: Json | EncodedBody | undefined) {
  if (body === undefined) return null;
  return body instanceof EncodedBody ? body : { contentType: 'application/json', bytes: JSON.stringify(body) };
}

function readReply({ status, headers, bytes }: RawAnswer, apiKey: string): JsonReply {
  const raw = new TextDecoder().decode(bytes);
  // Some upstreams quote the key that they refuse; what they say is kept and shown.
  const hide = status >= 400 && apiKey.length >= SHORTEST_REDACTED_KEY;
  const text = hide ? raw.replaceAll(apiKey, '[key]') : raw;
  const excerpt = text.slice(0, EXCERPT_LENGTH);
  return { status, headers, body: parseJson(text), excerpt, upstreamNowMs: upstreamNowMs(headers) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function failedExchange({ method, url }: JsonRequest, exchange: Exchange, cause: unknown): UpstreamError {
  const reason = describe(cause);
  if (!exchange.started) {
    return new UpstreamError('not sent', `${method} ${url} was not sent: ${reason}`, { cause });
  }
  const upstream = defined({ status: exchange.status, message: reason });
  return new UpstreamError('lost', `the answer to ${method} ${url} was lost: ${reason}`, { upstream, cause });
}

/** Node reports the refusals of all addresses of a name as one error without words. */
function describe(cause: unknown): string {
  if (!isError(cause)) return String(cause);
  if (cause.message === '' && 'errors' in cause && Array.isArray(cause.errors)) {
    return cause.errors.map(describe).join(', ');
  }
  return cause.message || cause.name;
}

function asError(reason: unknown): Error {
  return isError(reason) ? reason : new Error(String(reason));
}

/** Also true for the errors of another realm, such as Node's own seen from a sandbox. */
function isError(value: unknown): value is Error {
  return value instanceof Error || isNativeError(value);
}

/** What an answer says about a failure, in whichever of the usual shapes: text, an object, or none. */
export function upstreamWords(reply: JsonReply): UpstreamWords {
  const body = isJsonObject(reply.body) ? reply.body : {};
  const error = isJsonObject(body['error']) ? body['error'] : body;
  const message = firstText(body['error'], error['message'], error['detail'], reply.excerpt);
  const code = firstText(error['code'], body['code'], error['type']);
  const requestId = firstText(reply.headers['x-request-id'], reply.headers['request-id'], body['request_id']);
  return defined({ status: reply.status, code, message, requestId });
}

function firstText(...values: readonly unknown[]): string | undefined {
  const found = values.find((value) => (typeof value === 'string' && value !== '') || typeof value === 'number');
  return found === undefined ? undefined : String(found).slice(0, MESSAGE_LENGTH);
}

/** The error for an answer that is not what `wanted` names, such as `the task`. */
export function unexpectedAnswer(reply: JsonReply, wanted: string): UpstreamError {
  const upstream = upstreamWords(reply);
  const said = upstream.message ?? 'nothing';
  return new UpstreamError('answered', `the upstream answered ${reply.status} instead of ${wanted}: ${said}`, {
    upstream,
    retryAfterMs: retryAfterMs(reply.headers, reply.upstreamNowMs),
  });
}
