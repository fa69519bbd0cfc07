/** Reading pieces of a stored object into memory. */

import type { MediaStore } from './media-store.ts';

/** The bytes from `start` up to, not including, `end`; fewer where the object ends earlier. Throws where there is none. */
export async function readBytes(
  store: MediaStore,
  key: string,
  span: { start: number; end: number },
): Promise<Uint8Array> {
  if (span.end <= span.start) return new Uint8Array(0);
  const stream = await store.read(key, { start: span.start, end: span.end - 1 });
  if (stream === null) throw new Error(`${key} is not in the media store`);
  const pieces: Uint8Array[] = [];
  const chunks: AsyncIterable<Uint8Array> = stream;
  for await (const chunk of chunks) pieces.push(chunk);
  return Buffer.concat(pieces);
}
