/** Stores what comes as pieces, a clip above all: all of it or nothing. */

import type { StoredClip } from '../domain/video.ts';
import { clipKeyOf } from './media-key.ts';
import type { MediaStore } from './media-store.ts';

const PIECE_BYTES = 1024 * 1024;

/** Writes the pieces under the video's own key as they come; what an earlier try left there is replaced. */
export async function storeClip(
  store: MediaStore,
  videoId: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<StoredClip> {
  return await storePieces(store, clipKeyOf(videoId), pieces);
}

/** Stores what is in memory already. */
export async function storeBytes(store: MediaStore, key: string, bytes: Uint8Array): Promise<void> {
  await storePieces(store, key, [bytes]);
}

/** Writes the pieces under a key as they come. */
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
