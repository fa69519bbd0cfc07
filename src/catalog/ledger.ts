/** Callers' money: entries and the columns they add up to, changed together and each kind once per video. */

import { and, eq, type SQL, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { Refusal } from '../domain/failure.ts';
import type { MicroUsd } from '../domain/money.ts';
import { type Db, rowsOf } from './driver/database.ts';
import { callers, ledger } from './tables/callers.ts';

export type LedgerKind = (typeof ledger.$inferSelect)['kind'];

interface VideoMoney {
  readonly callerId: string;
  readonly videoId: string;
}

/** What happens to a caller's money: an entry, and what it adds to the caller's columns. */
interface Posting {
  readonly callerId: string;
  readonly videoId: string | null;
  readonly kind: LedgerKind;
  /** Of the entry: its effect on what is available. */
  readonly amountMicroUsd: MicroUsd;
  readonly held?: MicroUsd;
  readonly spent?: MicroUsd;
  /** What must hold for the caller. */
  readonly condition?: SQL | undefined;
}

/**
 * Enters what happened and changes the caller's columns, in one statement: it is on the way of every create, and written
 * by hand because composing it takes as long as running it.
 * @returns `repeated`, and nothing is changed, when the video has an entry of this kind already; `refused` when there is
 *   no such caller or the condition does not hold, and then the transaction must not be committed.
 */
async function post(
  tx: Db,
  { callerId, videoId, kind, amountMicroUsd, held = 0, spent = 0, condition = sql`true` }: Posting,
): Promise<'posted' | 'repeated' | 'refused'> {
  const result = await tx.execute(sql`
    with entered as (
      insert into ledger (id, at, caller_id, video_id, kind, amount_micro_usd)
      values (${`entry_${uuidv7()}`}, ${new Date().toISOString()}, ${callerId}, ${videoId}, ${kind}, ${amountMicroUsd})
      on conflict (video_id, kind) do nothing returning id
    ), changed as (
      update callers set
        available_micro_usd = available_micro_usd + ${amountMicroUsd}::bigint,
        held_micro_usd = held_micro_usd + ${held}::bigint,
        spent_micro_usd = spent_micro_usd + ${spent}::bigint
      where id = ${callerId} and exists (select from entered) and ${condition}
      returning id
    )
    select changed.id as changed_id from entered left join changed on true`);
  const [row] = rowsOf<{ readonly changed_id: string | null }>(result);
  if (row === undefined) return 'repeated';
  return row.changed_id === null ? 'refused' : 'posted';
}

/** The amount of a video's entry of this kind; null when there is none of this caller's. */
async function findAmount(tx: Db, { callerId, videoId }: VideoMoney, kind: LedgerKind): Promise<MicroUsd | null> {
  const [row] = await tx
    .select({ amountMicroUsd: ledger.amountMicroUsd })
    .from(ledger)
    .where(and(eq(ledger.videoId, videoId), eq(ledger.kind, kind), eq(ledger.callerId, callerId)));
  return row?.amountMicroUsd ?? null;
}

/** Why holds did not fit: everything is spent, or some of it may come back. What they hold by now is not held by others. */
async function refusal(
  tx: Db,
  callerId: string,
  { amountMicroUsd, heldBefore }: { readonly amountMicroUsd: MicroUsd; readonly heldBefore: MicroUsd },
): Promise<Refusal> {
  const [row] = await tx.select().from(callers).where(eq(callers.id, callerId));
  if (!row) return new Refusal('not_found', `there is no caller ${callerId}`);
  const availableMicroUsd = row.availableMicroUsd + heldBefore;
  const heldMicroUsd = row.heldMicroUsd - heldBefore;
  const facts = `${amountMicroUsd} micro-dollars are needed and ${availableMicroUsd} available`;
  return availableMicroUsd + heldMicroUsd >= amountMicroUsd
    ? new Refusal('credit_held', `${facts}; ${heldMicroUsd} are held by videos that have not ended`)
    : new Refusal('insufficient_credit', facts);
}

/** Whether a caller's row allows another hold. */
const fits = (amountMicroUsd: MicroUsd) => sql`(credit_micro_usd is null or available_micro_usd >= ${amountMicroUsd})`;

/** One of several holds of the same amount that stand or fall together, in one transaction. */
export interface HoldOfOrder {
  /** 0 for the first. */
  readonly index: number;
  readonly count: number;
}

interface NewHold extends VideoMoney {
  readonly amountMicroUsd: MicroUsd;
  /** Held although the credit is spent: it was granted before, and lost with an older copy of the catalog. */
  readonly granted?: boolean;
  /** The only one when absent. */
  readonly ofOrder?: HoldOfOrder | undefined;
}

/**
 * Reserves a video's estimate, once: a second hold of the same video changes nothing.
 * @throws Refusal `insufficient_credit` or `credit_held`; the transaction must not be committed then.
 */
export async function hold(
  tx: Db,
  { callerId, videoId, amountMicroUsd, granted = false, ofOrder = { index: 0, count: 1 } }: NewHold,
): Promise<void> {
  const condition = granted ? undefined : fits(amountMicroUsd);
  const posting = { callerId, videoId, kind: 'hold', amountMicroUsd: -amountMicroUsd, held: amountMicroUsd } as const;
  if ((await post(tx, { ...posting, condition })) !== 'refused') return;
  const { index, count } = ofOrder;
  throw await refusal(tx, callerId, { amountMicroUsd: count * amountMicroUsd, heldBefore: index * amountMicroUsd });
}

/**
 * Looks whether an amount could be held now; nothing is.
 * @throws Refusal `insufficient_credit` or `credit_held`.
 */
export async function checkCredit(db: Db, callerId: string, amountMicroUsd: MicroUsd): Promise<void> {
  const [caller] = await db
    .select({ fits: sql<boolean>`${fits(amountMicroUsd)}` })
    .from(callers)
    .where(eq(callers.id, callerId));
  if (!caller?.fits) throw await refusal(db, callerId, { amountMicroUsd, heldBefore: 0 });
}

/** Gives a video's whole hold back; false when there is none or it was given back before. */
export async function release(tx: Db, { callerId, videoId }: VideoMoney): Promise<boolean> {
  const entered = await findAmount(tx, { callerId, videoId }, 'hold');
  if (entered === null) return false;
  const posting = { callerId, videoId, kind: 'release', amountMicroUsd: -entered, held: entered } as const;
  return (await post(tx, posting)) === 'posted';
}

/**
 * Charges a video: its hold is given back and the cost taken, which may be more than the hold was.
 * @returns false, and nothing is charged, when the hold was given back before: a video is settled or released, once.
 */
export async function settle(
  tx: Db,
  { callerId, videoId, amountMicroUsd }: VideoMoney & { readonly amountMicroUsd: MicroUsd },
): Promise<boolean> {
  if (!(await release(tx, { callerId, videoId }))) return false;
  const posting = {
    callerId,
    videoId,
    kind: 'settle',
    amountMicroUsd: -amountMicroUsd,
    spent: amountMicroUsd,
  } as const;
  return (await post(tx, posting)) === 'posted';
}

/**
 * Gives a settled cost back, once.
 * @returns the amount.
 * @throws Refusal `conflict` when nothing was settled, or it was given back before.
 */
export async function refund(tx: Db, { callerId, videoId }: VideoMoney): Promise<MicroUsd> {
  const settled = await findAmount(tx, { callerId, videoId }, 'settle');
  if (settled === null) throw new Refusal('conflict', 'this video has no settled cost to give back');
  const amountMicroUsd = -settled;
  const posting = { callerId, videoId, kind: 'refund', amountMicroUsd, spent: settled } as const;
  if ((await post(tx, posting)) === 'repeated') {
    throw new Refusal('conflict', 'the cost of this video was given back before');
  }
  return amountMicroUsd;
}

/**
 * Adds to a caller's credit.
 * @throws Refusal `conflict` for a caller without a limit: its credit cannot grow; `invalid_request` for more than can
 *   be counted exactly.
 */
export async function credit(
  tx: Db,
  { callerId, amountMicroUsd }: { readonly callerId: string; readonly amountMicroUsd: MicroUsd },
): Promise<void> {
  if (!Number.isSafeInteger(amountMicroUsd) || amountMicroUsd <= 0) {
    throw new Refusal('invalid_request', 'a credit is a positive whole number of micro-dollars', {
      param: 'amountMicroUsd',
    });
  }
  const total = await lockCredit(tx, callerId);
  if (total === null) throw new Refusal('conflict', `caller ${callerId} has no credit limit, so nothing can be added`);
  const creditMicroUsd = total + amountMicroUsd;
  // Beyond it sums would no longer be exact.
  if (!Number.isSafeInteger(creditMicroUsd)) {
    throw new Refusal('invalid_request', `the credit would exceed ${Number.MAX_SAFE_INTEGER} micro-dollars`, {
      param: 'amountMicroUsd',
    });
  }
  await setCredit(tx, { callerId, creditMicroUsd });
}

async function lockCredit(tx: Db, callerId: string): Promise<MicroUsd | null> {
  const [row] = await tx
    .select({ creditMicroUsd: callers.creditMicroUsd })
    .from(callers)
    .where(eq(callers.id, callerId))
    .for('update');
  if (!row) throw new Refusal('not_found', `there is no caller ${callerId}`);
  return row.creditMicroUsd;
}

/** Makes a caller's credit this much in all, null for no limit; the difference is entered. */
export async function setCredit(
  tx: Db,
  { callerId, creditMicroUsd }: { readonly callerId: string; readonly creditMicroUsd: MicroUsd | null },
): Promise<void> {
  const difference = (creditMicroUsd ?? 0) - ((await lockCredit(tx, callerId)) ?? 0);
  if (difference !== 0) {
    await post(tx, { callerId, videoId: null, kind: 'credit', amountMicroUsd: difference });
  }
  await tx.update(callers).set({ creditMicroUsd }).where(eq(callers.id, callerId));
}
