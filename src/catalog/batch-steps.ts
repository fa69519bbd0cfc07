/** Advancing a batch: what ended is noted, what may begin is accepted, and the rows say what comes next. */

import { and, eq, sql } from 'drizzle-orm';
import { type BatchStep, videoIdOfLine } from '../domain/batch.ts';
import type { Caller } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import type { Video } from '../domain/video.ts';
import type { ImageReference, VideoRequest } from '../domain/video-request.ts';
import { acceptVideo, queueDeadline } from './acceptance.ts';
import { type BatchRow, findBatch, moveLines, progressOf } from './batches.ts';
import { readCaller } from './callers.ts';
import { readClockLately } from './clock.ts';
import { type Db, inTransaction, isUniqueViolation, rowsOf } from './driver/database.ts';
import { batches, batchLines } from './tables/batches.ts';
import { findVideo } from './videos.ts';

/** Clips are kept for so long after the end of their batch's window, if no longer than their callers say. */
const KEPT_AFTER_WINDOW_MS = 24 * 60 * 60_000;
/** A batch is advanced at least so often while clips are under way; their ends are told as well. */
const LONGEST_WAIT_MS = 15_000;
/** The same while a limit or spent credit keeps lines from beginning. */
const REFUSED_WAIT_MS = 3000;
/** Clips under way of a model: for each slot of its accounts so many, and at most so many. A third may end before the next step. */
const CLIPS_PER_SLOT = 3;
const MOST_UNDER_WAY = 400;
/** Accepted in one step, and last pictures that are asked for. */
const MOST_AT_ONCE = 50;

/** What was done in one step. */
export interface BatchAdvance {
  readonly next: BatchStep;
  /** Accepted now, and to be started. */
  readonly accepted: readonly Video[];
  /** Clips of a cancelled batch that wait for a slot. */
  readonly toCancel: readonly string[];
}

/** Takes over the ends of clips. What ended without ever being submitted never ran. */
async function noteEnds(db: Db, batchId: string): Promise<void> {
  const update = sql`
    update batch_lines l set state = v.state,
      code = case when v.submitted_at is null and v.state in ('expired', 'cancelled') then 'batch_' || v.state end,
      message = case when v.submitted_at is null and v.state in ('expired', 'cancelled') then v.failure->>'message' end
    from videos v
    where l.batch_id = ${batchId} and l.state = 'running' and v.id = l.video_id and v.ended_at is not null`;
  await moveLines(db, batchId, { from: 'running', update });
}

/** Ends the lines that have not begun. */
async function endWaiting(db: Db, batchId: string, state: 'cancelled' | 'expired'): Promise<void> {
  const message =
    state === 'cancelled'
      ? 'the batch was cancelled before this line began'
      : 'its window was over before this line began';
  const update = sql`
    update batch_lines l set state = ${state}, code = ${`batch_${state}`}, message = ${message}
    where l.batch_id = ${batchId} and l.state = 'queued'`;
  await moveLines(db, batchId, { from: 'queued', update });
}

/** Clips of a batch that wait for a slot. */
async function listUnsubmitted(db: Db, batchId: string): Promise<readonly string[]> {
  const result = await db.execute(sql`
    select l.video_id as id from batch_lines l join waiting w on w.video_id = l.video_id
    where l.batch_id = ${batchId} and l.state = 'running' limit ${MOST_UNDER_WAY}`);
  return rowsOf<{ readonly id: string }>(result).map(({ id }) => id);
}

/** A line that may begin, or that never will: the clip that it starts from has ended. */
interface ReadyLine {
  readonly line: number;
  readonly dialect: Video['dialect'];
  readonly request: VideoRequest;
  readonly estimate: number;
  readonly start_from_video: string | null;
  readonly source_state: string | null;
}

/**
 * The next lines of each model, as many as keep all slots of its accounts busy: where those of one are away, lines of the
 * others go on.
 */
