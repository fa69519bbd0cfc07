/** Rows of videos: reading, listing and changing them, each change announced. */

import { and, asc, desc, eq, inArray, isNotNull, isNull, lt, or, type SQL, sql } from 'drizzle-orm';
import { Refusal } from '../domain/failure.ts';
import type { Video } from '../domain/video.ts';
import type { VideoFilter } from '../domain/video-filter.ts';
import { announce } from './changes.ts';
import type { Db } from './driver/database.ts';
import { videos } from './schema.ts';

export type VideoRow = typeof videos.$inferSelect;

/** The row without what only the catalog needs. */
export function toVideo(row: VideoRow): Video {
  const {
    model: _model,
    queueDeadlineAt: _deadline,
    openedAt: _opened,
    auditedAt: _audited,
    resumes: _r,
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

/** The row, locked until the transaction ends, or null: the first statement of whatever changes a video. */
export async function lockVideo(tx: Db, id: string): Promise<VideoRow | null> {
  const [row] = await tx.select().from(videos).where(eq(videos.id, id)).for('update');
  return row ?? null;
}

/** Changes a video and tells whoever follows it, unless the change is none that shows. */
export async function changeVideo(
  tx: Db,
  id: string,
  change: Partial<VideoRow>,
  { silent = false }: { readonly silent?: boolean } = {},
): Promise<void> {
  await tx.update(videos).set(change).where(eq(videos.id, id));
  if (!silent) await announce(tx, id);
}

/** Notes why nothing is known yet of a video's create; nobody is told, since it says nothing new of the video. */
export async function noteDoubt(db: Db, id: string, reason: string): Promise<void> {
  const isInDoubt = inArray(videos.state, ['submitting', 'unconfirmed']);
  await db
    .update(videos)
    .set({ lastError: reason })
    .where(and(eq(videos.id, id), isInDoubt));
}

/** What the database cannot be asked for, such as a NUL, is no id. */
const VIDEO_ID = /^[A-Za-z0-9_-]{1,80}$/;

/** A cursor is the id of the last video of the page before: ids order as creation times do. */
async function beyond(db: Db, selection: VideoFilter): Promise<SQL | undefined> {
  if (selection.cursor === undefined) return undefined;
  const last = VIDEO_ID.test(selection.cursor) ? await findVideo(db, selection.cursor) : null;
  if (!last || (selection.callerId !== null && last.callerId !== selection.callerId)) {
    throw new Refusal('invalid_request', 'the cursor is not one that was given out', { param: 'cursor' });
  }
  const at = last.createdAt;
  return selection.order === 'oldest'
    ? sql`(${videos.createdAt}, ${videos.id}) > (${at.toISOString()}::timestamptz, ${last.id})`
    : or(lt(videos.createdAt, at), and(eq(videos.createdAt, at), lt(videos.id, last.id)));
}

/** A page of videos and the cursor of the next one. */
export async function listVideos(db: Db, selection: VideoFilter) {
  const { callerId, states, batchId, model, includeHidden, limit } = selection;
  const direction = selection.order === 'oldest' ? asc : desc;
  const rows = await db
    .select()
    .from(videos)
    .where(
      and(
        callerId === null ? undefined : eq(videos.callerId, callerId),
        states === undefined ? undefined : inArray(videos.state, [...states]),
        batchId === undefined ? undefined : eq(videos.batchId, batchId),
        model === undefined ? undefined : eq(videos.model, model),
        includeHidden ? undefined : isNull(videos.hiddenAt),
        await beyond(db, selection),
      ),
    )
    .orderBy(direction(videos.createdAt), direction(videos.id))
    .limit(limit + 1);
  const page = rows.slice(0, limit).map(toVideo);
  return { videos: page, nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
}

/** Archived videos whose media have outlived their time, oldest first. */
export async function listExpiredMedia(db: Db, now: Date, limit: number): Promise<readonly Video[]> {
  const rows = await db
    .select()
    .from(videos)
    .where(and(isNull(videos.purgedAt), isNotNull(videos.archive), lt(videos.expiresAt, now)))
    .orderBy(asc(videos.expiresAt))
    .limit(limit);
  return rows.map(toVideo);
}
