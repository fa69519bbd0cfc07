/** Where clips are to be delivered, and what became of it: columns of their videos. */

import { and, eq, isNotNull } from 'drizzle-orm';
import { type ClipDelivery, WAITING_DELIVERY } from '../domain/clip-delivery.ts';
import type { Db } from './driver/database.ts';
import { videos } from './tables/videos.ts';

/** Whose clip it is, and its sealed target; null where none is left to be delivered to. */
export async function findDeliveryTarget(db: Db, videoId: string) {
  const [row] = await db
    .select({ callerId: videos.callerId, sealed: videos.deliverTo })
    .from(videos)
    .where(eq(videos.id, videoId));
  const { callerId, sealed = null } = row ?? {};
  return callerId === undefined || sealed === null ? null : { callerId, sealed };
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
