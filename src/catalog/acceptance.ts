/** Acceptance of a video: row, hold and idempotency key in one transaction, or nothing. */

import { and, eq, type SQL, sql } from 'drizzle-orm';
import type { Caller } from '../domain/caller.ts';
import { WAITING_DELIVERY } from '../domain/clip-delivery.ts';
import { Refusal } from '../domain/failure.ts';
import type { IdempotencyKey } from '../domain/idempotency-key.ts';
import type { MicroUsd } from '../domain/money.ts';
import type { DialectName } from '../domain/vendor.ts';
import type { Video } from '../domain/video.ts';
import type { VideoRequest } from '../domain/video-request.ts';
import { enterCallback, type NewCallback } from './callbacks.ts';
import { type Db, inTransaction, rowsOf } from './driver/database.ts';
import { imageBytesOf, useInputImages } from './input-images.ts';
import { type HoldOfOrder, type NewHold, newEntryId, readFunds, refusedHold } from './ledger.ts';
import { turnOf } from './queue-order.ts';
import { idempotencyKeys } from './tables/videos.ts';
import { changeVideo, findVideo } from './videos.ts';

/** How many videos a caller may have that have not ended. */
export type AcceptanceLimits = Pick<Caller, 'maxQueuedVideos' | 'maxRunningVideos' | 'overflow'>;

/** A video about to be accepted. */
export interface NewVideo {
  readonly id: string;
  readonly callerId: string;
  readonly dialect: DialectName;
  readonly request: VideoRequest;
  readonly estimateMicroUsd: MicroUsd;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** Not begun by then: expired. */
  readonly queueDeadlineAt: Date;
  /** Not ended by then: cancelled; never when absent. */
  readonly endBeforeAt?: Date | null;
  /** Order among its caller's own, the greatest first; 0 when absent. */
  readonly priority?: number;
  readonly batchId: string | null;
  /** Null: the video was accepted elsewhere already and is only entered. */
  readonly limits: AcceptanceLimits | null;
  /**
   * It was accepted before and lost with a newer copy of the catalog: its hold is not refused again, and its task may have
   * been made.
   */
  readonly isRestored?: boolean;
  readonly idempotency: IdempotencyKey | null;
  /** Where its end is told beside its caller's endpoints; nowhere when absent. */
  readonly callback?: NewCallback;
  /** Where its clip is to be delivered, sealed; nowhere when absent. */
  readonly deliverTo?: string | undefined;
  /** Which of several videos it is that are accepted all or none; absent when it is the only one. */
  readonly ofOrder?: HoldOfOrder;
  /** The span that accepts it, as W3C's `traceparent`; none when absent. */
  readonly traceParent?: string | null;
}

/** What every video is as it is accepted: known without having the whole row sent back. */
const NEW = {
  state: 'queued',
  provider: null,
  account: null,
  taskId: null,
  progress: 0,
  sentAt: null,
  submittedAt: null,
  generatedAt: null,
  endedAt: null,
  settledMicroUsd: null,
  upstreamMicroUsd: null,
  archive: null,
  failure: null,
  delivery: null,
  lastWord: null,
  submissions: 0,
  polls: 0,
  pollOffsetsMs: [],
  polledAt: null,
  cancelRequestedAt: null,
  openedAt: null,
  hiddenAt: null,
  waitingFor: null,
  purgedAt: null,
} as const satisfies Partial<Video>;

/** However far off its expiry is, a video waits this long for a slot at the most. */
const LONGEST_QUEUE_MS = 7 * 24 * 60 * 60_000;

/** Until when a video may wait to be submitted: to its expiry, and no longer than its caller says. */
export function queueDeadline(createdAt: Date, expiresAt: Date, ...bounds: readonly (Date | null)[]): Date {
  const given = bounds.flatMap((bound) => bound?.getTime() ?? []);
  return new Date(Math.min(expiresAt.getTime(), createdAt.getTime() + LONGEST_QUEUE_MS, ...given));
}

/**
 * The video that a caller's idempotency key stands for; null while the key is free.
 * @throws Refusal `idempotency_mismatch` when it was sent with another body.
 */
