/** Slots: who waits for one, in which order, and the short transaction that grants them. */

import { and, count, eq, gt, lt, max, not, or, type SQL, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { MOST_IMAGES, PROVIDERS, type ProviderName } from '../domain/vendor.ts';
import type { AccountRow } from './accounts.ts';
import type { Db } from './database.ts';
import { accountModels, accounts, callers, poolCallers, pools, submissions, videos, waiting } from './schema.ts';
import { OPEN_SUBMISSION_STATES } from './submission-states.ts';
import { findCurrentSubmission, isOpenState } from './submissions.ts';
import { changeVideo, lockVideo, type VideoRow } from './videos.ts';

/** A slot that was granted: whose workflow has to be told. */
export interface Grant {
  readonly videoId: string;
  readonly submissionId: string;
  readonly account: string;
  readonly provider: ProviderName;
}

/** The pool of a model's accounts, null when no configured account offers the model. */
async function poolOfModel(db: Db, model: string): Promise<string | null> {
  const [row] = await db
    .select({ pool: accounts.pool })
    .from(accountModels)
    .innerJoin(accounts, eq(accounts.id, accountModels.account))
    .where(and(eq(accountModels.model, model), accounts.configured))
    .orderBy(accountModels.preference)
    .limit(1);
  return row?.pool ?? null;
}

/** A pool whose lock this transaction holds, and those of its accounts. */
export interface LockedPool {
  readonly id: string;
  /** When it was locked; grants move it on. */
  readonly virtualTime: number;
  readonly accounts: readonly AccountRow[];
}

/**
 * Takes the lock under which a pool's queue and its grants change, and those of its accounts: one may have been moved
 * here from a pool that is granting at it still. Accounts are locked in the order in which the configuration enters them.
 */
async function lockPool(tx: Db, id: string): Promise<LockedPool> {
  const [row] = await tx.select().from(pools).where(eq(pools.id, id)).for('update');
  if (!row) throw new Error(`pool ${id} is not in the catalog`);
  const own = await tx.select().from(accounts).where(eq(accounts.pool, id)).orderBy(accounts.id).for('update');
  return { id, virtualTime: row.virtualTime, accounts: own };
}

/**
 * Takes the lock of an account's pool; null for an unknown account. Who frees a slot and grants it does this first:
 * whoever grants holds the pool and waits for videos, so nobody may hold a video and wait for the pool.
 */
export async function lockPoolOf(tx: Db, account: string): Promise<LockedPool | null> {
  const [row] = await tx.select({ pool: accounts.pool }).from(accounts).where(eq(accounts.id, account));
  return row ? await lockPool(tx, row.pool) : null;
}

/** The tag of a caller's last place in a queue; places that were given up do not count. */
async function lastTag(tx: Db, { id, virtualTime }: LockedPool, callerId: string): Promise<number> {
  const own = and(eq(poolCallers.pool, id), eq(poolCallers.callerId, callerId));
  const [last] = await tx.select({ tag: poolCallers.lastTag }).from(poolCallers).where(own);
  // Up to the pool's time it makes no difference, and it is cheaper than to ask the queue.
  if (!last || last.tag <= virtualTime) return virtualTime;
  const [queued] = await tx
    .select({ tag: max(waiting.tag) })
    .from(waiting)
    .where(and(eq(waiting.pool, id), eq(waiting.callerId, callerId)));
  return Math.max(virtualTime, queued?.tag ?? 0);
}

/** Start-time fair queueing: a caller's next tag lies one share behind its last, or at the pool's time if that is later. */
async function nextTag(tx: Db, pool: LockedPool, callerId: string): Promise<number> {
  const [caller] = await tx.select({ weight: callers.weight }).from(callers).where(eq(callers.id, callerId));
  const tag = (await lastTag(tx, pool, callerId)) + 1 / (caller?.weight ?? 1);
  await tx
    .insert(poolCallers)
    .values({ pool: pool.id, callerId, lastTag: tag })
    .onConflictDoUpdate({ target: [poolCallers.pool, poolCallers.callerId], set: { lastTag: tag } });
  return tag;
}

/** How a request for a slot was taken. */
export type SlotRequest =
  | { readonly kind: 'queued'; readonly grants: readonly Grant[] }
  /** It has ended, or it has a submission already. */
  | { readonly kind: 'not needed' }
  | { readonly kind: 'no account' };

/**
 * Queues a video, unless it waits already, and grants what its pool can grant: perhaps to this video at once. Whoever
 * grants takes the pool's lock first and the video's second, so the video is locked only here.
 */
export async function requestSlot(tx: Db, videoId: string, model: string): Promise<SlotRequest> {
  const poolId = await poolOfModel(tx, model);
  if (poolId === null) return { kind: 'no account' };
  const pool = await lockPool(tx, poolId);
  const video = await lockVideo(tx, videoId);
  const submission = await findCurrentSubmission(tx, videoId);
  if (!video || video.endedAt !== null || (submission && isOpenState(submission.state))) return { kind: 'not needed' };
  const [present] = await tx.select().from(waiting).where(eq(waiting.videoId, videoId));
  if (present?.pool !== pool.id) {
    // Its model's accounts have been moved to another pool, and its old queue would never grant.
    if (present) await leaveQueue(tx, videoId);
    await enter(tx, video, { pool: pool.id, tag: await nextTag(tx, pool, video.callerId) });
  }
  return { kind: 'queued', grants: await grantIn(tx, pool) };
}

/**
 * Puts a video that lost its slot through no fault of its own at the head of the queue; whoever calls this has locked
 * the pool and the video, and grants afterwards.
 */
export async function returnToQueue(tx: Db, video: VideoRow): Promise<void> {
  const poolId = await poolOfModel(tx, video.model);
  const [pool] = poolId === null ? [] : await tx.select().from(pools).where(eq(pools.id, poolId));
  if (pool) await enter(tx, video, { pool: pool.id, tag: pool.virtualTime });
  await changeVideo(tx, video.id, { state: 'queued', account: null, provider: null });
}

async function enter(tx: Db, video: VideoRow, place: { readonly pool: string; readonly tag: number }): Promise<void> {
  const { id: videoId, callerId, model, request } = video;
  const images = request.images.length;
  await tx.insert(waiting).values({ videoId, callerId, model, images, queuedAt: new Date(), ...place });
}

/** Takes a video out of the queue; true when it was in it. */
export async function leaveQueue(tx: Db, videoId: string): Promise<boolean> {
  const removed = await tx.delete(waiting).where(eq(waiting.videoId, videoId)).returning({ videoId: waiting.videoId });
  return removed.length > 0;
}

/** Grants every slot of a pool that can be granted now. */
export async function grantSlots(tx: Db, pool: string): Promise<readonly Grant[]> {
  return await grantIn(tx, await lockPool(tx, pool));
}

/** The same for the pool of an account. */
export async function grantSlotsOfAccount(tx: Db, account: string): Promise<readonly Grant[]> {
  return await grantIn(tx, await lockPoolOf(tx, account));
}

/** The same for a pool that was locked before; none for an unknown account's. */
export async function grantIn(tx: Db, pool: LockedPool | null): Promise<readonly Grant[]> {
  const grants: Grant[] = [];
  for (;;) {
    const choice = pool && (await chooseNext(tx, pool));
    if (!choice) return grants;
    const grant = await grantOne(tx, choice);
    if (grant) grants.push(grant);
  }
}

interface Choice {
  readonly videoId: string;
  readonly tag: number;
  readonly account: AccountRow;
  readonly upstreamModel: string;
}

/** The first video in order that some account has room for, and the account its model prefers. */
async function chooseNext(tx: Db, pool: LockedPool): Promise<Choice | null> {
  if (pool.accounts.length === 0) return null;
  const open = listed(OPEN_SUBMISSION_STATES);
  const own = listed(pool.accounts.map(({ id }) => id));
  const mostImages = sql.join(
    PROVIDERS.map((provider) => sql`when ${provider} then ${sql.raw(String(MOST_IMAGES[provider]))}`),
    sql` `,
  );
  const result = await tx.execute(sql`
    with room as materialized (
      select a.id, a.max_concurrent_tasks - count(s.id) as free, case a.provider ${mostImages} else 0 end as most_images
      from accounts a left join submissions s on s.account = a.id and s.state in (${open})
      where a.id in (${own}) and a.configured and not a.paused_by_operator and a.suspended_at is null
        and (a.paused_until is null or a.paused_until <= now())
      group by a.id
      having count(s.id) < a.max_concurrent_tasks
        and not (a.single_lane and coalesce(bool_or(s.state <> 'running'), false))
    )
    select w.video_id, w.tag, m.account, m.upstream_model
    from waiting w cross join lateral (
      select am.account, am.upstream_model from account_models am join room on room.id = am.account
      where am.model = w.model and w.images <= room.most_images and (am.suspended_until is null or am.suspended_until <= now())
      order by am.preference, room.free desc, am.account limit 1
    ) m
    where w.pool = ${pool.id} and exists (select 1 from room) order by w.tag, w.video_id limit 1`);
  const [row] = rowsOf<{ video_id: string; tag: number; account: string; upstream_model: string }>(result);
  const account = pool.accounts.find(({ id }) => id === row?.account);
  if (!row || !account) return null;
  return { videoId: row.video_id, tag: Number(row.tag), account, upstreamModel: row.upstream_model };
}

function listed(values: readonly string[]): SQL {
  return sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  );
}

