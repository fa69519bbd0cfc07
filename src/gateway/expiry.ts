/** How long a video and its media are kept: a delete ends it, and one dialect may move it. */

import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { changeVideo, lockVideo, toVideo } from '../catalog/videos.ts';
import { Refusal } from '../domain/failure.ts';
import type { DialectName } from '../domain/vendor.ts';
import type { Video } from '../domain/video.ts';
import type { MediaStore } from '../media/media-store.ts';
import { purgeMedia } from '../recovery/purge.ts';

/** X11: the expiry that other dialects have printed never moves. */
export interface RetentionTerms {
  readonly dialect: DialectName;
  readonly retentionSeconds: number;
}

/** Hides a video from its caller; with `purgesMedia` its media die at once, those that are still to come as well. */
export async function removeVideo(
  { db, store }: { readonly db: Db; readonly store: MediaStore },
  id: string,
  { purgesMedia }: { readonly purgesMedia: boolean },
): Promise<void> {
  const isToBePurged = await inTransaction(db, async (tx) => {
    const row = await lockVideo(tx, id);
    if (!row) return false;
    const now = new Date();
    // From here on the media are given to no caller, and what is archived later has outlived its time already. Should the
    // removal be interrupted, the sweep does it as that of any other video.
    const isLive = row.expiresAt > now;
    await changeVideo(tx, id, { hiddenAt: now, ...(purgesMedia && isLive && { expiresAt: now }) });
    return purgesMedia && row.endedAt !== null;
  });
  if (isToBePurged) await purgeMedia({ db, store }, id);
}

/** Keeps the media of a video for so long from its creation. @throws Refusal `conflict`, `gone`. */
export async function retainVideo(db: Db, video: Video, { dialect, retentionSeconds }: RetentionTerms): Promise<Video> {
  if (video.dialect !== dialect) {
    throw new Refusal('conflict', `the expiry of a video made in the dialect ${video.dialect} cannot be moved`);
  }
  return await inTransaction(db, async (tx) => {
    const row = await lockVideo(tx, video.id);
    if (!row || isOver(row)) throw new Refusal('gone', 'the media have been purged');
    const expiresAt = new Date(row.createdAt.getTime() + retentionSeconds * 1000);
    // What could not be fetched any more is not made.
    const queueDeadlineAt = new Date(Math.min(row.queueDeadlineAt.getTime(), expiresAt.getTime()));
    await changeVideo(tx, video.id, { expiresAt, queueDeadlineAt });
    return { ...toVideo(row), expiresAt };
  });
}

/** Whether a video's media have had their time: what is purged cannot be kept any longer. */
function isOver({ endedAt, expiresAt, purgedAt }: Pick<Video, 'endedAt' | 'expiresAt' | 'purgedAt'>): boolean {
  return purgedAt !== null || (endedAt !== null && expiresAt.getTime() <= Date.now());
}
