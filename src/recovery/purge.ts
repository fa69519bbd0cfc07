/** Removing what has had its time: media of ended videos, and input images that no video is made from any more. */

import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { forgetInputImage, listUnusedImages } from '../catalog/input-images.ts';
import { changeVideo } from '../catalog/videos.ts';
import { inputImageKeyOf } from '../media/input-images.ts';
import type { MediaStore } from '../media/media-store.ts';
import { removeMedia } from '../media/remove-media.ts';

export interface PurgeDependencies {
  readonly db: Db;
  readonly store: MediaStore;
}

/** How long an input image outlives the last video that is made from it: links to it live as long. */
const IMAGE_LIFETIME_MS = 24 * 60 * 60_000;

/** The expiry in the row keeps everybody from files that are going; an interrupted purge is done again. */
export async function purgeMedia({ db, store }: PurgeDependencies, videoId: string): Promise<void> {
  await removeMedia(store, videoId);
  await changeVideo(db, videoId, { purgedAt: new Date() });
}

/** Hashes of input images that are not needed any more. */
export async function listUnneeded(db: Db, limit: number): Promise<readonly string[]> {
  return await listUnusedImages(db, unneededSince(), limit);
}

const unneededSince = () => new Date(Date.now() - IMAGE_LIFETIME_MS);

/** The bytes go while the row is locked: who brings the same image meanwhile waits, and then stores it anew. */
export async function purgeImage({ db, store }: PurgeDependencies, sha256: string): Promise<boolean> {
  return await inTransaction(db, async (tx) => {
    if (!(await forgetInputImage(tx, sha256, unneededSince()))) return false;
    await store.remove(inputImageKeyOf(sha256));
    return true;
  });
}
