/** What callers may read of their money: the balance, and the ledger's entries page by page. */

import { and, desc, eq, gte, lt, type SQL } from 'drizzle-orm';
import type { MicroUsd } from '../domain/money.ts';
import { type CallerRecord, readCaller } from './callers.ts';
import type { Db } from './driver/database.ts';
import type { LedgerKind } from './ledger.ts';
import { cutPage, decodeCursor, encodeCursor, isBehind, type Page } from './page.ts';
import { callers, ledger } from './tables/callers.ts';

/** `available` is the sum of all entries: below zero without a limit, or by bills above their holds. */
export type Balance = Pick<CallerRecord, 'creditMicroUsd' | 'heldMicroUsd' | 'spentMicroUsd' | 'availableMicroUsd'>;

/** A caller's balance; spent is what was settled and not refunded. */
export async function balance(db: Db, callerId: string): Promise<Balance> {
  const { creditMicroUsd, heldMicroUsd, spentMicroUsd, availableMicroUsd } = await readCaller(db, callerId);
  return { creditMicroUsd, heldMicroUsd, spentMicroUsd, availableMicroUsd };
}

export interface LedgerEntry {
  readonly id: string;
  readonly videoId: string | null;
  readonly kind: LedgerKind;
  /** The effect on what is available. */
  readonly amountMicroUsd: MicroUsd;
  readonly at: Date;
}

/** Which entries a list shows. */
export interface EntryFilter {
  /** Null: all callers'. */
  readonly callerId: string | null;
  readonly videoId?: string | undefined;
  /** Inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** The newest entries of those that are meant, and one more. */
function page(db: Db, { videoId, from, to, limit, cursor }: EntryFilter, whose: SQL) {
  return db
    .select({
      id: ledger.id,
      videoId: ledger.videoId,
      kind: ledger.kind,
      amountMicroUsd: ledger.amountMicroUsd,
      at: ledger.at,
    })
    .from(ledger)
    .where(
      and(
        whose,
        videoId === undefined ? undefined : eq(ledger.videoId, videoId),
        from === undefined ? undefined : gte(ledger.at, from),
        to === undefined ? undefined : lt(ledger.at, to),
        cursor === undefined ? undefined : isBehind(ledger, decodeCursor(cursor)),
      ),
    )
    .orderBy(desc(ledger.at), desc(ledger.id))
    .limit(limit + 1);
}

/** The newest of all callers are among the newest of each, which an index has in order. */
function everyones(db: Db, filter: EntryFilter) {
  const newest = page(db, filter, eq(ledger.callerId, callers.id)).as('newest');
  const { id, videoId, kind, amountMicroUsd, at } = newest;
  return db
    .select({ id, videoId, kind, amountMicroUsd, at })
    .from(callers)
    .crossJoinLateral(newest)
    .orderBy(desc(at), desc(id))
    .limit(filter.limit + 1);
}

/**
 * A page of entries, newest first, and the cursor of the next one.
 * @throws Refusal `invalid_request` for a cursor that is none of ours.
 */
export async function listEntries(db: Db, filter: EntryFilter): Promise<Page<LedgerEntry>> {
  const { callerId, limit } = filter;
  const rows = callerId === null ? await everyones(db, filter) : await page(db, filter, eq(ledger.callerId, callerId));
  return cutPage(rows, limit, encodeCursor);
}
