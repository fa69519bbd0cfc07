/** What has to be done after an older copy was put back: until nothing is left of it, no slot is granted. */

import { and, eq, inArray, isNull, lt, notInArray, type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from './driver/database.ts';
import { accounts } from './tables/accounts.ts';
import { reopenings, videos } from './tables/videos.ts';

/** An operator has to run `clipyard restore`. */
const RESTORE = 'restore';
/** How many are read at once. */
const AT_ONCE = 1000;
/** The accounts' lists have to be read: tasks that were made after the copy take slots. */
const LISTS = 'lists';

/** Whether the accounts' lists have to be read. */
export const areListsDue: SQL = sql`exists (select 1 from ${reopenings} where ${reopenings.videoId} = ${LISTS})`;

/** How far a restore has come. */
export interface RestoreState {
  readonly isNeeded: boolean;
  /** Videos that have still to open again. */
  readonly videos: number;
}

/** Whether anything is left to do. */
export async function isReopening(db: Db): Promise<boolean> {
  const result = await db.execute(sql`select exists (select 1 from reopenings) as any_left`);
  return rowsOf<{ readonly any_left: boolean }>(result)[0]?.any_left === true;
}

/** Null where nothing is left to do. */
export async function readRestoreState(db: Db): Promise<RestoreState | null> {
  const rows = await db.select({ videoId: reopenings.videoId }).from(reopenings);
  if (rows.length === 0) return null;
  const ids = rows.map(({ videoId }) => videoId);
  return {
    isNeeded: ids.includes(RESTORE),
    videos: ids.filter((id) => id !== RESTORE && id !== LISTS).length,
  };
}

async function enter(db: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const rows = ids.map((videoId) => ({ videoId, toldAt: new Date() }));
  await db.insert(reopenings).values(rows).onConflictDoNothing();
}

/** Has an operator run a restore before anything is granted. */
export async function requireRestore(db: Db): Promise<void> {
  await enter(db, [RESTORE]);
}

/** Has these videos open again, and the accounts' lists read, before anything is granted. */
export async function enterReopenings(db: Db, videoIds: readonly string[]): Promise<void> {
  await enter(db, [...videoIds, LISTS]);
  await leaveReopenings(db, [RESTORE]);
}

/** Videos that have opened again, or never will. */
export async function leaveReopenings(db: Db, videoIds: readonly string[]): Promise<void> {
  if (videoIds.length > 0) await db.delete(reopenings).where(inArray(reopenings.videoId, [...videoIds]));
}

/** The accounts' lists were read. */
export async function noteListsRead(db: Db): Promise<void> {
  await leaveReopenings(db, [LISTS]);
}

/** Videos that have still to open again: those that were told before this, a thousand at the most, or some of these. */
export async function listReopenings(
  db: Db,
  { toldBefore, among }: { readonly toldBefore?: Date; readonly among?: readonly string[] },
): Promise<readonly string[]> {
  const rows = await db
    .select({ videoId: reopenings.videoId })
    .from(reopenings)
    .where(
      and(
        notInArray(reopenings.videoId, [RESTORE, LISTS]),
        toldBefore && lt(reopenings.toldAt, toldBefore),
        among && inArray(reopenings.videoId, [...among]),
      ),
    )
    .limit(among?.length ?? AT_ONCE);
  return rows.map(({ videoId }) => videoId);
}

/** Notes that a video was told once more. */
export async function noteReopeningTold(db: Db, videoId: string): Promise<void> {
  await db.update(reopenings).set({ toldAt: new Date() }).where(eq(reopenings.videoId, videoId));
}

/** A video of which a create may have been sent that this copy of the catalog does not know of. */
export interface UnknownCreate {
  readonly videoId: string;
  /** Some account that may serve it has no list which would tell. */
  readonly mayBePaidAgain: boolean;
}

/**
 * Notes that creates may have been sent since then which this copy of the catalog does not know of: for all videos
 * without an end that have no open run, or whose run may be about to send what this copy has as granted, and in all
 * accounts. Their workflows are missed by the next sweep.
 */
export async function noteUnknownCreates(
  db: Db,
  { since, running }: { readonly since: Date; readonly running: readonly string[] },
): Promise<readonly UnknownCreate[]> {
  const at = sql`${since.toISOString()}::timestamptz`;
  await db.update(accounts).set({ listReadAt: null, firstUsedAt: sql`coalesce(${accounts.firstUsedAt}, ${at})` });
  const isGranted = sql`exists (select 1 from submissions s where s.video_id = ${videos.id} and s.state = 'granted')`;
  const isLeft = sql`(not (${videos.id} = any(${sql.param([...running])}::text[])) or ${isGranted})`;
  const hasNoList = sql<boolean>`exists (select 1 from account_models m join accounts a on a.id = m.account
    where m.model = ${videos.model} and a.configured and (not a.reads_list or a.list_missing_at is not null))`;
  return await db
    .update(videos)
    .set({ sentUnknownSince: sql`coalesce(${videos.sentUnknownSince}, ${at})`, auditedAt: new Date(0) })
    .where(and(isNull(videos.endedAt), isLeft))
    .returning({ videoId: videos.id, mayBePaidAgain: hasNoList });
}