/** Both drivers return an object with `rows`, which drizzle's common type does not know. */
function rowsOf<Row>(result: unknown): readonly Row[] {
  return (result as { rows: readonly Row[] }).rows;
}

/** Turns a place in the queue into a submission; null when the video is not to have one any more. */
async function grantOne(tx: Db, { videoId, tag, account, upstreamModel }: Choice): Promise<Grant | null> {
  // The video's lock comes before its place's, as in every other transaction; it waits for whoever is ending the video.
  const video = await lockVideo(tx, videoId);
  const isWaiting = await leaveQueue(tx, videoId);
  const last = await findCurrentSubmission(tx, videoId);
  // An old copy of the catalog may have a video waiting whose task runs: it must not keep the queue from going on.
  if (!video || video.endedAt !== null || !isWaiting || (last && isOpenState(last.state))) return null;
  const submissionId = `submission_${uuidv7()}`;
  const { provider, baseUrl, singleLane, pool } = account;
  await tx.insert(submissions).values({
    id: submissionId,
    videoId,
    n: (last?.n ?? 0) + 1,
    account: account.id,
    provider,
    baseUrl,
    upstreamModel,
    singleLane,
    state: 'granted',
    grantedAt: new Date(),
    signalledAt: new Date(),
  });
  await tx
    .update(pools)
    .set({ virtualTime: sql`greatest(${pools.virtualTime}, ${tag})` })
    .where(eq(pools.id, pool));
  await changeVideo(tx, videoId, { account: account.id, provider });
  return { videoId, submissionId, account: account.id, provider };
}

