/** The Range and If-Range headers of a download. */

/** The bytes to send: all, a part (both ends included), or none because the range lies outside. */
export type ByteRange =
  | { readonly kind: 'all' }
  | { readonly kind: 'part'; readonly first: number; readonly last: number }
  | { readonly kind: 'unsatisfiable' };

interface RangeHeaders {
  readonly range?: string | undefined;
  readonly ifRange?: string | undefined;
}

const ALL: ByteRange = { kind: 'all' };

/**
 * Reads one byte range. What is malformed or names several ranges is answered with everything, which RFC 9110 permits;
 * so is an If-Range with another entity tag.
 */
export function readRange(headers: RangeHeaders, body: { sizeBytes: number; etag: string }): ByteRange {
  const { range, ifRange } = headers;
  if (range === undefined || (ifRange !== undefined && ifRange !== body.etag)) return ALL;
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(range.trim()) ?? [];
  if (from === undefined || to === undefined || (from === '' && to === '')) return ALL;
  if (from === '') return part(Math.max(0, body.sizeBytes - Number(to)), body.sizeBytes - 1, body.sizeBytes);
  if (to !== '' && Number(to) < Number(from)) return ALL;
  return part(Number(from), to === '' ? body.sizeBytes - 1 : Number(to), body.sizeBytes);
}

function part(first: number, last: number, sizeBytes: number): ByteRange {
  if (first >= sizeBytes) return { kind: 'unsatisfiable' };
  return { kind: 'part', first, last: Math.min(last, sizeBytes - 1) };
}