export async function findRepeated(
  db: Db,
  { callerId, key, bodyHash }: IdempotencyKey & { readonly callerId: string },
): Promise<Video | null> {
  const [used] = await db
    .select()
    .from(idempotencyKeys)
    .where(and(eq(idempotencyKeys.callerId, callerId), eq(idempotencyKeys.key, key)));
  if (!used) return null;
  if (used.bodyHash !== bodyHash) {
    throw new Refusal('idempotency_mismatch', 'this idempotency key was used with another request');
  }
  return await findVideo(db, used.videoId);
}

/** Makes a key stand for the new video, or finds the one that it stands for already. */
async function claimKey(tx: Db, { id, callerId, createdAt, idempotency }: NewVideo): Promise<Video | null> {
  if (!idempotency) return null;
  const { key, bodyHash } = idempotency;
  // A parallel request with the same key waits here until the first one has committed or given up.
  const inserted = await tx
    .insert(idempotencyKeys)
    .values({ callerId, key, bodyHash, videoId: id, createdAt })
    .onConflictDoNothing()
    .returning({ key: idempotencyKeys.key });
  return inserted.length > 0 ? null : await findRepeated(tx, { callerId, key, bodyHash });
}

/** With so many videos that have not ended no other one is accepted; null: there may be any number. */
function mostUnended(limits: AcceptanceLimits | null): number | null {
  if (!limits) return null;
  const { maxQueuedVideos, maxRunningVideos, overflow } = limits;
  return overflow === 'reject' ? Math.min(maxRunningVideos, maxQueuedVideos) : maxQueuedVideos;
}

function tooManyVideos(unended: number, { overflow, maxRunningVideos, maxQueuedVideos }: AcceptanceLimits): Refusal {
  if (overflow === 'reject' && unended >= maxRunningVideos) {
    const message = `${unended} videos have not ended; this key may have ${maxRunningVideos}`;
    return new Refusal('too_many_videos', message, { code: 'concurrency_limit_exceeded', retryAfterSeconds: 10 });
  }
  const message = `${unended} videos are queued; this key may have ${maxQueuedVideos}`;
  return new Refusal('too_many_videos', message, { retryAfterSeconds: 30 });
}

type Admission = NewHold & Pick<NewVideo, 'limits'>;

/** Why a caller may not have another video as things stand; null where it may. */
async function findRefusal(db: Db, { limits, ...held }: Admission): Promise<Refusal | null> {
  const funds = await readFunds(db, held.callerId);
  const most = mostUnended(limits);
  const isFull = limits !== null && most !== null && funds.unendedVideos >= most;
  return refusedHold(funds, held) ?? (isFull ? tooManyVideos(funds.unendedVideos, limits) : null);
}

/** What a caller's videos that have not ended may keep of images: beyond it no other caller's would have room. */
const MOST_IMAGE_BYTES = 8 * 1024 ** 3;

/**
 * Refuses what `acceptVideo` would refuse to a caller as things stand, before any image of an order is stored, and images
 * beyond what a caller may have stored.
 * @throws Refusal `insufficient_credit`, `credit_held`, `too_many_videos`.
 */
export async function checkAdmission(db: Db, admission: Admission): Promise<void> {
  const refusal = await findRefusal(db, admission);
  if (refusal) throw refusal;
  const bytes = await imageBytesOf(db, admission.callerId);
  if (bytes < MOST_IMAGE_BYTES) return;
  const held = `the images of this key's videos that have not ended hold ${bytes} bytes`;
  throw new Refusal('too_many_videos', `${held}; they may hold ${MOST_IMAGE_BYTES}`, { retryAfterSeconds: 30 });
}

