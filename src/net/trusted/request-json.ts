/** JSON over HTTP with a host that the operator configured, which may be private: one exchange, no redirects, bounded. */

import { Readable } from 'node:stream';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';
import { Agent, Client, type Dispatcher } from 'undici';
import { defined } from '../../domain/defined.ts';
import type { UpstreamWords } from '../../domain/failure.ts';
import { isJsonObject, type Json } from '../../domain/json.ts';
import { jsonPieces } from '../../domain/json-pieces.ts';
import type { Passage } from '../../domain/passage.ts';
import { UpstreamError } from '../../domain/upstream-error.ts';
import { ProxyRefusal, type Route, requireAdmission, routeTo } from '../proxy/route.ts';
import { type Headers, retryAfterMs, upstreamNowMs } from '../retry-after.ts';
import { upstreamText } from '../upstream-text.ts';
import { saidText, wordsIn } from '../upstream-words.ts';
import { USER_AGENT } from '../user-agent.ts';
import { EncodedBody } from './encoded-body.ts';
import { Exchange, type RawAnswer } from './exchange.ts';
import { StreamedBody } from './streamed-body.ts';

/** Sent as JSON, unless it is encoded already. */
export type RequestBody = Json | EncodedBody | StreamedBody;

export interface JsonRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly apiKey: string;
  readonly passage?: Passage | undefined;
  readonly body?: RequestBody;
  /** From when its body is written, which takes milliseconds for images, to the last byte of the answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly maxBytes?: number;
  /**
   * Sends on a connection of its own. For creates: a kept connection that the upstream has just closed looks like a
   * lost answer, although nothing reached anybody.
   */
  readonly freshConnection?: boolean;
  readonly idempotencyKey?: string;
  /** By names in lower case, in place of those that would be sent; an undefined one is not sent. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** A complete answer, of any status. */
export interface JsonReply {
  readonly status: number;
  readonly headers: Headers;
  /** Undefined where the body is not JSON. */
  readonly body: unknown;
  /** The beginning of the body, for messages. */
  readonly excerpt: string;
  /** The upstream's clock when it answered; undefined where it sent no `Date`. */
  readonly upstreamNowMs: number | undefined;
}

const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;
const CONNECT_TIMEOUT_MS = 10_000;
const EXCERPT_LENGTH = 500;
const REQUEST_ID_LENGTH = 200;
/** A link works only as it was given. */
const LINK = /^(?:https?:\/)?\//i;
/** Shorter whole numbers are held exactly. */
const LONG_DIGITS = /\d{16}/;
/** A text that is never closed is taken to its end as well: it would be looked through anew from each quote in it. */
const TEXT_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"?|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi;
/** A shorter key than this could be a part of any word. */
const SHORTEST_REDACTED_KEY = 8;

// The exchange has one timer of its own, from the call to the last byte; undici's partial ones would only blur it.
const CONNECTION = { connect: { timeout: CONNECT_TIMEOUT_MS }, headersTimeout: 0, bodyTimeout: 0 } as const;

/** By the proxy that their tunnels lead through; what needs none has the one of the empty text. */
const kept = new Map<string, Agent>();

/** Closes the connections that are kept for the next request. */
export async function closeUpstreamConnections(): Promise<void> {
  const agents = [...kept.values()];
  kept.clear();
  await Promise.all(agents.map((agent) => agent.destroy()));
}

/**
 * Sends a request and reads its whole answer, of any status.
 * @throws UpstreamError `not sent` (DNS, connect, TLS, or given up before a byte was written) or `lost` (anything later).
 */
export async function requestJson(request: JsonRequest): Promise<JsonReply> {
  const exchange = new Exchange(request.maxBytes ?? DEFAULT_MAX_BYTES);
  try {
    const answer = await settle(request, exchange);
    return readReply(answer, request);
  } catch (cause) {
    throw failedExchange(request, exchange, cause);
  }
}

