/** Asking an account for what is free, and what every answer is read by. */

import type { ProviderCall, StartOutcome } from '../domain/provider.ts';
import { type JsonReply, requestJson, unexpectedAnswer } from '../net/trusted/request-json.ts';

/** For every exchange but a create, milliseconds. */
export const READ_TIMEOUT_MS = 15_000;

/** A GET of the account, answered with any status. */
export function get({ baseUrl, ...call }: ProviderCall, path: string): Promise<JsonReply> {
  return requestJson({ ...senderOf(call), method: 'GET', url: baseUrl + path, timeoutMs: READ_TIMEOUT_MS });
}

/** What every request of a call is sent with. */
export function senderOf({ apiKey, passage, signal }: Omit<ProviderCall, 'baseUrl'>) {
  return { apiKey, passage, signal };
}

export function isSuccess({ status }: JsonReply): boolean {
  return status >= 200 && status < 300;
}

/** @throws UpstreamError for an answer that is no success; `wanted` names what was asked for. */
export function requireSuccess(reply: JsonReply, wanted: string): void {
  if (!isSuccess(reply)) throw unexpectedAnswer(reply, wanted);
}

/** The answer of a probe. @throws UpstreamError also for a success that is no JSON: a website answers anything so. */
export function requireJson(reply: JsonReply, wanted: string): void {
  requireSuccess(reply, wanted);
  if (reply.body === undefined) throw unexpectedAnswer(reply, wanted, 'it is no JSON');
}

/** The array under `key`; undefined where there is none. */
export function entriesUnder(key: string, body: unknown): readonly unknown[] | undefined {
  const entries: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, key) : undefined;
  return Array.isArray(entries) ? entries : undefined;
}

/** For a request that the API has no words for: nothing is sent, since it would come out as another clip. */
export function refuseUnsent(problem: string): StartOutcome {
  return { kind: 'refused', reason: 'request', upstream: { message: problem } };
}
