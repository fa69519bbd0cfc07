/** Stores what comes as pieces, a clip above all: all of it or nothing. */

import type { StoredClip } from '../domain/video.ts';
import type { MediaStore } from './media-store.ts';

const PIECE_BYTES = 1024 * 1024;

/** Writes the pieces under a key as they come; what stood there is replaced. */
export async function storePieces(
  store: MediaStore,
  key: string,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<StoredClip> {
  const staged = await store.stage(key);
  try {
    for await (const piece of pieces) {
      // A copy of the whole of a large one would be held until the disk has it.
      for (let at = 0; at < piece.byteLength; at += PIECE_BYTES)
        await staged.write(piece.subarray(at, at + PIECE_BYTES));
    }
    return await staged.commit();
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

/** The pieces, as long as all of them hold no more than so many bytes. @throws what `tooLarge` makes beyond it. */
export async function* within(
  maxBytes: number,
  pieces: AsyncIterable<Uint8Array>,
  tooLarge: () => Error,
): AsyncGenerator<Uint8Array, void> {
  let sizeBytes = 0;
  for await (const piece of pieces) {
    sizeBytes += piece.byteLength;
    if (sizeBytes > maxBytes) throw tooLarge();
    yield piece;
  }
}
