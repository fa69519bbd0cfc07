/** Rows of batches and their lines: entering, reading and listing them. */

import { and, asc, desc, eq, gt, inArray, isNull, lt, ne, or, type SQL, sql } from 'drizzle-orm';
import { type BatchCounts, type BatchProgress, LINE_STATES, type LineState, videoIdOfLine } from '../domain/batch.ts';
import { Refusal } from '../domain/failure.ts';
import type { MicroUsd } from '../domain/money.ts';
import type { Video } from '../domain/video.ts';
import { enterCallback } from './callbacks.ts';
import { type Db, inTransaction, rowsOf } from './driver/database.ts';
import { useInputImages } from './input-images.ts';
import { LATEST_CLIPS } from './model-times.ts';
import { cutPage, decodeCursor, encodeCursor, isBehind, type Page } from './page.ts';
import { batches, batchLines } from './tables/batches.ts';
import { videos } from './tables/videos.ts';
import { toVideo } from './videos.ts';

export type BatchRow = typeof batches.$inferSelect;
export type NewBatch = typeof batches.$inferInsert;
export type LineRow = typeof batchLines.$inferSelect;
export type NewLine = typeof batchLines.$inferInsert;

/** What the ids of a batch's clips begin with, before their lines. */
export const clipsOf = (id: string) => videoIdOfLine(id, 0).slice(0, -1);

/** Of the clips that were under way at its last step, so many still are when a batch is told of ends. */
const LOW_SHARE = 2 / 3;

/** A create that is sent again without a key is the same batch for so long. */
const REPEATS_FOR = sql`interval '10 minutes'`;

/**
 * The batch that a create was for already: with a key for ever, else while it is young and has not ended.
 * @throws Refusal `idempotency_mismatch` for a key that was sent with something else.
 */
export async function findRepeatedBatch(
  db: Db,
  { callerId, repeatKey, bodyHash = null }: Pick<NewBatch, 'callerId' | 'repeatKey' | 'bodyHash'>,
  hasKey: boolean,
): Promise<BatchRow | null> {
  const isYoung = and(sql`${batches.createdAt} > now() - ${REPEATS_FOR}`, isNull(batches.endedAt));
  const [row] = await db
    .select()
    .from(batches)
    .where(and(eq(batches.callerId, callerId), eq(batches.repeatKey, repeatKey), hasKey ? undefined : isYoung))
    .orderBy(desc(batches.createdAt))
    .limit(1);
  if (row && hasKey && row.bodyHash !== bodyHash) {
    throw new Refusal('idempotency_mismatch', 'this idempotency key was used with another batch');
  }
  return row ?? null;
}

/**
 * Enters a batch, unless its create came before: then the batch that it made, and null else. Parallel creates of the same
 * wait for each other until this transaction ends.
 * @throws Refusal `idempotency_mismatch`.
 */