/** How many videos come before this one in its queue, plus one; null when it does not wait. */
export async function queuePosition(db: Db, videoId: string): Promise<number | null> {
  const [own] = await db.select().from(waiting).where(eq(waiting.videoId, videoId));
  if (!own) return null;
  const [row] = await db
    .select({ before: count() })
    .from(waiting)
    .where(
      and(
        eq(waiting.pool, own.pool),
        or(lt(waiting.tag, own.tag), and(eq(waiting.tag, own.tag), lt(waiting.videoId, own.videoId))),
      ),
    );
  return (row?.before ?? 0) + 1;
}

/** When the first pause ends of an account that the head of a queue waits for; null for everyone behind the head. */
export async function pauseEndsAt(db: Db, videoId: string): Promise<Date | null> {
  if ((await queuePosition(db, videoId)) !== 1) return null;
  const [row] = await db
    .select({ pausedUntil: accounts.pausedUntil })
    .from(waiting)
    .innerJoin(accountModels, eq(accountModels.model, waiting.model))
    .innerJoin(accounts, eq(accounts.id, accountModels.account))
    .where(and(eq(waiting.videoId, videoId), gt(accounts.pausedUntil, sql`now()`)))
    .orderBy(accounts.pausedUntil)
    .limit(1);
  return row?.pausedUntil ?? null;
}

/** Pools in which videos wait. */
export async function listWaitingPools(db: Db): Promise<readonly string[]> {
  const rows = await db.selectDistinct({ pool: waiting.pool }).from(waiting);
  return rows.map(({ pool }) => pool);
}

/** Videos that wait in a pool where no account offers their model any more, while another pool's accounts do. */
export async function listStranded(
  db: Db,
  limit: number,
): Promise<readonly { readonly videoId: string; readonly model: string }[]> {
  const offersIn = (pool: SQL) => sql`exists (
    select 1 from ${accountModels} join ${accounts} on ${accounts.id} = ${accountModels.account}
    where ${accountModels.model} = ${waiting.model} and ${accounts.configured} and ${pool})`;
  return await db
    .select({ videoId: waiting.videoId, model: waiting.model })
    .from(waiting)
    .where(
      and(not(offersIn(sql`${accounts.pool} = ${waiting.pool}`)), offersIn(sql`${accounts.pool} <> ${waiting.pool}`)),
    )
    .orderBy(waiting.tag, waiting.videoId)
    .limit(limit);
}

/** Granted submissions that nobody began to send since `before`, with whether their video has ended meanwhile. */
export async function listStaleGrants(db: Db, before: Date) {
  return await db
    .select({ grant: submissions, videoEndedAt: videos.endedAt })
    .from(submissions)
    .innerJoin(videos, eq(videos.id, submissions.videoId))
    .where(and(eq(submissions.state, 'granted'), lt(submissions.signalledAt, before)));
}