async function settle(request: JsonRequest, exchange: Exchange): Promise<RawAnswer> {
  const route = routeTo(new URL(request.url), request.passage?.proxies);
  const body = await encode(request.body);
  const own = request.freshConnection ? new Client(route.origin, { ...connection(route), pipelining: 0 }) : undefined;
  const onAbort = () => exchange.giveUp(asError(request.signal.reason));
  const late = () => exchange.giveUp(new Error(`no complete answer within ${request.timeoutMs} ms`));
  const timer = setTimeout(late, request.timeoutMs);
  request.signal.addEventListener('abort', onAbort, { once: true });
  try {
    request.signal.throwIfAborted();
    const options = dispatchOptions(request, route, body);
    (own ?? keptAgent(route)).dispatch(options, exchange);
    const answer = await exchange.answer;
    requireAdmission(route, answer.status);
    return answer;
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener('abort', onAbort);
    if (body?.bytes instanceof Readable) body.bytes.destroy();
    await own?.destroy();
  }
}

function connection({ connect }: Route) {
  return connect === undefined ? CONNECTION : { ...CONNECTION, connect };
}

function keptAgent(route: Route): Agent {
  const key = route.connect === undefined ? '' : String(route.proxy);
  const agent = kept.get(key) ?? new Agent(connection(route));
  kept.set(key, agent);
  return agent;
}

function dispatchOptions(
  request: JsonRequest,
  route: Route,
  body: Awaited<ReturnType<typeof encode>>,
): Dispatcher.DispatchOptions {
  return {
    origin: route.origin,
    path: route.path,
    method: request.method,
    body: body?.bytes ?? null,
    reset: request.freshConnection ?? false,
    headers: withoutAbsent({
      ...request.passage?.headers,
      ...route.headers,
      accept: 'application/json',
      // Without it any encoding is welcome.
      'accept-encoding': 'identity',
      authorization: `Bearer ${request.apiKey}`,
      'user-agent': USER_AGENT,
      'content-type': body?.contentType,
      'idempotency-key': request.idempotencyKey,
      ...request.headers,
    }),
  };
}

function withoutAbsent(headers: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((header): header is [string, string] => header[1] !== undefined),
  );
}

async function encode(body: RequestBody | undefined) {
  if (body === undefined) return null;
  if (body instanceof StreamedBody) return { contentType: body.contentType, bytes: body.open() };
  return body instanceof EncodedBody ? body : { contentType: 'application/json', bytes: await encodeJson(body) };
}

/** Others have their turn after each piece: images come in base64. */
async function encodeJson(body: Json): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (const piece of jsonPieces(body)) {
    if (pieces.length > 0) await othersTurn();
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

/** An answer as it is judged: its JSON, and what of it may be shown. */
export function readReply(
  { status, headers, bytes }: RawAnswer,
  { apiKey, passage }: Pick<JsonRequest, 'apiKey' | 'passage'>,
): JsonReply {
  const text = new TextDecoder().decode(bytes);
  const secrets = [apiKey, ...(passage?.secrets ?? [])];
  const plain = plainOf([text, ...Object.values(headers)].join('\n'));
  const forms = secrets.filter((secret) => mayBeIn(plain, secret)).map(quotedForms);
  // Some upstreams quote the key that they refuse; what they say is kept and shown.
  const hide = (said: string) => forms.reduce((rest, form) => rest.replaceAll(form, '[key]'), said);
  const show = (said: string) => (status < 400 && LINK.test(said) ? said : hide(said));
  const body = parseJson(text, forms.some((form) => text.search(form) !== -1) ? show : undefined);
  return {
    status,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, show(value)])),
    body,
    excerpt: upstreamText(hide(text), EXCERPT_LENGTH),
    upstreamNowMs: upstreamNowMs(headers),
  };
}

