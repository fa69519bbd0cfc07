/** Reads the answer to a request for a clip: a whole body, the rest of one, or why there is none. */

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

/** Tells the answer's kind; throws `ArchiveProblem` where it is none to go on with. */
export function readAnswer({ status, headers }: AnswerHead, asked: AskedRange): AnswerKind {
  if (status === 200) return isEncoded(headers) ? refuseEncoding(headers) : 'whole';
  if (status === 206) return fitsRange(headers, asked) ? 'resume' : 'misfit';
  if (status === 416 && asked.offset > 0) return 'misfit';
  if (status === 403 || status === 404 || status === 410) {
    throw new ArchiveProblem('expired', `the upstream's link is dead: it answered ${status}`, { status });
  }
  if (status === 204)
    throw new ArchiveProblem('invalid', "the upstream's link answered 204: there is no clip", { status });
  const details = { status, retryAfterMs: retryAfterMs(headers) };
  throw new ArchiveProblem('later', `the upstream's link answered ${status}`, details);
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
  const ageMs = Date.parse(headers['date'] ?? '') - Date.parse(modified ?? '');
  return modified !== undefined && ageMs >= 1000 ? modified : null;
}

/** Some servers ignore If-Range: a part of another representation shows by its ETag or its length. */
function fitsRange(headers: Headers, { offset, validator, totalBytes }: AskedRange): boolean {
  const range = parseContentRange(headers);
  if (range === undefined || offset === 0 || Number(range.start) !== offset || isEncoded(headers)) return false;
  const etag = headers['etag'];
  const isOtherTag = etag !== undefined && validator?.startsWith('"') === true && etag !== validator;
  const isOtherLength = totalBytes !== null && range.total !== '*' && Number(range.total) !== totalBytes;
  return !isOtherTag && !isOtherLength;
}

function parseContentRange(headers: Headers): { start: string; total: string } | undefined {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/i.exec(headers['content-range'] ?? '') ?? [];
  return start === undefined || total === undefined ? undefined : { start, total };
}

function isEncoded(headers: Headers): boolean {
  return !['', 'identity'].includes((headers['content-encoding'] ?? '').trim().toLowerCase());
}

function refuseEncoding(headers: Headers): never {
  const encoding = headers['content-encoding'];
  throw new ArchiveProblem(
    'invalid',
    `the upstream's link answers encoded as ${encoding}, although asked for plain bytes`,
  );
}
