/** Callers' money: entries and the columns they add up to, changed together and each kind once per video. */

import { and, eq, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { Refusal } from '../domain/failure.ts';
import { dollarsOf, type MicroUsd } from '../domain/money.ts';
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
}

/** An id for an entry. */
export const newEntryId = (): string => `entry_${uuidv7()}`;

/**
 * Enters what happened and changes the caller's columns: the catalog's function `post_entry`.
 * @returns false, and nothing is changed, when the video has an entry of this kind already.
 */
async function post(
  tx: Db,
  { callerId, videoId, kind, amountMicroUsd, held = 0, spent = 0 }: Posting,
): Promise<boolean> {
  const result = await tx.execute(sql`
    select post_entry(${newEntryId()}, ${new Date().toISOString()}, ${callerId}, ${videoId}, ${kind}, ${amountMicroUsd},
      ${held}, ${spent}) as posted`);
  return rowsOf<{ readonly posted: boolean }>(result)[0]?.posted === true;
}

/** The amount of a video's entry of this kind; null when there is none of this caller's. */
async function findAmount(tx: Db, { callerId, videoId }: VideoMoney, kind: LedgerKind): Promise<MicroUsd | null> {
  const [row] = await tx
    .select({ amountMicroUsd: ledger.amountMicroUsd })
    .from(ledger)
    .where(and(eq(ledger.videoId, videoId), eq(ledger.kind, kind), eq(ledger.callerId, callerId)));
  return row?.amountMicroUsd ?? null;
}

/** One of several holds of the same amount that stand or fall together, in one transaction. */
export interface HoldOfOrder {
  /** 0 for the first. */
  readonly index: number;
  readonly count: number;
}

/** What is to be held. */
export interface NewHold {
  readonly callerId: string;
  readonly amountMicroUsd: MicroUsd;
  /** The only one when absent. */
  readonly ofOrder?: HoldOfOrder | undefined;
}

/** A caller's money, and its videos that have not ended. @throws Refusal `not_found`. */
export async function readFunds(db: Db, callerId: string) {
  const { creditMicroUsd, availableMicroUsd, heldMicroUsd, unendedVideos } = callers;
  const [funds] = await db
    .select({ creditMicroUsd, availableMicroUsd, heldMicroUsd, unendedVideos })
    .from(callers)
    .where(eq(callers.id, callerId));
  if (!funds) throw new Refusal('not_found', `there is no caller ${callerId}`);
  return funds;
}

/**
 * Why an amount cannot be held, `insufficient_credit` or `credit_held`: everything is spent, or some of it may come back;
 * null where it can. What its order holds by now, in this transaction, is not held by others.
 */
export function refusedHold(
  funds: Awaited<ReturnType<typeof readFunds>>,
  { amountMicroUsd, ofOrder }: NewHold,
): Refusal | null {
  if (funds.creditMicroUsd === null || funds.availableMicroUsd >= amountMicroUsd) return null;
  const { index, count } = ofOrder ?? { index: 0, count: 1 };
  const availableMicroUsd = funds.availableMicroUsd + index * amountMicroUsd;
  const heldMicroUsd = funds.heldMicroUsd - index * amountMicroUsd;
  const neededMicroUsd = count * amountMicroUsd;
  const facts = `${dollarsOf(neededMicroUsd)} is needed and ${dollarsOf(availableMicroUsd)} available`;
  return availableMicroUsd + heldMicroUsd >= neededMicroUsd
    ? new Refusal('credit_held', `${facts}; ${dollarsOf(heldMicroUsd)} is held by videos that have not ended`)
    : new Refusal('insufficient_credit', facts);
}

/** Gives a video's whole hold back; false when there is none or it was given back before. */
export async function release(tx: Db, { callerId, videoId }: VideoMoney): Promise<boolean> {
  const entered = await findAmount(tx, { callerId, videoId }, 'hold');
  if (entered === null) return false;
  return await post(tx, { callerId, videoId, kind: 'release', amountMicroUsd: -entered, held: entered });
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
  return await post(tx, { callerId, videoId, kind: 'settle', amountMicroUsd: -amountMicroUsd, spent: amountMicroUsd });
}

/** Gives a settled cost back, once. @throws Refusal `conflict` when nothing was settled, or it was given back before. */
export async function refund(tx: Db, { callerId, videoId }: VideoMoney): Promise<void> {
  const settled = await findAmount(tx, { callerId, videoId }, 'settle');
  if (settled === null) throw new Refusal('conflict', 'this video has no settled cost to give back');
  if (!(await post(tx, { callerId, videoId, kind: 'refund', amountMicroUsd: -settled, spent: settled }))) {
    throw new Refusal('conflict', 'the cost of this video was given back before');
  }
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