export async function enterBatchOnce(tx: Db, batch: NewBatch, hasKey: boolean): Promise<BatchRow | null> {
  const { callerId, repeatKey } = batch;
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`${callerId} ${repeatKey}`}, 0))`);
  const earlier = await findRepeatedBatch(tx, batch, hasKey);
  if (!earlier) {
    const { id: subjectId, callbackUrl: url } = batch;
    await tx.insert(batches).values(batch);
    if (url) await enterCallback(tx, { subjectId, callerId, url, jobId: null });
  }
  return earlier;
}

/** What a validation came to: how many lines are to become clips and of which models, and how many cannot. */
export type Validated = Pick<BatchRow, 'total' | 'estimateMicroUsd' | 'models' | 'failed' | 'invalid'>;

/** Has a batch that was validated begin; null for one that is not being validated any more. */
export async function beginBatch(
  db: Db,
  id: string,
  { total, ...validated }: Validated & Pick<BatchRow, 'startedAt' | 'expiresAt'>,
): Promise<BatchRow | null> {
  const state = sql`case when ${batches.cancelRequestedAt} is null then 'in_progress' else 'cancelling' end`;
  const [batch] = await db
    .update(batches)
    .set({ ...validated, total, queued: total, state })
    .where(and(eq(batches.id, id), eq(batches.state, 'validating')))
    .returning();
  return batch ?? null;
}

/**
 * Enters some lines of a batch that is being validated; the images that they will be made from are kept from now on.
 * False where it is not being validated any more: nothing is entered then.
 */
export async function enterLines(
  db: Db,
  batchId: string,
  lines: readonly (Omit<NewLine, 'batchId'> & { readonly clipId: string })[],
): Promise<boolean> {
  if (lines.length === 0) return true;
  return await inTransaction(db, async (tx) => {
    const validating = await tx
      .update(batches)
      .set({ advancedAt: sql`now()` })
      .where(and(eq(batches.id, batchId), eq(batches.state, 'validating')))
      .returning({ id: batches.id });
    if (validating.length === 0) return false;
    await tx.insert(batchLines).values(lines.map(({ clipId: _, ...line }) => ({ ...line, batchId })));
    for (const { clipId, request } of lines) {
      if (request && request.images.length > 0) await useInputImages(tx, clipId, request.images);
    }
    return true;
  });
}

export async function findBatch(db: Db, id: string): Promise<BatchRow | null> {
  const [row] = await db.select().from(batches).where(eq(batches.id, id));
  return row ?? null;
}

/**
 * Changes lines of this state and what is counted of their batch, in one statement; `update` names the lines `l`. Rows are
 * locked in the order lines, batch.
 */
export async function moveLines(
  db: Db,
  batchId: string,
  { from, update }: { readonly from: LineState; readonly update: SQL },
): Promise<void> {
  const each = (print: (column: SQL, state: LineState) => SQL) =>
    sql.join(
      LINE_STATES.map((state) => print(sql`${sql.identifier(state)}`, state)),
      sql`, `,
    );
  await db.execute(sql`
    with moved as (${update} returning l.state), counted as (
      select count(*)::int as lines, ${each((column, state) => sql`count(*) filter (where state = ${state})::int as ${column}`)}
      from moved
    )
    update batches b set ${each((column, state) => sql`${column} = b.${column} + c.${column}${state === from ? sql` - c.lines` : sql``}`)}
    from counted c where b.id = ${batchId} and c.lines > 0`);
}

/** Adds what a clip has settled to its batch's cost. After the caller's columns, which are locked before a batch. */
export async function addBatchCost(tx: Db, batchId: string | null, amountMicroUsd: MicroUsd): Promise<void> {
  if (batchId === null || amountMicroUsd === 0) return;
  const costMicroUsd = sql`${batches.costMicroUsd} + ${amountMicroUsd}::bigint`;
  await tx.update(batches).set({ costMicroUsd }).where(eq(batches.id, batchId));
}

/** Asks for a batch's cancel; one that has ended stays as it is, and one that is being validated begins as cancelled. */
export async function wishBatchCancelled(db: Db, id: string): Promise<void> {
  const state = sql`case when ${batches.state} = 'validating' then ${batches.state} else 'cancelling' end`;
  await db
    .update(batches)
    .set({ cancelRequestedAt: new Date(), state })
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
export async function listBatches(db: Db, { callerId, limit, cursor, after }: BatchFilter): Promise<Page<BatchRow>> {
  const placeOf = ({ createdAt, id }: BatchRow) => ({ at: createdAt, id });
  const last = after ? placeOf(after) : cursor === undefined ? null : decodeCursor(cursor);
  const rows = await db
    .select()
    .from(batches)
    .where(
      and(
        callerId === null ? undefined : eq(batches.callerId, callerId),
        last ? isBehind({ at: batches.createdAt, id: batches.id }, last) : undefined,
      ),
    )
    .orderBy(desc(batches.createdAt), desc(batches.id))
    .limit(limit + 1);
  return cutPage(rows, limit, (end) => encodeCursor(placeOf(end)));
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

/** How far a batch is. */
export function progressOf(batch: BatchCounts & Pick<BatchRow, 'costMicroUsd'>): BatchProgress {
  const { queued, running, completed, failed, cancelled, expired, costMicroUsd } = batch;
  return { counts: { queued, running, completed, failed, cancelled, expired }, costMicroUsd };
}

/** How far batches are, by their ids. */
export async function readProgress(db: Db, ids: readonly string[]): Promise<(id: string) => BatchProgress> {
  const rows =
    ids.length === 0
      ? []
      : await db
          .select()
          .from(batches)
          .where(inArray(batches.id, [...ids]));
  return (id) => {
    const row = rows.find((each) => each.id === id);
    if (!row) throw new Error(`batch ${id} was not asked for, or is gone`);
    return progressOf(row);
  };
}

/**
 * How long the lines of a batch that are left will take, by what their models took lately; null where that is not known.
 * Of each model as large a part is taken to be left as of the whole.
 */
export async function expectedMsLeft(db: Db, batchId: string): Promise<number | null> {
  const result = await db.execute(sql`
    with models as (
      select model, lines::float8 * (b.queued + b.running) / greatest(b.total, 1) as lines
      from batches b, jsonb_each_text(b.models) as of_model (model, lines) where b.id = ${batchId}
    )
    select sum(m.lines * took.ms)::float8 as work, bool_and(took.ms is not null) as is_known,
      (select coalesce(sum(a.max_concurrent_tasks), 0)::int from accounts a where a.configured and exists (
        select 1 from account_models am join models on models.model = am.model where am.account = a.id)) as slots
    from models m left join lateral (
      select avg(extract(epoch from ended_at - submitted_at) * 1000) as ms from (
        select v.ended_at, v.submitted_at from videos v
        where v.model = m.model and v.state = 'completed' order by v.ended_at desc limit ${LATEST_CLIPS}
      ) latest
    ) took on true`);
  const [row] = rowsOf<{ readonly work: number | null; readonly is_known: boolean | null; readonly slots: number }>(
    result,
  );
  if (!row?.is_known || row.work === null || row.slots === 0) return null;
  return Math.ceil(Number(row.work) / row.slots);
}

/**
 * Whether a batch has something to do now that this clip of it has ended: the clips that were begun ahead run low, one of
 * its lines starts from this one, or it was the last. What is not told is taken over with the next step.
 */
export async function wantsToKnow(db: Db, batchId: string, videoId: string): Promise<boolean> {
  const result = await db.execute(sql`
    select case when b.queued > 0 then under_way.clips <= b.running * ${LOW_SHARE}::float8 or exists (
        select from batch_lines l join batch_lines d on d.batch_id = l.batch_id and d.start_from_line = l.line
        where l.batch_id = b.id and l.state = 'running' and l.video_id = ${videoId} and d.state = 'queued')
      else under_way.clips = 0 end as wants
    from batches b, lateral (
      select count(*)::int as clips from batch_lines l join videos v on v.id = l.video_id
      where l.batch_id = b.id and l.state = 'running' and v.ended_at is null
    ) under_way where b.id = ${batchId}`);
  return rowsOf<{ readonly wants: boolean }>(result)[0]?.wants ?? false;
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

/**
 * Copies the lines of a batch that could not be completed to another one, as the same lines; what they come to. Belongs
 * into the transaction that enters the other one.
 */
export async function copyUnfinished(
  tx: Db,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<Validated> {
  const clips = clipsOf(to);
  const copied = await tx.execute(sql`
    with copied as (
      insert into batch_lines (batch_id, line, custom_id, state, dialect, request, estimate_micro_usd, start_from_video, start_from_line)
      select ${to}::text, l.line, l.custom_id, 'queued', l.dialect,
        case when l.start_from_video is null then l.request else jsonb_set(l.request, '{images}', '[]') end, l.estimate_micro_usd,
        case when o.state <> 'completed' then ${clips}::text || o.line else l.start_from_video end,
        case when o.state <> 'completed' then o.line end
      from batch_lines l left join batch_lines o on o.batch_id = l.batch_id and o.line = l.start_from_line
      where l.batch_id = ${from} and l.state in ('failed', 'cancelled', 'expired') and l.request is not null
      returning request->>'model' as model, estimate_micro_usd
    )
    select model, count(*)::int as lines, sum(estimate_micro_usd)::float8 as estimate from copied group by model`);
  await tx.execute(sql`
    insert into input_image_uses (sha256, video_id)
    select image->>'sha256', ${clips}::text || l.line from batch_lines l, jsonb_array_elements(l.request->'images') image
    where l.batch_id = ${to} and image->>'kind' = 'stored' on conflict do nothing`);
  const rows = rowsOf<{ readonly model: string; readonly lines: number; readonly estimate: number }>(copied);
  return {
    total: rows.reduce((sum, { lines }) => sum + lines, 0),
    estimateMicroUsd: rows.reduce((sum, { estimate }) => sum + Number(estimate), 0),
    models: Object.fromEntries(rows.map(({ model, lines }) => [model, lines])),
    failed: 0,
    invalid: [],
  };
}
