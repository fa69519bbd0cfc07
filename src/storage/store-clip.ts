/** Stores a clip that comes as a stream of pieces, all of it or nothing. */

import { clipKeyOf } from './media-key.ts';
import type { MediaStore } from './media-store.ts';

/** What was stored. */
export interface StoredClipFacts {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Writes the pieces under the video's own key as they come; what an earlier try left there is replaced. */
export async function storeClip(
  store: MediaStore,
  videoId: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<StoredClipFacts> {
  const staged = await store.stage(clipKeyOf(videoId));
  try {
    for await (const piece of pieces) await staged.write(piece);
    const facts = { sha256: staged.sha256(), sizeBytes: staged.sizeBytes };
    await staged.commit();
    return facts;
  } catch (error) {
    await staged.discard();
    throw error;
  }
}
