/** Removing all videos of a caller at once. */

import { and, asc, eq, inArray, isNull, sql } from 'drizzle-orm';
import { type Db, inTransaction } from './driver/database.ts';
import { videos } from './tables/videos.ts';

/** A video that its caller does not see any more. */
export interface HiddenVideo {
  readonly id: string;
  /** Else its cancel is wished. */
  readonly hasEnded: boolean;
}

/** Rows of one transaction. */
const PAGE = 1000;

/**
 * Hides the videos of a caller that are not hidden yet: their media have had their time, and what has not ended is to be
 * cancelled. What is left to do of that stands in the rows.
 */
export async function hideAll(db: Db, callerId: string): Promise<readonly HiddenVideo[]> {
  const hidden: HiddenVideo[] = [];
  for (;;) {
    const page = await inTransaction(db, (tx) => hidePage(tx, callerId));
    if (page.length === 0) return hidden;
    hidden.push(...page);
  }
}

async function hidePage(tx: Db, callerId: string): Promise<readonly HiddenVideo[]> {
  const rows = await tx
    .select({ id: videos.id, endedAt: videos.endedAt })
    .from(videos)
    .where(and(eq(videos.callerId, callerId), isNull(videos.hiddenAt)))
    .orderBy(asc(videos.createdAt), asc(videos.id))
    .limit(PAGE)
    .for('update');
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const chosen = inArray(videos.id, ids);
  const now = new Date();
  const instant = sql`${now.toISOString()}::timestamptz`;
  await tx
    .update(videos)
    .set({ hiddenAt: now, expiresAt: sql`least(${videos.expiresAt}, ${instant})` })
    .where(chosen);
  await tx
    .update(videos)
    .set({ cancelRequestedAt: sql`coalesce(${videos.cancelRequestedAt}, ${instant})`, untoldSince: now })
    .where(and(chosen, isNull(videos.endedAt)));
  return rows.map(({ id, endedAt }) => ({ id, hasEnded: endedAt !== null }));
}
