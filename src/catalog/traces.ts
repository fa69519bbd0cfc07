/** What the trace of a video is made from. */

import { eq } from 'drizzle-orm';
import type { Db } from './driver/database.ts';
import { videos } from './tables/videos.ts';

export type TracedVideo = Pick<
  typeof videos.$inferSelect,
  'traceParent' | 'createdAt' | 'callerId' | 'dialect' | 'account'
>;

/** Null where the catalog has no such video. */
export async function readTraced(db: Db, videoId: string): Promise<TracedVideo | null> {
  const { traceParent, createdAt, callerId, dialect, account } = videos;
  const [row] = await db
    .select({ traceParent, createdAt, callerId, dialect, account })
    .from(videos)
    .where(eq(videos.id, videoId));
  return row ?? null;
}
