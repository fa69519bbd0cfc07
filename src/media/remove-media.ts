/** Removing all that is kept of a video's media. */

import type { EndedVideo } from '../domain/step.ts';
import { clipKeyOf, posterKeyOf, spriteSheetKeyOf } from './media-key.ts';
import type { MediaStore } from './media-store.ts';

/** Removes clip, poster and sprite sheet; what is not there is fine. The row is to say so before. */
export async function removeMedia(store: MediaStore, videoId: string): Promise<void> {
  for (const keyOf of [clipKeyOf, posterKeyOf, spriteSheetKeyOf]) await store.remove(keyOf(videoId));
}

/** Removes what will never be shown: of a video that has ended otherwise than with its clip; null: it has not ended. */
export async function removeUnshown(store: MediaStore, videoId: string, end: EndedVideo | null): Promise<void> {
  if (end && end.state !== 'completed') await removeMedia(store, videoId);
}