async function listReady(db: Db, { id, models }: BatchRow): Promise<readonly ReadyLine[]> {
  const result = await db.execute(sql`
    with offered as (
      select m.model, sum(a.max_concurrent_tasks)::int as slots
      from unnest(${sql.param(Object.keys(models))}::text[]) m(model)
        left join account_models o on o.model = m.model left join accounts a on a.id = o.account and a.configured
      group by m.model
    ), under_way as (
      select request->>'model' as model, count(*)::int as clips from batch_lines
      where batch_id = ${id} and state = 'running' group by 1
    )
    select ready.* from offered left join under_way using (model) cross join lateral (
      select l.line, l.dialect, l.request, l.estimate_micro_usd::float8 as estimate, l.start_from_video,
        coalesce(case when s.ended_at is not null then s.state end, case when o.video_id is null then o.state end) as source_state
      from batch_lines l left join videos s on s.id = l.start_from_video
        left join batch_lines o on o.batch_id = l.batch_id and o.line = l.start_from_line
      where l.batch_id = ${id} and l.state = 'queued' and l.request->>'model' = offered.model
        and (l.start_from_video is null or s.ended_at is not null or o.state in ('failed', 'cancelled', 'expired'))
      order by l.line
      limit greatest(least(greatest(slots, 1) * ${CLIPS_PER_SLOT}, ${MOST_UNDER_WAY}) - coalesce(clips, 0), 0)
    ) ready order by ready.line limit ${MOST_AT_ONCE}`);
  return rowsOf<ReadyLine>(result);
}

/** A line that never becomes a clip. */
export async function failLine(
  db: Db,
  batchId: string,
  line: number,
  { code, message }: { readonly code: string; readonly message: string },
) {
  const update = sql`
    update batch_lines l set state = 'failed', code = ${code}, message = ${message}
    where l.batch_id = ${batchId} and l.line = ${line} and l.state = 'queued'`;
  await moveLines(db, batchId, { from: 'queued', update });
}

/** Accepts the clip of a line, once: row, hold and place in the queue, and the line under way. */
async function acceptLine(
  db: Db,
  batch: BatchRow,
  { line, dialect, request, estimate }: ReadyLine,
  { retentionSeconds, maxQueuedVideos, maxRunningVideos }: Caller,
): Promise<Video | null> {
  const id = videoIdOfLine(batch.id, line);
  const createdAt = await readClockLately(db);
  const keptUntilMs =
    retentionSeconds === null
      ? batch.expiresAt.getTime() + KEPT_AFTER_WINDOW_MS
      : createdAt.getTime() + retentionSeconds * 1000;
  const expiresAt = new Date(keptUntilMs);
  const update = sql`
    update batch_lines l set state = 'running', video_id = ${id}
    where l.batch_id = ${batch.id} and l.line = ${line} and l.state = 'queued'`;
  const begin = (tx: Db) => moveLines(tx, batch.id, { from: 'queued', update });
  try {
    return await inTransaction(db, async (tx) => {
      const { video } = await acceptVideo(tx, {
        id,
        callerId: batch.callerId,
        dialect,
        request,
        estimateMicroUsd: estimate,
        createdAt,
        expiresAt,
        queueDeadlineAt: queueDeadline(createdAt, expiresAt, batch.expiresAt),
        batchId: batch.id,
        limits: { maxQueuedVideos, maxRunningVideos, overflow: 'queue' },
        idempotency: null,
      });
      await begin(tx);
      return video;
    });
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    // A copy of the catalog from before this was put back, and the clip's workflow has entered it since.
    await begin(db);
    return await findVideo(db, id);
  }
}

interface Begun {
  readonly accepted: readonly Video[];
  readonly pictures: readonly number[];
  readonly isRefused: boolean;
}

/** What passes: limits of the caller, and credit that others hold or that is topped up. */
const PASSING: readonly string[] = ['too_many_videos', 'insufficient_credit', 'credit_held'];

