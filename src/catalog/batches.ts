/** Rows of batches and their lines: entering, reading and listing them. */

import { and, asc, desc, eq, gt, inArray, isNull, lt, ne, or, sql } from 'drizzle-orm';
import { type BatchCounts, type BatchProgress, type LineState, videoIdOfLine } from '../domain/batch.ts';
import type { Video } from '../domain/video.ts';
import { enterCallback } from './callbacks.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { type Db, inTransaction, rowsOf } from './driver/database.ts';
import { useInputImages } from './input-images.ts';
import { batches, batchLines } from './tables/batches.ts';
import { videos } from './tables/videos.ts';
import { callbacks } from './tables/webhooks.ts';
import { toVideo } from './videos.ts';

export type BatchRow = typeof batches.$inferSelect;
export type NewBatch = typeof batches.$inferInsert;
export type LineRow = typeof batchLines.$inferSelect;
export type NewLine = typeof batchLines.$inferInsert;

/** What the ids of a batch's clips begin with, before their lines. */
export const clipsOf = (id: string) => videoIdOfLine(id, 0).slice(0, -1);

/** A create that is sent again without a key is the same batch for so long. */
const REPEATS_FOR = sql`interval '10 minutes'`;

/** The batch that a create was for already: with a key for ever, else while it is young and has not ended. */
export async function findRepeatedBatch(
  db: Db,
  { callerId, repeatKey, hasKey }: { readonly callerId: string; readonly repeatKey: string; readonly hasKey: boolean },
): Promise<BatchRow | null> {
  const isYoung = and(sql`${batches.createdAt} > now() - ${REPEATS_FOR}`, isNull(batches.endedAt));
  const [row] = await db
    .select()
    .from(batches)
    .where(and(eq(batches.callerId, callerId), eq(batches.repeatKey, repeatKey), hasKey ? undefined : isYoung))
    .orderBy(desc(batches.createdAt))
    .limit(1);
  return row ?? null;
}

/** Enters a batch, and where its end is told. */
export async function enterBatch(db: Db, batch: NewBatch): Promise<void> {
  const { id: subjectId, callerId, callbackUrl: url } = batch;
  await inTransaction(db, async (tx) => {
    await tx.insert(batches).values(batch);
    if (url) await enterCallback(tx, { subjectId, callerId, url, jobId: null });
  });
}

export async function changeBatch(db: Db, id: string, change: Partial<BatchRow>): Promise<void> {
  await db.update(batches).set(change).where(eq(batches.id, id));
}

/** Takes back a batch that was not accepted after all. */
export async function forgetBatch(db: Db, id: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    await tx.execute(sql`delete from input_image_uses u using batch_lines l
      where l.batch_id = ${id} and u.video_id = ${clipsOf(id)}::text || l.line`);
    await tx.delete(batchLines).where(eq(batchLines.batchId, id));
    await tx.delete(batches).where(eq(batches.id, id));
    await tx.delete(callbacks).where(eq(callbacks.subjectId, id));
  });
}

/** Enters some lines; the images that they will be made from are kept from now on. */
export async function enterLines(db: Db, lines: readonly (NewLine & { readonly clipId: string })[]): Promise<void> {
  if (lines.length === 0) return;
  await inTransaction(db, async (tx) => {
    await tx.insert(batchLines).values(lines.map(({ clipId: _, ...line }) => line));
    for (const { clipId, request } of lines) {
      if (request && request.images.length > 0) await useInputImages(tx, clipId, request.images);
    }
  });
}

export async function findBatch(db: Db, id: string): Promise<BatchRow | null> {
  const [row] = await db.select().from(batches).where(eq(batches.id, id));
  return row ?? null;
}

/** Asks for a batch's cancel; one that has ended stays as it is. */
export async function wishBatchCancelled(db: Db, id: string): Promise<void> {
  await db
    .update(batches)
    .set({ cancelRequestedAt: new Date(), state: 'cancelling' })
    .where(
      and(eq(batches.id, id), isNull(batches.endedAt), isNull(batches.finalizingAt), isNull(batches.cancelRequestedAt)),
    );
}

export interface BatchFilter {
  /** Null: all callers'. */
  readonly callerId: string | null;
  readonly limit: number;
  readonly cursor?: string | undefined;
  /** The last batch of the page before, in place of a cursor. */
  readonly after?: BatchRow | null;
}

/** A page of batches, newest first, and the cursor of the next one. @throws Refusal for a cursor that is none of ours. */
export async function listBatches(db: Db, { callerId, limit, cursor, after }: BatchFilter) {
  const last = after ? { at: after.createdAt, id: after.id } : cursor === undefined ? null : decodeCursor(cursor);
  const rows = await db
    .select()
    .from(batches)
    .where(
      and(
        callerId === null ? undefined : eq(batches.callerId, callerId),
        last
          ? sql`(${batches.createdAt}, ${batches.id}) < (${last.at.toISOString()}::timestamptz, ${last.id})`
          : undefined,
      ),
    )
    .orderBy(desc(batches.createdAt), desc(batches.id))
    .limit(limit + 1);
  const items = rows.slice(0, limit);
  const end = items.at(-1);
  return { items, nextCursor: rows.length > limit && end ? encodeCursor({ at: end.createdAt, id: end.id }) : null };
}

/** A line and its clip. */
export interface LineWithVideo {
  readonly line: LineRow;
  readonly video: Video | null;
}