/** A text as it stands, and without the escapes that a key may be quoted with; both in one case. */
function plainOf(text: string): string {
  const plain = text.replaceAll(/\\u00([\da-f]{2})|%([\da-f]{2})|\\(.)/gi, (_escape, json, url, character) =>
    character === undefined ? String.fromCharCode(Number.parseInt(json ?? url, 16)) : character,
  );
  return `${text}\n${plain}`.toLowerCase();
}

/** Whether a text may quote a key: nearly none does, and to look for all its forms takes milliseconds for each new key. */
function mayBeIn(plain: string, secret: string): boolean {
  if (secret.length < SHORTEST_REDACTED_KEY) return false;
  return /[\\%]/.test(secret) || plain.includes(secret.toLowerCase());
}

/** A key as a text may quote it: each character as it is, as JSON may write it (`\/`, `\u002f`) or as URLs do (`%2F`). */
function quotedForms(secret: string): RegExp {
  const characters = Array.from(secret, (character) => {
    const hex = character.charCodeAt(0).toString(16).padStart(2, '0');
    return `(?:\\\\?${character.replace(/\W/, '\\$&')}|\\\\u00${hex}|%${hex})`;
  });
  return new RegExp(characters.join(''), 'gi');
}

function parseJson(text: string, readText?: (said: string) => string): unknown {
  const revive = (_key: string, value: unknown) => (typeof value === 'string' ? readText?.(value) : value);
  try {
    return JSON.parse(keepLongNumbers(text), readText && revive);
  } catch {
    return undefined;
  }
}

/** Numbers that JavaScript cannot hold as texts, with every digit: some servers number their tasks so. */
function keepLongNumbers(text: string): string {
  if (!LONG_DIGITS.test(text)) return text;
  const isHeld = (token: string) => !/^-?\d+$/.test(token) || Number.isSafeInteger(Number(token));
  return text.replaceAll(TEXT_OR_NUMBER, (token) => (isHeld(token) ? token : `"${token}"`));
}

/** Whether an answer is a page, as websites and proxies show them. */
export function isPageIn({ body, excerpt }: Pick<JsonReply, 'body' | 'excerpt'>): boolean {
  return body === undefined && /^\s*</.test(excerpt);
}

function failedExchange({ method, url }: JsonRequest, exchange: Exchange, cause: unknown): UpstreamError {
  const reason = upstreamText(describe(cause));
  if (!exchange.started || cause instanceof ProxyRefusal) {
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

/**
 * What an answer says about a failure, in whichever of the usual shapes, or how it begins: only a refusal is quoted so,
 * since a success may hold what belongs to others, such as their prompts.
 */
export function upstreamWords(reply: JsonReply): UpstreamWords {
  const { status, headers } = reply;
  const beginning = status >= 400 ? saidText(reply.excerpt) : undefined;
  const { code, message = beginning } = wordsIn(reply.body);
  const { request_id: inBody } = isJsonObject(reply.body) ? reply.body : {};
  const requestId = saidText(headers['x-request-id'] ?? headers['request-id'] ?? inBody, REQUEST_ID_LENGTH);
  return defined({ status, code, message, requestId });
}

/**
 * The error for an answer that is not what `wanted` names, such as `the task`; `problem` says in words of ours what of
 * a success did not fit, which is not quoted at all.
 */
export function unexpectedAnswer(reply: JsonReply, wanted: string, problem = 'it is of another shape'): UpstreamError {
  const { status } = reply;
  const isRefusal = status >= 400;
  const upstream: UpstreamWords = isRefusal ? upstreamWords(reply) : { status };
  const own = status < 300 ? problem : 'it is a redirect';
  const message = `the upstream answered ${status} instead of ${wanted}: ${isRefusal ? (upstream.message ?? 'nothing') : own}`;
  return new UpstreamError('answered', upstreamText(message), {
    upstream,
    isPage: isPageIn(reply),
    retryAfterMs: retryAfterMs(reply.headers, reply.upstreamNowMs),
  });
}
