/** Reads the answer to a request for a clip: a whole body, the rest of one, or why there is none. */

import type { LentBody } from '../domain/lent-body.ts';
import { ArchiveProblem } from './archive-problem.ts';

/** An answer whose body has not been read. */
export interface FetchedResult {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: LentBody;
  /** Where it came from in the end. */
  readonly url: string;
}

export interface FetchOrder {
  readonly url: string;
  readonly trustedHosts: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Until the answer's head is there; the body is watched by who reads it. */
  readonly timeoutMs: number;
  /** Sent to this origin alone. */
  readonly authorise?: { readonly origin: string; readonly apiKey: string };
}

/**
 * Fetches from a stranger's address. Throws an error named `BlockedAddress` where that is private, `UnusableUrl` where it
 * must not be followed, any other when no answer came.
 */
export type FetchResult = (order: FetchOrder) => Promise<FetchedResult>;

/** How an answer goes with what is there already; `resume` is only ever said of an answer that fits byte for byte. */
export type AnswerKind = 'whole' | 'resume' | 'misfit';

/** What was asked for: bytes from `offset` of the representation that `validator` names. */
export interface AskedRange {
  readonly offset: number;
  readonly validator: string | null;
  /** How long the representation is, where that is known. */
  readonly totalBytes: number | null;
}

/** Tells the answer's kind; throws `ArchiveProblem` where it is none to go on with. */
export function readAnswer({ status, headers }: FetchedResult, asked: AskedRange): AnswerKind {
  if (status === 200) return isEncoded(headers) ? refuseEncoding(headers) : 'whole';
  if (status === 206) return fitsRange(headers, asked) ? 'resume' : 'misfit';
  if (status === 416 && asked.offset > 0) return 'misfit';
  if (status === 403 || status === 404 || status === 410) {
    throw new ArchiveProblem('expired', `the upstream's link is dead: it answered ${status}`, { status });
  }
  if (status === 204)
    throw new ArchiveProblem('invalid', "the upstream's link answered 204: there is no clip", { status });
  const retryAfterMs = readRetryAfter(headers['retry-after']);
  const details = retryAfterMs === undefined ? { status } : { status, retryAfterMs };
  throw new ArchiveProblem('later', `the upstream's link answered ${status}`, details);
}

/** The length of the whole representation, null where the answer does not say. */
export function readTotalBytes({ status, headers }: FetchedResult): number | null {
  const text = status === 206 ? parseContentRange(headers)?.total : headers['content-length'];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

/**
 * What If-Range may carry for this answer: a strong ETag, or a Last-Modified at least a second older than the answer
 * (RFC 9110, 8.8.2.2). Null: an interrupted download has to start anew.
 */
export function readValidator({ headers }: FetchedResult): string | null {
  if (headers['accept-ranges'] === 'none') return null;
  const etag = headers['etag'];
  if (etag !== undefined) return etag.startsWith('"') ? etag : null;
  const modified = headers['last-modified'];
  const ageMs = Date.parse(headers['date'] ?? '') - Date.parse(modified ?? '');
  return modified !== undefined && ageMs >= 1000 ? modified : null;
}

/** Some servers ignore If-Range: a part of another representation shows by its ETag or its length. */
function fitsRange(headers: FetchedResult['headers'], { offset, validator, totalBytes }: AskedRange): boolean {
  const range = parseContentRange(headers);
  if (range === undefined || offset === 0 || Number(range.start) !== offset || isEncoded(headers)) return false;
  const etag = headers['etag'];
  const isOtherTag = etag !== undefined && validator?.startsWith('"') === true && etag !== validator;
  const isOtherLength = totalBytes !== null && range.total !== '*' && Number(range.total) !== totalBytes;
  return !isOtherTag && !isOtherLength;
}

function parseContentRange(headers: FetchedResult['headers']): { start: string; total: string } | undefined {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/i.exec(headers['content-range'] ?? '') ?? [];
  return start === undefined || total === undefined ? undefined : { start, total };
}

function isEncoded(headers: FetchedResult['headers']): boolean {
  return !['', 'identity'].includes((headers['content-encoding'] ?? '').trim().toLowerCase());
}

function refuseEncoding(headers: FetchedResult['headers']): never {
  const encoding = headers['content-encoding'];
  throw new ArchiveProblem(
    'invalid',
    `the upstream's link answers encoded as ${encoding}, although asked for plain bytes`,
  );
}

/** Seconds or a date, as milliseconds from now. */
function readRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const delayMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(delayMs) ? Math.min(Math.max(delayMs, 0), 60 * 60 * 1000) : undefined;
}
