/** Removing all that is kept of a video's media. */

import type { ArchivedClip } from '../domain/video.ts';
import { spriteSheetKeyOf } from './media-key.ts';
import type { MediaStore } from './media-store.ts';

/** Removes clip, poster and sprite sheet; what is not there is fine. The row is to say so before. */
export async function removeMedia(store: MediaStore, videoId: string, archive: ArchivedClip | null): Promise<void> {
  if (archive === null) return;
  await store.remove(archive.clipKey);
  if (archive.posterKey !== null) await store.remove(archive.posterKey);
  await store.remove(spriteSheetKeyOf(videoId));
}
