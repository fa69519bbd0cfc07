/** Slots: who waits for one, in which order, and the short transaction that grants them. */

import { and, eq, inArray, lt, max, not, type SQL, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { isOpenState, OPEN_SUBMISSION_STATES } from '../domain/submission.ts';
import type { ProviderName } from '../domain/vendor.ts';
import type { AccountRow } from './accounts.ts';
import type { Db } from './driver/database.ts';
import { type Choice, chooseNext, HEAD } from './queue-order.ts';
import { accountModels, accounts, poolCallers, pools, submissions, videos, waiting } from './schema.ts';
import { findCurrentSubmission, withdrawGrant } from './submissions.ts';
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

/**
 * A video's place among its caller's own: that of its creation, since workflows of videos that were created one right
 * after the other ask in any order. Whoever had none waiting starts at the pool's time: shares that were not taken are
 * not saved up, and places that were given up cost nothing.
 */
async function takePlace(
  tx: Db,
  { id: pool, virtualTime }: LockedPool,
  { callerId, createdAt }: VideoRow,
): Promise<number> {
  const [last] = await tx
    .select({ place: max(waiting.place) })
    .from(waiting)
    .where(and(eq(waiting.pool, pool), eq(waiting.callerId, callerId)));
  if ((last?.place ?? HEAD) === HEAD) {
    const lastTag = sql`greatest(${poolCallers.lastTag}, ${virtualTime}::float8)`;
    await tx
      .insert(poolCallers)
      .values({ pool, callerId, lastTag: virtualTime })
      .onConflictDoUpdate({ target: [poolCallers.pool, poolCallers.callerId], set: { lastTag } });
  }
  return createdAt.getTime();
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
    await enter(tx, video, { pool: pool.id, place: await takePlace(tx, pool, video) });
  }
  return { kind: 'queued', grants: await grantIn(tx, pool) };
}

/**
 * Puts a video that lost its slot through no fault of its own at the head of the queue; whoever calls this has locked
 * the pool and the video, and grants afterwards.
 */
export async function returnToQueue(tx: Db, video: VideoRow): Promise<void> {
  const poolId = await poolOfModel(tx, video.model);
  if (poolId !== null) await enter(tx, video, { pool: poolId, place: HEAD });
  await changeVideo(tx, video.id, { state: 'queued', account: null, provider: null });
}

async function enter(tx: Db, video: VideoRow, at: { readonly pool: string; readonly place: number }): Promise<void> {
  const { id: videoId, callerId, model, request } = video;
  const images = request.images.length;
  await tx.insert(waiting).values({ videoId, callerId, model, images, queuedAt: new Date(), ...at });
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

/** Turns a place in the queue into a submission; null when the video is not to have one any more. */
async function grantOne(tx: Db, choice: Choice): Promise<Grant | null> {
  const { videoId, account, upstreamModel } = choice;
  // The video's lock comes before its place's, as in every other transaction; it waits for whoever is ending the video.
  const video = await lockVideo(tx, videoId);
  const isWaiting = await leaveQueue(tx, videoId);
  const last = await findCurrentSubmission(tx, videoId);
  // An old copy of the catalog may have a video waiting whose task runs: it must not keep the queue from going on.
  if (!video || video.endedAt !== null || !isWaiting || (last && isOpenState(last.state))) return null;
  const submissionId = `submission_${uuidv7()}`;
  const { provider, baseUrl, singleLane } = account;
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
  await countGrant(tx, choice);
  await changeVideo(tx, videoId, { account: account.id, provider });
  return { videoId, submissionId, account: account.id, provider };
}

/** Start-time fair queueing: a grant moves its caller one share on, and the pool's time to the caller's. */
async function countGrant(tx: Db, { callerId, tag, account: { pool } }: Choice): Promise<void> {
  if (tag === null) return;
  await tx
    .insert(poolCallers)
    .values({ pool, callerId, lastTag: tag })
    .onConflictDoUpdate({ target: [poolCallers.pool, poolCallers.callerId], set: { lastTag: tag } });
  await tx
    .update(pools)
    .set({ virtualTime: sql`greatest(${pools.virtualTime}, ${tag})` })
    .where(eq(pools.id, pool));
}

/**
 * Takes back what an account has granted above its limit, the newest first: tasks that an older copy of the catalog did
 * not know of have taken those slots. Their videos wait again, at the head.
 */
export async function takeBackGrants(tx: Db, account: string): Promise<void> {
  const pool = await lockPoolOf(tx, account);
  const own = pool?.accounts.find(({ id }) => id === account);
  // Another process is changing the account this moment, and grants by what it finds.
  if (!own) return;
  const isOpen = inArray(submissions.state, [...OPEN_SUBMISSION_STATES]);
  const open = await tx
    .select()
    .from(submissions)
    .where(and(eq(submissions.account, account), isOpen));
  const granted = open.filter(({ state }) => state === 'granted').toSorted((a, b) => +b.grantedAt - +a.grantedAt);
  for (const { id, videoId } of granted.slice(0, Math.max(open.length - own.maxConcurrentTasks, 0))) {
    const video = await lockVideo(tx, videoId);
    if ((await withdrawGrant(tx, id)) && video?.endedAt === null) await returnToQueue(tx, video);
  }
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
    .orderBy(waiting.queuedAt, waiting.videoId)
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
