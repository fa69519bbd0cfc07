/** Wishes of callers and operators as the rows keep them: the workflows' signals are hints, and the rows are obeyed. */

import { and, asc, eq, isNotNull } from 'drizzle-orm';
import { type Db, inTransaction } from './driver/database.ts';
import { waiting } from './tables/queue.ts';
import { videos } from './tables/videos.ts';
import { changeVideo, lockVideo, type VideoRow } from './videos.ts';

/** A wish that a video's workflow may not have heard of. */
export interface UntoldWish {
  readonly videoId: string;
  /** Its video is to be cancelled; else the workflow is only to read its rows, or to poll its task. */
  readonly isCancel: boolean;
  readonly since: Date;
}

function toUntold({ id, cancelRequestedAt }: VideoRow, since: Date): UntoldWish {
  return { videoId: id, isCancel: cancelRequestedAt !== null, since };
}

/** Asks for a video's cancel, or for a poll of its task; null for a video that has ended or is not there. */
export async function wish(db: Db, id: string, kind: 'cancel' | 'recheck'): Promise<UntoldWish | null> {
  return await inTransaction(db, async (tx) => {
    const row = await lockVideo(tx, id);
    return row?.endedAt === null ? await enterWish(tx, row, kind) : null;
  });
}

/** Asks for the cancel of a video that waits for a slot, which it is not granted from then on; null for any other. */
export async function wishWaitingCancelled(db: Db, id: string): Promise<UntoldWish | null> {
  return await inTransaction(db, async (tx) => {
    // Grants lock the video as well before they take it out of the queue.
    const row = await lockVideo(tx, id);
    const places = await tx.$count(waiting, eq(waiting.videoId, id));
    return row?.endedAt === null && places > 0 ? await enterWish(tx, row, 'cancel') : null;
  });
}

/** Enters a wish for a video that is locked already, and that may have ended. */
export async function enterWish(tx: Db, row: VideoRow, kind: 'cancel' | 'recheck'): Promise<UntoldWish> {
  const since = new Date();
  const cancelRequestedAt = kind === 'cancel' ? (row.cancelRequestedAt ?? since) : row.cancelRequestedAt;
  await changeVideo(tx, row.id, { cancelRequestedAt, untoldSince: since });
  return toUntold({ ...row, cancelRequestedAt }, since);
}

/** Wishes that workflows may not have heard of, oldest first. */
export async function listUntold(db: Db, limit: number): Promise<readonly UntoldWish[]> {
  const rows = await db
    .select()
    .from(videos)
    .where(isNotNull(videos.untoldSince))
    .orderBy(asc(videos.untoldSince))
    .limit(limit);
  return rows.flatMap((row) => (row.untoldSince === null ? [] : [toUntold(row, row.untoldSince)]));
}

/** Its workflow has heard of the wish, or none runs; a newer wish stays untold. */
export async function noteTold(db: Db, { videoId, since }: UntoldWish): Promise<void> {
  await db
    .update(videos)
    .set({ untoldSince: null })
    .where(and(eq(videos.id, videoId), eq(videos.untoldSince, since)));
}
