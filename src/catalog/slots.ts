/** Slots: who waits for one, in which order, and the short transaction that grants them. */

import { and, eq, exists, inArray, lt, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import type { Grant } from '../domain/slot.ts';
import { isOpenState } from '../domain/submission.ts';
import type { AccountRow } from './accounts.ts';
import { type Db, rowsOf } from './driver/database.ts';
import { type Choice, chooseNext, HEAD, turnOf } from './queue-order.ts';
import { isReopening } from './reopenings.ts';
import { findCurrentSubmission, type SubmissionRow, withdrawGrant } from './submissions.ts';
import { accountModels, accounts } from './tables/accounts.ts';
import { poolCallers, pools, waiting } from './tables/queue.ts';
import { submissions } from './tables/submissions.ts';
import { changeVideo, lockVideo, type VideoRow } from './videos.ts';

/** The pool of the account that is offered first for a model, null when no configured account offers it. */
async function poolOfModel(db: Db, model: string): Promise<string | null> {
  const [row] = await db
    .select({ pool: accounts.pool })
    .from(accountModels)
    .innerJoin(accounts, eq(accounts.id, accountModels.account))
    .where(and(eq(accountModels.model, model), accounts.configured))
    .orderBy(accountModels.preference, accountModels.account)
    .limit(1);
  return row?.pool ?? null;
}

/** A pool whose lock this transaction holds, and those of its accounts. */
export interface LockedPool {
  readonly id: string;
  readonly accounts: readonly AccountRow[];
}

/**
 * Takes the lock under which a pool's queue and its grants change, and those of its accounts: one may have been moved
 * here from a pool that is granting at it still. Accounts of other pools that share a credential with one of these are
 * locked as well, since their slots are counted together; all in the order in which the configuration enters them.
 */
async function lockPool(tx: Db, id: string): Promise<LockedPool> {
  const [row] = await tx.select({ id: pools.id }).from(pools).where(eq(pools.id, id)).for('update');
  if (!row) throw new Error(`pool ${id} is not in the catalog`);
  const credentials = tx.select({ credential: accounts.credential }).from(accounts).where(eq(accounts.pool, id));
  const locked = await tx
    .select()
    .from(accounts)
    .where(inArray(accounts.credential, credentials))
    .orderBy(accounts.id)
    .for('update');
  return { id, accounts: locked.filter(({ pool }) => pool === id) };
}

/**
 * Takes the lock of an account's pool; null for an unknown account. Who frees a slot and grants it does this first:
 * a grant holds the pool and waits for videos, so no transaction may hold a video and wait for the pool.
 */
export async function lockPoolOf(tx: Db, account: string): Promise<LockedPool | null> {
  const [row] = await tx.select({ pool: accounts.pool }).from(accounts).where(eq(accounts.id, account));
  return row ? await lockPool(tx, row.pool) : null;
}

/** How a request for a slot was taken. */
export type SlotRequest =
  | { readonly kind: 'queued'; readonly grants: readonly Grant[] }
  /** It has ended, or it has a submission already. */
  | { readonly kind: 'not needed' }
  | { readonly kind: 'no account' };

/**
 * Queues a video, unless it waits already, and grants what its pool can grant: perhaps to this video at once. The pool's
 * lock comes first and the video's second, so the video is locked only here.
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
    await enterQueue(tx, video);
  }
  return { kind: 'queued', grants: await grantIn(tx, pool) };
}

/** Where a video comes back to when it has lost its slot. */
export interface Return {
  /** The head where the video is not to blame, else behind the others of its caller. */
  readonly to: 'head' | 'behind';
  /** Not granted again before so long. */
  readonly notBeforeMs?: number;
}

/** Puts a video that lost its slot back; the pool and the video are locked already, and are granted in afterwards. */
export async function returnToQueue(tx: Db, video: VideoRow, { to, notBeforeMs = 0 }: Return): Promise<void> {
  await enterQueue(tx, video, { ...(to === 'head' && { priority: HEAD }), notBeforeMs });
  await changeVideo(tx, video.id, { state: 'queued', account: null, provider: null, waitingFor: null });
}

type Queued = Pick<VideoRow, 'id' | 'callerId' | 'batchId' | 'model' | 'request' | 'priority'>;

/**
 * Enters a video into the queue of its model's pool, behind those of its caller; false where no configured account
 * offers the model. No lock is needed: what is granted is decided under the pool's.
 */
export async function enterQueue(
  tx: Db,
  { id, callerId, batchId, model, request, priority: own }: Queued,
  { priority = own, notBeforeMs = 0 }: { readonly priority?: number; readonly notBeforeMs?: number } = {},
): Promise<boolean> {
  const result = await tx.execute(sql`
    select enter_queue(${id}, ${turnOf({ callerId, batchId })}, ${model}, ${request.images.length}, ${priority}::smallint,
      ${notBeforeMs}) as entered`);
  return rowsOf<{ readonly entered: boolean }>(result)[0]?.entered === true;
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

/** The same for a pool that was locked before; none for an unknown account's, and none while videos open again. */
export async function grantIn(tx: Db, pool: LockedPool | null): Promise<readonly Grant[]> {
  const grants: Grant[] = [];
  if (await isReopening(tx)) return grants;
  for (;;) {
    const choice = pool && (await chooseNext(tx, pool));
    if (!choice) return grants;
    const grant = await grantOne(tx, choice);
    if (grant) grants.push(grant);
  }
}

/** Turns a place in the queue into a submission; null when the video is not to have one any more. */
async function grantOne(tx: Db, choice: Choice): Promise<Grant | null> {
  const { videoId, account, upstreamModel, isLate } = choice;
  // The video's lock comes before its place's, as in every other transaction; it waits for the one that ends the video.
  const video = await lockVideo(tx, videoId);
  const isWaiting = await leaveQueue(tx, videoId);
  const last = await findCurrentSubmission(tx, videoId);
  const isWanted = video !== null && video.endedAt === null && video.cancelRequestedAt === null && !isLate;
  // An old copy of the catalog may have a video waiting whose task runs: it must not keep the queue from going on.
  if (!isWanted || !isWaiting || (last && isOpenState(last.state))) return null;
  const submissionId = `submission_${uuidv7()}`;
  const { provider, baseUrl, credential, singleLane } = account;
  await tx.insert(submissions).values({
    id: submissionId,
    videoId,
    n: (last?.n ?? 0) + 1,
    account: account.id,
    provider,
    baseUrl,
    credential,
    upstreamModel,
    singleLane,
    state: 'granted',
    // By the catalog's clock, and after what has freed the slot in the same transaction.
    grantedAt: sql`clock_timestamp()`,
    signalledAt: sql`clock_timestamp()`,
  });
  await countGrant(tx, choice);
  await changeVideo(tx, videoId, { account: account.id, provider });
  if (account.firstUsedAt === null) {
    await tx.update(accounts).set({ firstUsedAt: sql`now()` }).where(eq(accounts.id, account.id));
  }
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
 * Takes back a grant that was not taken: what keeps its video from it must not keep the slot as well. The video waits
 * again, behind the others.
 * @returns what the slot was granted to instead; null when the grant had been taken.
 */
export async function takeBackGrant(
  tx: Db,
  { id, account, videoId }: Pick<SubmissionRow, 'id' | 'account' | 'videoId'>,
): Promise<readonly Grant[] | null> {
  const pool = await lockPoolOf(tx, account);
  const video = await lockVideo(tx, videoId);
  if (!(await withdrawGrant(tx, id))) return null;
  if (video && video.endedAt === null) await returnToQueue(tx, video, { to: 'behind' });
  return await grantIn(tx, pool);
}

/** Pools in which videos wait. */
export async function listWaitingPools(db: Db): Promise<readonly string[]> {
  const queue = db.select({ videoId: waiting.videoId }).from(waiting).where(eq(waiting.pool, pools.id));
  const rows = await db.select({ pool: pools.id }).from(pools).where(exists(queue)).orderBy(pools.id);
  return rows.map(({ pool }) => pool);
}

/**
 * Videos that wait in a pool where no account offers their model any more, while another pool's accounts do. Asked of
 * pools and models, which are few: the queue is not read.
 */
export async function listStranded(
  db: Db,
  limit: number,
): Promise<readonly { readonly videoId: string; readonly model: string }[]> {
  const result = await db.execute(sql`
    with offered as materialized (
      select distinct m.model, a.pool from account_models m join accounts a on a.id = m.account where a.configured
    )
    select w.video_id as "videoId", w.model from (
      select p.id as pool, o.model from pools p cross join (select distinct model from offered) o
      except select pool, model from offered
    ) missing join waiting w on w.pool = missing.pool and w.model = missing.model
    order by w.queued_at, w.video_id limit ${limit}`);
  return rowsOf<{ readonly videoId: string; readonly model: string }>(result);
}

/** Granted submissions whose videos were told so long ago, by the catalog's clock, and have not begun to send. */
export async function listUntakenGrants(db: Db, silentForMs: number): Promise<readonly SubmissionRow[]> {
  return await db
    .select()
    .from(submissions)
    .where(
      and(
        eq(submissions.state, 'granted'),
        lt(submissions.signalledAt, sql`now() - ${silentForMs} * interval '1 millisecond'`),
      ),
    );
}
