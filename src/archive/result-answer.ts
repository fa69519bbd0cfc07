/** Reads the answer to a request for a clip: a whole body, the rest of one, or none yet. */

import { httpDateMs } from '../domain/http-date.ts';
import { type Headers, retryAfterMs } from '../net/retry-after.ts';
import type { AnswerHead } from '../net/untrusted/lent-answer.ts';
import { ArchiveProblem } from './archive-problem.ts';

/** How an answer goes with what is there already; `resume` is only ever said of an answer that fits byte for byte. */
export type AnswerKind = 'whole' | 'resume' | 'misfit';

/** What was asked for: bytes from `offset` of the representation that `validator` names. */
export interface AskedRange {
  readonly offset: number;
  readonly validator: string | null;
  /** How long the representation is, where that is known. */
  readonly totalBytes: number | null;
}

/**
 * Tells the answer's kind; throws what `notYet` makes of any other. What an answer says of its bytes (type, encoding) is
 * not asked: labels of result links are wrong too often, and the bytes tell.
 */
export function readAnswer(answer: AnswerHead, asked: AskedRange): AnswerKind {
  const { status, headers } = answer;
  if (status === 200) return 'whole';
  // Some servers answer every request with a range, also one that asked for none.
  if (status === 206 && asked.offset === 0) return startsWhole(headers) ? 'whole' : 'misfit';
  if (status === 206) return fitsRange(headers, asked) ? 'resume' : 'misfit';
  if (status === 416 && asked.offset > 0) return 'misfit';
  throw notYet(answer);
}

/**
 * The problem of any answer without the clip: upstreams answer 404, 403 and 204 for files that are there seconds later, so
 * that only time can tell. Of an answer that was read before a restart nothing is known.
 */
export function notYet(answer: AnswerHead | null): ArchiveProblem {
  if (answer === null) return new ArchiveProblem('later', "the upstream's link does not hold the clip yet");
  const { status, headers } = answer;
  const [mediaType] = /^[\w.+-]{1,40}\/[\w.+-]{1,80}/.exec(headers['content-type'] ?? '') ?? [];
  const said = mediaType === undefined ? String(status) : `${status} (${mediaType.toLowerCase()})`;
  const message = `the upstream's link answered ${said} without the clip`;
  return new ArchiveProblem('later', message, { status, retryAfterMs: retryAfterMs(headers) });
}

/** The length of the whole representation, null where the answer does not say. */
export function readTotalBytes({ status, headers }: AnswerHead): number | null {
  const text = status === 206 ? parseContentRange(headers)?.total : headers['content-length'];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

/**
 * What If-Range may carry for this answer: a strong ETag, or a Last-Modified at least a second older than the answer
 * (RFC 9110, 8.8.2.2). Null: an interrupted download has to start anew.
 */
export function readValidator({ headers }: AnswerHead): string | null {
  if (headers['accept-ranges'] === 'none') return null;
  const etag = headers['etag'];
  if (etag !== undefined) return etag.startsWith('"') ? etag : null;
  const modified = headers['last-modified'];
  const ageMs = httpDateMs(headers['date']) - httpDateMs(modified);
  return modified !== undefined && ageMs >= 1000 ? modified : null;
}

/** Some servers ignore If-Range: a part of another representation shows by its ETag or its length. */
function fitsRange(headers: Headers, { offset, validator, totalBytes }: AskedRange): boolean {
  const range = parseContentRange(headers);
  if (range === undefined || Number(range.start) !== offset) return false;
  const etag = headers['etag'];
  const isOtherTag = etag !== undefined && validator?.startsWith('"') === true && etag !== validator;
  const isOtherLength = totalBytes !== null && range.total !== '*' && Number(range.total) !== totalBytes;
  return !isOtherTag && !isOtherLength;
}

/** A range from the first byte of a representation whose length it tells, so that one that ends too early shows. */
function startsWhole(headers: Headers): boolean {
  const range = parseContentRange(headers);
  return range !== undefined && Number(range.start) === 0 && range.total !== '*';
}

function parseContentRange(headers: Headers): { start: string; total: string } | undefined {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/i.exec(headers['content-range'] ?? '') ?? [];
  return start === undefined || total === undefined ? undefined : { start, total };
}
