/** Rows of videos: reading, listing and changing them. */

import { and, asc, desc, eq, gte, inArray, isNotNull, isNull, lt, type SQL, sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/pg-core';
import { Refusal } from '../domain/failure.ts';
import { isVideoId, type Video, type VideoState } from '../domain/video.ts';
import type { VideoFilter } from '../domain/video-filter.ts';
import type { WaitingFor } from '../domain/waiting-for.ts';
import type { Db } from './driver/database.ts';
import { cutPage, isBehind } from './page.ts';
import { videos } from './tables/videos.ts';

export type VideoRow = typeof videos.$inferSelect;

/** What a video's clip is to show. */
export const PROMPT: SQL<string> = sql`${videos.request} ->> 'prompt'`;

/** The row without what only the catalog needs. */
export function toVideo(row: VideoRow): Video {
  const {
    model: _model,
    queueDeadlineAt: _deadline,
    endBeforeAt: _endBefore,
    priority: _priority,
    undecidedRefusals: _refusals,
    sentUnknownSince: _unknown,
    untoldSince: _untold,
    auditedAt: _audited,
    resumes: _resumes,
    deliverTo: _deliverTo,
    traceParent: _trace,
    ...video
  } = row;
  return video;
}

const byId = new WeakMap<Db, ReturnType<typeof composeById>>();

/** Without a name, which a pool of connections between us and PostgreSQL might not know again. */
function composeById(db: Db) {
  return db
    .select()
    .from(videos)
    .where(eq(videos.id, sql.placeholder('id')))
    .prepare('');
}

/** The video, or null. Every poll of a client asks this: composed once, it takes two thirds of the time. */
export async function findVideo(db: Db, id: string): Promise<Video | null> {
  const composed = byId.get(db) ?? composeById(db);
  byId.set(db, composed);
  const [row] = await composed.execute({ id });
  return row ? toVideo(row) : null;
}

/** The row with what only the catalog needs, or null. */
export async function findVideoRow(db: Db, id: string): Promise<VideoRow | null> {
  const [row] = await db.select().from(videos).where(eq(videos.id, id));
  return row ?? null;
}

/** Which of these videos the catalog has. */
export async function listKnown(db: Db, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db
    .select({ id: videos.id })
    .from(videos)
    .where(inArray(videos.id, [...ids]));
  return new Set(rows.map(({ id }) => id));
}

/** The row, locked until the transaction ends, or null: the first statement of all that change a video. */
export async function lockVideo(tx: Db, id: string): Promise<VideoRow | null> {
  const [row] = await tx.select().from(videos).where(eq(videos.id, id)).for('update');
  return row ?? null;
}

/** Changes a video; a trigger tells its followers where the change is one that shows. */
export async function changeVideo(tx: Db, id: string, change: Partial<VideoRow>): Promise<void> {
  await tx.update(videos).set(change).where(eq(videos.id, id));
}

/**
 * Notes what a video waits for; no follower is told, since it is no new state.
 * @returns false for a video that has ended.
 */
export async function noteWaiting(db: Db, id: string, waitingFor: WaitingFor): Promise<boolean> {
  const rows = await db
    .update(videos)
    .set({ waitingFor })
    .where(and(eq(videos.id, id), isNull(videos.endedAt)))
    .returning({ id: videos.id });
  return rows.length > 0;
}

/** A cursor is the id of the last video of the page before: ids order as creation times do. */
async function beyond(db: Db, selection: VideoFilter): Promise<SQL | undefined> {
  if (selection.cursor === undefined) return undefined;
  // The database cannot be asked for everything, such as a NUL.
  const last = isVideoId(selection.cursor) ? await findVideo(db, selection.cursor) : null;
  if (!last || (selection.callerId !== null && last.callerId !== selection.callerId)) {
    throw new Refusal('invalid_request', 'the cursor is not one that was given out', { param: 'cursor' });
  }
  return isBehindVideo(last, selection.order);
}

/** The videos behind this one, the newest or the oldest first. */
export function isBehindVideo({ createdAt, id }: Pick<Video, 'createdAt' | 'id'>, first?: VideoFilter['order']): SQL {
  return isBehind({ at: videos.createdAt, id: videos.id }, { at: createdAt, id }, first);
}

/** What a filter asks for, in one state or in any. */
function matches({ callerId, batchId, model, from, to, includeHidden }: VideoFilter, state?: VideoState) {
  return and(
    callerId === null ? undefined : eq(videos.callerId, callerId),
    state === undefined ? undefined : eq(videos.state, state),
    batchId === undefined ? undefined : eq(videos.batchId, batchId),
    model === undefined ? undefined : eq(videos.model, model),
    from === undefined ? undefined : gte(videos.createdAt, from),
    to === undefined ? undefined : lt(videos.createdAt, to),
    includeHidden ? undefined : isNull(videos.hiddenAt),
  );
}

/** Rows of ids that are read in one statement. */
const ID_PAGE = 1000;

/** Ids alone, each state's oldest first, as many as the filter's limit: they are read page by page, along the lists' indexes. */
export async function listVideoIds(
  db: Db,
  selection: Omit<VideoFilter, 'cursor' | 'order'>,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const state of new Set(selection.states ?? [undefined])) {
    for (let last: { readonly id: string; readonly createdAt: Date } | undefined; ids.length < selection.limit; ) {
      const after: SQL | undefined = last && isBehindVideo(last, 'oldest');
      const page = await db
        .select({ id: videos.id, createdAt: videos.createdAt })
        .from(videos)
        .where(and(matches(selection, state), after))
        .orderBy(asc(videos.createdAt), asc(videos.id))
        .limit(Math.min(ID_PAGE, selection.limit - ids.length));
      ids.push(...page.map(({ id }) => id));
      last = page.at(-1);
      if (last === undefined) break;
    }
  }
  return ids;
}

/** A page of videos and the cursor of the next one. */
export async function listVideos(
  db: Db,
  selection: VideoFilter,
): Promise<{ readonly videos: readonly Video[]; readonly nextCursor: string | null }> {
  const { states, limit } = selection;
  const direction = selection.order === 'oldest' ? asc : desc;
  const cursor = await beyond(db, selection);
  const rowsOf = (state?: VideoState) =>
    db
      .select()
      .from(videos)
      .where(and(matches(selection, state), cursor))
      .orderBy(direction(videos.createdAt), direction(videos.id))
      .limit(limit + 1);
  const [first, second, ...others] = [...new Set(states ?? [undefined])].map(rowsOf);
  if (first === undefined) return { videos: [], nextCursor: null };
  // An index has the videos of each state in order, and not those of several.
  const rows = await (second === undefined
    ? first
    : unionAll(first, second, ...others)
        .orderBy(direction(videos.createdAt), direction(videos.id))
        .limit(limit + 1));
  const { items, nextCursor } = cutPage(rows, limit, ({ id }) => id);
  return { videos: items.map(toVideo), nextCursor };
}

/** Ended videos whose media, if there are any, have outlived their time: ids, oldest first. */
export async function listExpiredMedia(db: Db, limit: number): Promise<readonly string[]> {
  const rows = await db
    .select({ id: videos.id })
    .from(videos)
    .where(and(isNull(videos.purgedAt), isNotNull(videos.endedAt), lt(videos.expiresAt, sql`now()`)))
    .orderBy(asc(videos.expiresAt))
    .limit(limit);
  return rows.map(({ id }) => id);
}
