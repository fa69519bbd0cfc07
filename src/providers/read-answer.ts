/** Reading what upstreams answer: free GETs of an account, and the numbers that answers carry. */

import { type MicroUsd, microUsdFromCents } from '../domain/money.ts';
import type { ProviderCall, StartOutcome } from '../domain/provider.ts';
import { type JsonReply, requestJson, unexpectedAnswer } from '../net/trusted/request-json.ts';

/** For every exchange but a create, milliseconds. */
export const READ_TIMEOUT_MS = 15_000;
/** The latest instant that a JavaScript date can hold. */
const LAST_DATE_MS = 8.64e15;

/** A GET of the account, of whatever status. */
export function get({ baseUrl, apiKey, signal }: ProviderCall, path: string): Promise<JsonReply> {
  return requestJson({ method: 'GET', url: baseUrl + path, apiKey, signal, timeoutMs: READ_TIMEOUT_MS });
}

export function isSuccess({ status }: JsonReply): boolean {
  return status >= 200 && status < 300;
}

/** @throws UpstreamError for an answer that is no success; `wanted` names what was asked for. */
export function requireSuccess(reply: JsonReply, wanted: string): void {
  if (!isSuccess(reply)) throw unexpectedAnswer(reply, wanted);
}

/** A documented path with an id in it. */
export function pathOf(path: string, id: string): string {
  return path.replace(':id', () => encodeURIComponent(id));
}

/** The array under `key`; undefined where there is none. */
export function entriesUnder(key: string, body: unknown): readonly unknown[] | undefined {
  const entries: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, key) : undefined;
  return Array.isArray(entries) ? entries : undefined;
}

/** Milliseconds of an instant in unix seconds, and of what is so much later; undefined for what no date can hold. */
export function dateMs(seconds: number | null | undefined, plusMs = 0): number | undefined {
  const atMs = seconds == null ? Number.NaN : seconds * 1000 + plusMs;
  return Math.abs(atMs) <= LAST_DATE_MS ? atMs : undefined;
}

/** Whole per cent from 0 to 100; null where the upstream shows none. */
export function wholePercent(progress: number | null | undefined): number | null {
  return progress == null ? null : Math.floor(Math.min(Math.max(progress, 0), 100));
}

/** Null where the upstream shows no cost. */
export function microUsdOf(cents: number | null | undefined): MicroUsd | null {
  return cents == null ? null : microUsdFromCents(cents);
}

/** For a request that the API has no words for: nothing is sent, since it would come out as another clip. */
export function refuseUnsent(problem: string): StartOutcome {
  return { kind: 'refused', reason: 'request', upstream: { message: problem } };
}
