/** Health of accounts: pauses and suspensions of the upstream's making, operators' own, and what a list has shown. */

import { and, asc, eq, gt, isNotNull, isNull, lt, or, sql } from 'drizzle-orm';
import { Refusal } from '../domain/failure.ts';
import type { AccountRow } from './accounts.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { accountModels, accounts } from './tables/accounts.ts';

async function changeExisting(db: Db, id: string, change: Partial<AccountRow>): Promise<void> {
  const rows = await db.update(accounts).set(change).where(eq(accounts.id, id)).returning({ id: accounts.id });
  if (rows.length === 0) throw new Refusal('not_found', `there is no account ${id}`);
}

const HEALTHY = {
  pausedUntil: null,
  suspendedAt: null,
  troubledAt: null,
  troubles: 0,
  lastError: null,
} satisfies Partial<AccountRow>;

/** An operator's pause: no new submissions until it is resumed; running ones go on. */
export async function pauseAccount(db: Db, id: string): Promise<void> {
  await changeExisting(db, id, { pausedByOperator: true });
}

/** Lifts every pause and suspension, of its models too: the operator knows better. Its caller grants slots afterwards. */
export async function resumeAccount(db: Db, id: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    await changeExisting(tx, id, { pausedByOperator: false, ...HEALTHY });
    const isSuspended = and(eq(accountModels.account, id), isNotNull(accountModels.suspendedUntil));
    await tx.update(accountModels).set({ suspendedUntil: null }).where(isSuspended);
  });
}

/** A trouble with an account's creates: what it was, and how long the pause after it may be. */
export interface Trouble {
  readonly error: string;
  /** The upstream's own hint, always obeyed. */
  readonly retryAfterMs?: number | undefined;
  /** Doubled with each trouble in a row, up to the longest. */
  readonly shortestMs?: number;
  readonly longestMs?: number;
}

const SHORTEST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 5 * 60_000;
/** So that doubling stays within what a number can hold. */
const MOST_DOUBLINGS = 20;

/** A pause of the upstream's making; several troubles during one pause are one trouble. */
export async function pauseUntil(
  tx: Db,
  account: string,
  { error, retryAfterMs = 0, shortestMs = SHORTEST_PAUSE_MS, longestMs = LONGEST_PAUSE_MS }: Trouble,
): Promise<void> {
  const doubled = sql`least(${shortestMs}::float8 * power(2, least(${accounts.troubles}, ${MOST_DOUBLINGS})), ${longestMs})`;
  const until = sql`now() + greatest(${doubled}, ${retryAfterMs}) * interval '1 millisecond'`;
  const isPausedNow = gt(accounts.pausedUntil, sql`now()`);
  await tx
    .update(accounts)
    .set({
      // While it is paused the pause only ever grows by a longer hint.
      pausedUntil: sql`case when ${isPausedNow}
        then greatest(${accounts.pausedUntil}, now() + ${retryAfterMs}::float8 * interval '1 millisecond')
        else ${until} end`,
      troubledAt: sql`now()`,
      troubles: sql`${accounts.troubles} + case when ${isPausedNow} then 0 else 1 end`,
      lastError: error,
    })
    .where(eq(accounts.id, account));
}

/**
 * The account's key or base URL is no good: no submissions until a probe, or an operator, finds that it is. It is paused
 * besides, since a probe may find what the next create does not.
 */
export async function suspend(tx: Db, account: string, trouble: Trouble): Promise<void> {
  await pauseUntil(tx, account, trouble);
  const suspendedAt = sql`coalesce(${accounts.suspendedAt}, now())`;
  await tx.update(accounts).set({ suspendedAt }).where(eq(accounts.id, account));
}

/** A probe found nothing wrong; true when that changed anything. Only a create that is taken shows that all is well again. */
export async function liftSuspension(db: Db, account: string): Promise<boolean> {
  const isSuspended = and(eq(accounts.id, account), isNotNull(accounts.suspendedAt));
  const rows = await db.update(accounts).set({ suspendedAt: null }).where(isSuspended).returning({ id: accounts.id });
  return rows.length > 0;
}

/** Notes what operators should know of an account that is granted slots all the same. */
export async function noteAccountError(db: Db, account: string, lastError: string): Promise<void> {
  const isNews = sql`${accounts.lastError} is distinct from ${lastError}`;
  await db
    .update(accounts)
    .set({ lastError })
    .where(and(eq(accounts.id, account), isNews));
}

/** Configured accounts that are suspended. */
export async function listSuspendedAccounts(db: Db): Promise<readonly AccountRow[]> {
  return await db
    .select()
    .from(accounts)
    .where(and(eq(accounts.configured, true), isNotNull(accounts.suspendedAt)))
    .orderBy(asc(accounts.id));
}

/**
 * The upstream took a request that was sent at this time of the catalog's clock (null: just now). Troubles that came later
 * stay, and so does an operator's pause.
 */
export async function recover(tx: Db, account: string, sentAt: Date | null): Promise<void> {
  const isTroubled = or(gt(accounts.troubles, 0), isNotNull(accounts.pausedUntil), isNotNull(accounts.suspendedAt));
  const isOlder = sentAt === null ? undefined : or(isNull(accounts.troubledAt), lt(accounts.troubledAt, sentAt));
  await tx
    .update(accounts)
    .set(HEALTHY)
    .where(and(eq(accounts.id, account), isTroubled, isOlder));
}

/**
 * The upstream says that there is no list to read; the account goes on without one until it is asked again. False where
 * the list has shown a task of ours before: it is there, and its server is not.
 */
export async function noteNoList(db: Db, account: string): Promise<boolean> {
  const rows = await db
    .update(accounts)
    .set({ listMissingAt: sql`now()` })
    .where(and(eq(accounts.id, account), isNull(accounts.listProvenAt)))
    .returning({ id: accounts.id });
  return rows.length > 0;
}

/** The list can be read, and perhaps has shown a task of ours. */
export async function noteList(db: Db, account: string, { showsOurs }: { readonly showsOurs: boolean }): Promise<void> {
  const listProvenAt = sql`coalesce(${accounts.listProvenAt}, now())`;
  const isNews = showsOurs
    ? or(isNull(accounts.listProvenAt), isNotNull(accounts.listMissingAt))
    : isNotNull(accounts.listMissingAt);
  await db
    .update(accounts)
    .set({ listMissingAt: null, ...(showsOurs && { listProvenAt }) })
    .where(and(eq(accounts.id, account), isNews));
}

/** The upstream does not let this account use a model for now; other models go on. */
export async function suspendModel(
  tx: Db,
  {
    account,
    model,
    forMs,
    error,
  }: { readonly account: string; readonly model: string; readonly forMs: number; readonly error: string },
): Promise<void> {
  await tx
    .update(accountModels)
    .set({ suspendedUntil: sql`now() + ${forMs}::float8 * interval '1 millisecond'` })
    .where(and(eq(accountModels.account, account), eq(accountModels.model, model)));
  await tx.update(accounts).set({ lastError: error }).where(eq(accounts.id, account));
}