/** Lines in their order behind `after`, each with its clip. */
export async function listLines(
  db: Db,
  batchId: string,
  { state, after, limit }: { readonly state?: LineState | undefined; readonly after: number; readonly limit: number },
): Promise<readonly LineWithVideo[]> {
  const rows = await db
    .select({ line: batchLines, video: videos })
    .from(batchLines)
    .leftJoin(videos, eq(videos.id, batchLines.videoId))
    .where(
      and(
        eq(batchLines.batchId, batchId),
        gt(batchLines.line, after),
        state === undefined ? undefined : eq(batchLines.state, state),
      ),
    )
    .orderBy(asc(batchLines.line))
    .limit(limit);
  return rows.map(({ line, video }) => ({ line, video: video && toVideo(video) }));
}

const NONE: BatchCounts = { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0, expired: 0 };
const NO_PROGRESS: BatchProgress = { counts: NONE, costMicroUsd: 0 };

/** How far batches are, by their ids. */
export async function readProgress(db: Db, ids: readonly string[]): Promise<(id: string) => BatchProgress> {
  if (ids.length === 0) return () => NO_PROGRESS;
  const counted = await db
    .select({ id: batchLines.batchId, state: batchLines.state, lines: sql<number>`count(*)::int` })
    .from(batchLines)
    .where(inArray(batchLines.batchId, [...ids]))
    .groupBy(batchLines.batchId, batchLines.state);
  const costs = await db
    .select({ id: videos.batchId, cost: sql<string>`coalesce(sum(${videos.settledMicroUsd}), 0)` })
    .from(videos)
    .where(inArray(videos.batchId, [...ids]))
    .groupBy(videos.batchId);
  return (id) => {
    const own = counted.filter((each) => each.id === id).map(({ state, lines }) => [state, lines]);
    return {
      counts: { ...NONE, ...Object.fromEntries(own) },
      costMicroUsd: Number(costs.find((each) => each.id === id)?.cost ?? 0),
    };
  };
}

/** Clips of a model are taken to last as long as the latest of them did. */
const LATEST_CLIPS = 20;

/** How long the lines of a batch that are left will take, by what their models took lately; null where that is not known. */
export async function expectedMsLeft(db: Db, batchId: string): Promise<number | null> {
  const result = await db.execute(sql`
    with models as (
      select request->>'model' as model, count(*) as lines from batch_lines
      where batch_id = ${batchId} and state in ('queued', 'running') group by 1
    )
    select sum(m.lines * took.ms)::float8 as work, bool_and(took.ms is not null) as is_known,
      (select coalesce(sum(a.max_concurrent_tasks), 0)::int from accounts a where a.configured and exists (
        select 1 from account_models am join models on models.model = am.model where am.account = a.id)) as slots
    from models m left join lateral (
      select avg(extract(epoch from ended_at - submitted_at) * 1000) as ms from (
        select v.ended_at, v.submitted_at from videos v
        where v.model = m.model and v.state = 'completed' order by v.created_at desc limit ${LATEST_CLIPS}
      ) latest
    ) took on true`);
  const [row] = rowsOf<{ readonly work: number | null; readonly is_known: boolean | null; readonly slots: number }>(
    result,
  );
  if (!row?.is_known || row.work === null || row.slots === 0) return null;
  return Math.ceil(Number(row.work) / row.slots);
}

/** Batches that their workflows should have advanced since: ids, oldest first. */
export async function listForgottenBatches(db: Db, advancedBefore: Date, limit: number): Promise<readonly string[]> {
  const rows = await db
    .select({ id: batches.id })
    .from(batches)
    .where(
      and(
        isNull(batches.endedAt),
        ne(batches.state, 'validating'),
        lt(batches.createdAt, advancedBefore),
        or(isNull(batches.advancedAt), lt(batches.advancedAt, advancedBefore)),
      ),
    )
    .orderBy(batches.createdAt)
    .limit(limit);
  return rows.map(({ id }) => id);
}

/** Ends batches whose validation went away with its process: nothing of them was made. */
export async function endUnvalidated(db: Db, createdBefore: Date): Promise<void> {
  const invalid = [{ line: 0, code: 'interrupted', message: 'the validation was interrupted; submit the batch again' }];
  await db
    .update(batches)
    .set({ state: 'failed', endedAt: new Date(), invalid })
    .where(and(isNull(batches.endedAt), eq(batches.state, 'validating'), lt(batches.createdAt, createdBefore)));
}

/** Copies the lines of a batch that could not be completed to another one, as the same lines. */
export async function copyUnfinished(
  db: Db,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<{ readonly total: number; readonly estimateMicroUsd: number }> {
  const clips = clipsOf(to);
  return await inTransaction(db, async (tx) => {
    const copied = await tx.execute(sql`
      insert into batch_lines (batch_id, line, custom_id, state, dialect, request, estimate_micro_usd, start_from_video, start_from_line)
      select ${to}, l.line, l.custom_id, 'queued', l.dialect,
        case when l.start_from_video is null then l.request else jsonb_set(l.request, '{images}', '[]') end, l.estimate_micro_usd,
        case when o.state <> 'completed' then ${clips}::text || o.line else l.start_from_video end,
        case when o.state <> 'completed' then o.line end
      from batch_lines l left join batch_lines o on o.batch_id = l.batch_id and o.line = l.start_from_line
      where l.batch_id = ${from} and l.state in ('failed', 'cancelled', 'expired') and l.request is not null
      returning estimate_micro_usd::float8 as estimate`);
    await tx.execute(sql`
      insert into input_image_uses (sha256, video_id)
      select image->>'sha256', ${clips}::text || l.line from batch_lines l, jsonb_array_elements(l.request->'images') image
      where l.batch_id = ${to} and image->>'kind' = 'stored' on conflict do nothing`);
    const rows = rowsOf<{ readonly estimate: number }>(copied);
    return { total: rows.length, estimateMicroUsd: rows.reduce((sum, { estimate }) => sum + Number(estimate), 0) };
  });
}