async function beginLines(db: Db, batch: BatchRow): Promise<Begun> {
  const accepted: Video[] = [];
  const pictures: number[] = [];
  const ready = batch.queued === 0 ? [] : await listReady(db, batch);
  const caller = ready.length === 0 ? null : await readCaller(db, batch.callerId);
  for (const line of ready) {
    const { start_from_video: source, source_state: end } = line;
    if (source !== null && end !== 'completed') {
      await failLine(db, batch.id, line.line, {
        code: 'start_failed',
        message: `the clip that it starts from ended as ${end}`,
      });
    } else if (source !== null && line.request.images.length === 0) {
      pictures.push(line.line);
    } else if (caller) {
      try {
        const video = await acceptLine(db, batch, line, caller);
        if (video) accepted.push(video);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        if (PASSING.includes(error.kind)) return { accepted, pictures, isRefused: true };
        await failLine(db, batch.id, line.line, { code: error.code ?? error.kind, message: error.message });
      }
    }
  }
  return { accepted, pictures, isRefused: false };
}

/** The batch as it is after a step: to be written once none of its lines is left. */
async function noteAdvanced(db: Db, id: string): Promise<BatchRow | null> {
  const isOver = sql`${batches.queued} + ${batches.running} = 0`;
  const isFirst = sql`${isOver} and ${batches.finalizingAt} is null`;
  const [batch] = await db
    .update(batches)
    .set({
      advancedAt: sql`now()`,
      finalizingAt: sql`case when ${isFirst} then now() else ${batches.finalizingAt} end`,
      state: sql`case when ${isFirst} and ${batches.cancelRequestedAt} is null then 'finalizing' else ${batches.state} end`,
    })
    .where(eq(batches.id, id))
    .returning();
  return batch ?? null;
}

/** Advances a batch by one step; null for one that is not in the catalog. Harmless to repeat. */
export async function advanceBatch(db: Db, id: string): Promise<BatchAdvance | null> {
  const found = await findBatch(db, id);
  if (!found || found.state === 'validating') return null;
  if (found.endedAt !== null) {
    return { next: { step: 'ended', state: found.state, progress: progressOf(found) }, accepted: [], toCancel: [] };
  }
  await noteEnds(db, id);
  const isCancelled = found.cancelRequestedAt !== null;
  const isOver = found.expiresAt.getTime() <= Date.now();
  if (isCancelled || isOver) await endWaiting(db, id, isCancelled ? 'cancelled' : 'expired');
  const toCancel = isCancelled ? await listUnsubmitted(db, id) : [];
  const batch = await findBatch(db, id);
  if (!batch) return null;
  const { accepted, pictures, isRefused } = await beginLines(db, batch);
  const advanced = await noteAdvanced(db, id);
  if (!advanced) return null;
  const progress = progressOf(advanced);
  if (advanced.finalizingAt !== null) return { next: { step: 'write', progress }, accepted, toCancel };
  if (pictures.length > 0) return { next: { step: 'pictures', lines: pictures, progress }, accepted, toCancel };
  // A full step may leave more that can begin at once.
  const waitMs = isRefused ? REFUSED_WAIT_MS : accepted.length === MOST_AT_ONCE ? 0 : LONGEST_WAIT_MS;
  return { next: { step: 'wait', waitMs, progress }, accepted, toCancel };
}

/** The clip that a line starts from, where its picture is still needed. */
export async function findSourceOf(db: Db, batchId: string, line: number): Promise<Video | null> {
  const [row] = await db
    .select()
    .from(batchLines)
    .where(and(eq(batchLines.batchId, batchId), eq(batchLines.line, line), eq(batchLines.state, 'queued')));
  const { startFromVideo = null, request } = row ?? {};
  return startFromVideo !== null && request?.images.length === 0 ? await findVideo(db, startFromVideo) : null;
}

/** Gives a line its first picture. */
export async function startFromPicture(db: Db, batchId: string, line: number, image: ImageReference): Promise<void> {
  await db
    .update(batchLines)
    .set({ request: sql`jsonb_set(${batchLines.request}, '{images}', ${JSON.stringify([image])}::jsonb)` })
    .where(and(eq(batchLines.batchId, batchId), eq(batchLines.line, line), eq(batchLines.state, 'queued')));
}
