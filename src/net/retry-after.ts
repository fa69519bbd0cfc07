/** How an upstream says when to come back. */

import { httpDateMs } from '../domain/http-date.ts';

/** A header name in lower case, and its value. */
export type Headers = Readonly<Record<string, string>>;

/** A hint beyond this is taken for this: a wrong one must not stop an account for ever. */
const LONGEST_HINT_MS = 24 * 60 * 60_000;

const NUMBER = /^\d+(\.\d+)?$/;

/** The clock of the upstream when it answered; undefined where it sent no `Date`. */
export function upstreamNowMs(headers: Headers): number | undefined {
  return readHttpDateMs(headers['date'] ?? '');
}

/**
 * The wait that an answer asks for, in `retry-after-ms` or in `Retry-After` as seconds or a date; undefined where it
 * asks for none. `nowMs` is the clock that the date was written by, ours where the upstream does not tell its own.
 */
export function retryAfterMs(headers: Headers, nowMs = upstreamNowMs(headers) ?? Date.now()): number | undefined {
  const wantedMs = readMilliseconds(headers['retry-after-ms']) ?? readRetryAfter(headers['retry-after'], nowMs);
  return wantedMs === undefined ? undefined : Math.min(wantedMs, LONGEST_HINT_MS);
}

function readMilliseconds(value: string | undefined): number | undefined {
  const text = value?.trim() ?? '';
  return NUMBER.test(text) ? Math.ceil(Number(text)) : undefined;
}

function readRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? '';
  if (NUMBER.test(text)) return Math.ceil(Number(text) * 1000);
  const atMs = readHttpDateMs(text);
  return atMs === undefined ? undefined : Math.max(0, atMs - nowMs);
}

/** Milliseconds of an HTTP date; undefined for anything else. */
function readHttpDateMs(text: string): number | undefined {
  const atMs = httpDateMs(text);
  return Number.isNaN(atMs) ? undefined : atMs;
}