/** Row, hold and place in the queue, or nothing, in one statement: the catalog's function `accept_video`. */
async function enter(db: Db, order: NewVideo): Promise<Video> {
  const { id, callerId, dialect, batchId, request, estimateMicroUsd, limits, isRestored, ofOrder } = order;
  const { createdAt, expiresAt, queueDeadlineAt, endBeforeAt = null, priority = 0, traceParent = null } = order;
  const result = await db.execute(sql`
    select accept_video(${id}, ${newEntryId()}, ${callerId}, ${turnOf(order)}, ${dialect}, ${batchId}, ${request.model},
      ${JSON.stringify(request)}::jsonb, ${request.images.length}, ${priority}::smallint, ${estimateMicroUsd},
      ${isRestored ? null : estimateMicroUsd}, ${mostUnended(limits)}, ${createdAt.toISOString()}, ${expiresAt.toISOString()},
      ${queueDeadlineAt.toISOString()}, ${endBeforeAt?.toISOString() ?? null}, ${isRestored ? createdAt.toISOString() : null},
      ${traceParent}) as others`);
  if (rowsOf<{ readonly others: number | null }>(result)[0]?.others == null) {
    const refusal = await findRefusal(db, { callerId, limits, amountMicroUsd: estimateMicroUsd, ofOrder });
    throw refusal ?? new Refusal('too_many_videos', 'what was missing has just come back', { retryAfterSeconds: 1 });
  }
  return { id, callerId, dialect, batchId, request, estimateMicroUsd, createdAt, expiresAt, ...NEW };
}

/**
 * Accepts a video, or returns the one that its idempotency key already stands for (`repeated`).
 * @throws Refusal `insufficient_credit`, `credit_held`, `too_many_videos`, `idempotency_mismatch`; nothing is kept then.
 */
export async function acceptVideo(
  db: Db,
  order: NewVideo,
): Promise<{ readonly video: Video; readonly repeated: boolean }> {
  const { id: subjectId, callerId, request, idempotency, callback, deliverTo } = order;
  // One statement needs no transaction, and most creates are no more.
  if (!idempotency && !callback && !deliverTo && request.images.length === 0)
    return { video: await enter(db, order), repeated: false };
  return await inTransaction(db, async (tx) => {
    const earlier = await claimKey(tx, order);
    if (earlier) return { video: earlier, repeated: true };
    const video = await enter(tx, order);
    await useInputImages(tx, video.id, request.images);
    if (callback) await enterCallback(tx, { ...callback, subjectId, callerId });
    if (!deliverTo) return { video, repeated: false };
    await changeVideo(tx, video.id, { deliverTo, delivery: WAITING_DELIVERY });
    return { video: { ...video, delivery: WAITING_DELIVERY }, repeated: false };
  });
}

/** Stands in no key that a client can send. */
const BEFORE_NUMBER = '\n';

/** The key of one of several videos that were ordered with a key: its own for the first, whose index is 0. */
export function nthKey(key: string, index: number): string {
  return index === 0 ? key : `${key}${BEFORE_NUMBER}${index + 1}`;
}

/** How long an idempotency key outlives its video's end. */
const KEY_LIFETIME_AFTER_END = sql`interval '24 hours'`;
/** Keys that are looked at in one statement, and statements of one call. */
const OLD_KEYS = { limit: 500, statements: 20 };

/** Forgets idempotency keys that have outlived their videos; those of one order together, so that a repeat makes all or none. */
export async function deleteOldKeys(db: Db): Promise<void> {
  for (let statement = 0; statement < OLD_KEYS.statements; statement++) {
    if ((await deleteOldest(db)) < OLD_KEYS.limit) return;
  }
}

async function deleteOldest(db: Db): Promise<number> {
  const before = sql`now() - ${KEY_LIFETIME_AFTER_END}`;
  const nth = (n: SQL) => sql`o.sent || ${BEFORE_NUMBER}::text || ${n}`;
  const of = (key: SQL) => sql`from idempotency_keys k where k.caller_id = o.caller_id and k.key = ${key}`;
  const result = await db.execute(sql`
    with recursive old as (
      select caller_id, split_part(key, ${BEFORE_NUMBER}::text, 1) as sent from idempotency_keys
      where ended_at < ${before} order by ended_at limit ${OLD_KEYS.limit}
    ), of_orders(caller_id, sent, n) as (
      select distinct caller_id, sent, 1 from old
      union all
      select o.caller_id, o.sent, o.n + 1 from of_orders o where (select true ${of(nth(sql`(o.n + 1)`))})
    ), over as (
      select array_agg(k.ctid) as rows from of_orders o cross join lateral (
        select k.ctid, k.ended_at ${of(sql`case o.n when 1 then o.sent else ${nth(sql`o.n`)} end`)} offset 0
      ) k group by o.caller_id, o.sent having bool_and(coalesce(k.ended_at < ${before}, false))
    )
    delete from idempotency_keys where ctid = any(array(select unnest(rows) from over)) returning 1`);
  return rowsOf(result).length;
}
