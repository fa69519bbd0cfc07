/** A clip as base64 inside JSON, made piece by piece so that no size of clip fills the memory. */

import type { ResultBody } from './result-body.ts';

/** Base64 writes this many bytes as `QUAD_CHARACTERS`, and only groups of them can stand one after the other. */
const GROUP_BYTES = 3;
const QUAD_CHARACTERS = 4;

/** Base64 of all chunks together: what is left over of one is written with the next. */
function* encode(chunks: Iterable<Uint8Array>): Generator<Buffer> {
  let rest: Uint8Array = new Uint8Array();
  for (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % GROUP_BYTES);
    yield Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, whole).toString('base64'), 'latin1');
    rest = bytes.subarray(whole);
  }
  yield Buffer.from(Buffer.from(rest).toString('base64'), 'latin1');
}

/** The part from `first` to `last`, both included, of what the pieces make together. */
function* slice(pieces: Iterable<Uint8Array>, first: number, last: number): Generator<Uint8Array> {
  let at = 0;
  for (const piece of pieces) {
    if (at > last) return;
    const part = piece.subarray(Math.max(0, first - at), last + 1 - at);
    if (part.length > 0) yield part;
    at += piece.length;
  }
}

/** A4-08 to A4-12: the answer around a result; null for one that has none. */
export function base64Answer(result: ResultBody | null, { createdSeconds }: { createdSeconds: number }): ResultBody {
  const data = result ? [{ b64_json: '', url: null, revised_prompt: null }] : [];
  const text = JSON.stringify({ created: createdSeconds, data });
  const clipAt = result ? text.indexOf('"b64_json":"') + '"b64_json":"'.length : text.length;
  const head = Buffer.from(text.slice(0, clipAt));
  const tail = Buffer.from(text.slice(clipAt));
  const clipCharacters = Math.ceil((result?.sizeBytes ?? 0) / GROUP_BYTES) * QUAD_CHARACTERS;
  function* pieces(chunkBytes: number): Generator<Uint8Array> {
    yield head;
    if (result) yield* encode(result.chunks(0, result.sizeBytes - 1, chunkBytes));
    yield tail;
  }
  return {
    contentType: 'application/json',
    sizeBytes: head.length + clipCharacters + tail.length,
    etag: result?.etag ?? '"none"',
    chunks: (first, last, chunkBytes) => slice(pieces(chunkBytes), first, last),
  };
}
