/** Where clips are to be delivered, and what became of it: columns of their videos. */

import { and, eq, isNotNull, sql } from 'drizzle-orm';
import { type ClipDelivery, WAITING_DELIVERY } from '../domain/clip-delivery.ts';
import type { Db } from './driver/database.ts';
import { videos } from './tables/videos.ts';

/**
 * Whose clip it is, whether it has had its time, and its sealed target; null where none is left to be delivered to. One that
 * was deleted while it was made is made and brought to its caller all the same (X9).
 */
export async function findDeliveryTarget(db: Db, videoId: string) {
  const isOver = sql<boolean>`(${videos.expiresAt} <= now() and ${videos.hiddenAt} is null)`;
  const [row] = await db
    .select({ callerId: videos.callerId, sealed: videos.deliverTo, isOver })
    .from(videos)
    .where(eq(videos.id, videoId));
  const { sealed = null } = row ?? {};
  return row === undefined || sealed === null ? null : { ...row, sealed };
}

const isOpen = (videoId: string) => and(eq(videos.id, videoId), isNotNull(videos.deliverTo));

/** Notes why a delivery that goes on has not succeeded yet. */
export async function noteClipDelivery(db: Db, videoId: string, message: string): Promise<void> {
  await db
    .update(videos)
    .set({ delivery: { ...WAITING_DELIVERY, message } })
    .where(isOpen(videoId));
}

/** Notes how a delivery came to its end, unless that is known already; the secret of where to goes with it. */
export async function endClipDelivery(db: Db, videoId: string, delivery: ClipDelivery): Promise<void> {
  await db.update(videos).set({ delivery, deliverTo: null }).where(isOpen(videoId));
}
