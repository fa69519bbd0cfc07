/** From anything thrown to an answer: a refusal in the shape of the dialect that was spoken to, or problem details. */

import { isNativeError } from 'node:util/types';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Dialect, DialectAnswer } from '../dialects/dialect.ts';
import { shownParam } from '../dialects/refusal-words.ts';
import { REFUSALS, Refusal, type RefusalKind } from '../domain/failure.ts';
import type { JsonObject } from '../domain/json.ts';

/** What the framework's own statuses are called here; every other 4xx is an invalid request. */
const KIND_OF_STATUS: Readonly<Record<number, RefusalKind>> = {
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'too_large',
  // Only a path can be too long here, and no such path exists.
  414: 'not_found',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  503: 'unavailable',
};

/** Node's own errors come from another realm than our `Error` where code runs in a context of its own. */
export function isError(thrown: unknown): thrown is Error {
  return thrown instanceof Error || isNativeError(thrown);
}

function isFrameworkError(error: unknown): error is FastifyError & { readonly statusCode: number } {
  return isError(error) && 'statusCode' in error && typeof error.statusCode === 'number';
}

/** What the framework refuses by itself, in our words. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['FST_ERR_BAD_URL', 'the path is not valid: what follows a % in it is no UTF-8'],
]);

/** What to tell the client; null for what only a defect can have caused, which it must learn nothing of. */
function asRefusal(error: unknown): Refusal | null {
  if (error instanceof Refusal) return error;
  if (!isFrameworkError(error) || error.statusCode < 400) return null;
  const kind = KIND_OF_STATUS[error.statusCode] ?? 'invalid_request';
  if (error.statusCode >= 500 && kind === 'invalid_request') return null;
  return new Refusal(kind, WORDS.get(error.code) ?? REFUSALS[kind].meaning, { cause: error });
}

/** Our own routes' names for parameters that models and batches refuse. */
const PARAM_OF: ReadonlyMap<string, string> = new Map([
  ['duration_seconds', 'durationSeconds'],
  ['aspect_ratio', 'aspectRatio'],
  ['input_images', 'images'],
  ['completion_window', 'window'],
]);

/** RFC 9457, for routes that are our own. */
function problem(refusal: Refusal, requestId: string): DialectAnswer {
  const param = shownParam(refusal, PARAM_OF);
  const body: JsonObject = {
    type: 'about:blank',
    title: REFUSALS[refusal.kind].meaning,
    status: refusal.httpStatus,
    detail: refusal.message,
    code: refusal.code ?? refusal.kind,
    ...(param !== undefined && { param }),
    requestId,
  };
  return { status: refusal.httpStatus, body, headers: { 'content-type': 'application/problem+json' } };
}

/** Sends a dialect's answer; what it says is one caller's affair, so nothing on the way may keep it. */
export function sendAnswer(reply: FastifyReply, answer: DialectAnswer): FastifyReply {
  return reply
    .code(answer.status)
    .headers({ 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...answer.headers })
    .send(JSON.stringify(answer.body));
}

/** Answers with an error; `dialect` is null on our own routes. */
export function sendError(
  error: unknown,
  { request, reply, dialect }: { request: FastifyRequest; reply: FastifyReply; dialect: Dialect | null },
): FastifyReply {
  const known = asRefusal(error);
  if (known === null || known.kind === 'internal') request.log.error({ err: error }, 'request failed');
  const refusal = known ?? new Refusal('internal', `internal error; the request id is ${request.id}`);
  // The framework would close the connection after a body it could not read: a client that still sends it finds the
  // connection reset, and the answer with it. Left open, the rest is read and thrown away.
  reply.removeHeader('connection');
  const { retryAfterSeconds } = refusal;
  if (retryAfterSeconds !== undefined) reply.header('retry-after', Math.max(0, Math.ceil(retryAfterSeconds)));
  if (refusal.kind === 'unauthenticated') reply.header('www-authenticate', 'Bearer');
  return sendAnswer(reply, dialect === null ? problem(refusal, request.id) : dialect.renderRefusal(refusal));
}
