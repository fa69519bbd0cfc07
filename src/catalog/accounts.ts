/** Upstream accounts: the configuration as last read, what operators decide and what the upstream lets us know. */

import { and, asc, count, eq, gt, inArray, isNotNull, isNull, notInArray, or, sql } from 'drizzle-orm';
import type { AccountConfig } from '../domain/account.ts';
import { Refusal } from '../domain/failure.ts';
import { OPEN_SUBMISSION_STATES } from '../domain/submission.ts';
import type { ProviderName } from '../domain/vendor.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { listOrphans, type OrphanView } from './orphans.ts';
import { accountModels, accounts, pools, submissions, waiting } from './schema.ts';

export type AccountRow = typeof accounts.$inferSelect;

/** An account as configured, with what its provider implies. */
export type ConfiguredAccount = Pick<
  AccountConfig,
  'id' | 'provider' | 'pool' | 'baseUrl' | 'maxConcurrentTasks' | 'shared'
> & {
  /** One submission in flight at a time. */
  readonly singleLane: boolean;
};

/** The value an upsert wanted to insert into this column. */
function wanted(column: string) {
  return sql.raw(`excluded.${column}`);
}

/** Makes the table agree with the configuration; accounts that vanished from it stay, marked as such. */
export async function syncAccounts(db: Db, configured: readonly ConfiguredAccount[]): Promise<void> {
  // In one order, so that processes that start together wait for each other instead of deadlocking.
  const rows = configured
    .map(({ id, provider, pool, baseUrl, maxConcurrentTasks, shared, singleLane }) => {
      return { id, provider, pool, baseUrl, maxConcurrentTasks, shared, singleLane, configured: true };
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const poolIds = [...new Set(rows.map(({ pool }) => pool))].sort();
  await inTransaction(db, async (tx) => {
    if (poolIds.length > 0) {
      await tx
        .insert(pools)
        .values(poolIds.map((id) => ({ id })))
        .onConflictDoNothing();
    }
    // Who grants holds a pool and its accounts; an account may leave its pool here, so all of them are locked first.
    await tx.select({ id: pools.id }).from(pools).orderBy(pools.id).for('update');
    await tx.select({ id: accounts.id }).from(accounts).orderBy(accounts.id).for('update');
    if (rows.length > 0) {
      await tx
        .insert(accounts)
        .values(rows)
        .onConflictDoUpdate({
          target: accounts.id,
          set: {
            provider: wanted('provider'),
            pool: wanted('pool'),
            baseUrl: wanted('base_url'),
            maxConcurrentTasks: wanted('max_concurrent_tasks'),
            shared: wanted('shared'),
            singleLane: wanted('single_lane'),
            configured: true,
          },
        });
    }
    const ids = rows.map(({ id }) => id);
    await tx
      .update(accounts)
      .set({ configured: false })
      .where(and(eq(accounts.configured, true), notInArray(accounts.id, ids)));
  });
}

export const ACCOUNT_STATES = ['active', 'paused', 'suspended', 'removed'] as const;
export type AccountState = (typeof ACCOUNT_STATES)[number];

/** An account as operators see it. */
export interface AccountView {
  readonly id: string;
  readonly provider: ProviderName;
  readonly state: AccountState;
  readonly limit: number;
  /** Slots taken. */
  readonly inUse: number;
  /** Videos in the queue that could be made here. */
  readonly waiting: number;
  readonly pausedUntil: Date | null;
  readonly lastError: string | null;
  /** Tasks that belong to no submission, newest first. */
  readonly orphans: readonly OrphanView[];
}

function isPaused({ pausedByOperator, pausedUntil }: AccountRow): boolean {
  return pausedByOperator || (pausedUntil !== null && pausedUntil.getTime() > Date.now());
}

/** What an account is for operators. */
export function accountStateOf(row: AccountRow): AccountState {
  if (!row.configured) return 'removed';
  if (row.suspendedAt !== null) return 'suspended';
  return isPaused(row) ? 'paused' : 'active';
}

async function countOpen(db: Db): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .select({ account: submissions.account, open: count() })
    .from(submissions)
    .where(inArray(submissions.state, [...OPEN_SUBMISSION_STATES]))
    .groupBy(submissions.account);
  return new Map(rows.map(({ account, open }) => [account, open]));
}

async function countWaiting(db: Db): Promise<ReadonlyMap<string, number>> {
  const isUsable = or(isNull(accountModels.suspendedUntil), sql`${accountModels.suspendedUntil} <= now()`);
  const rows = await db
    .select({ account: accountModels.account, waiting: count() })
    .from(waiting)
    .innerJoin(accountModels, and(eq(accountModels.model, waiting.model), isUsable))
    .innerJoin(accounts, and(eq(accounts.id, accountModels.account), eq(accounts.pool, waiting.pool)))
    .groupBy(accountModels.account);
  return new Map(rows.map((row) => [row.account, row.waiting]));
}

/** All accounts, those that vanished from the configuration included. */
export async function listAccounts(db: Db): Promise<readonly AccountView[]> {
  const rows = await db.select().from(accounts).orderBy(asc(accounts.id));
  const open = await countOpen(db);
  const queued = await countWaiting(db);
  const lost = await listOrphans(db);
  return rows.map((row) => ({
    id: row.id,
    provider: row.provider,
    state: accountStateOf(row),
    limit: row.maxConcurrentTasks,
    inUse: open.get(row.id) ?? 0,
    waiting: queued.get(row.id) ?? 0,
    pausedUntil: row.pausedUntil,
    lastError: row.lastError,
    orphans: lost.get(row.id) ?? [],
  }));
}

async function changeExisting(db: Db, id: string, change: Partial<AccountRow>): Promise<void> {
  const rows = await db.update(accounts).set(change).where(eq(accounts.id, id)).returning({ id: accounts.id });
  if (rows.length === 0) throw new Refusal('not_found', `there is no account ${id}`);
}

const HEALTHY = { pausedUntil: null, suspendedAt: null, troubles: 0, lastError: null } satisfies Partial<AccountRow>;

/** An operator's pause: no new submissions until it is resumed; running ones go on. */
export async function pauseAccount(db: Db, id: string): Promise<void> {
  await changeExisting(db, id, { pausedByOperator: true });
}

/** Lifts every pause and suspension: the operator knows better. Whoever calls it grants slots afterwards. */
export async function resumeAccount(db: Db, id: string): Promise<void> {
  await changeExisting(db, id, { pausedByOperator: false, ...HEALTHY });
}

/** How long a pause may be. */
export interface PauseBounds {
  /** The upstream's own hint, always obeyed. */
  readonly retryAfterMs: number | undefined;
  /** Doubled with each trouble in a row, up to the longest. */
  readonly shortestMs: number;
  readonly longestMs: number;
}

/** So that doubling stays within what a number can hold. */
const MOST_DOUBLINGS = 20;

/** A pause of the upstream's making; several troubles during one pause are one trouble. */
export async function pauseUntil(
  tx: Db,
  account: string,
  { retryAfterMs = 0, shortestMs, longestMs, error }: PauseBounds & { readonly error: string },
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
      troubles: sql`${accounts.troubles} + case when ${isPausedNow} then 0 else 1 end`,
      lastError: error,
    })
    .where(eq(accounts.id, account));
}

/** The account's key was refused: no submissions until a probe, or an operator, finds it good. */
export async function suspend(tx: Db, account: string, error: string): Promise<void> {
  await tx
    .update(accounts)
    .set({ suspendedAt: sql`coalesce(${accounts.suspendedAt}, now())`, lastError: error })
    .where(eq(accounts.id, account));
}

/** Notes what operators should know of an account that is granted slots all the same. */
export async function noteAccountError(db: Db, account: string, lastError: string): Promise<void> {
  const isNews = sql`${accounts.lastError} is distinct from ${lastError}`;
  await db
    .update(accounts)
    .set({ lastError })
    .where(and(eq(accounts.id, account), isNews));
}

/** Configured accounts whose key was refused. */
export async function listSuspendedAccounts(db: Db): Promise<readonly AccountRow[]> {
  return await db
    .select()
    .from(accounts)
    .where(and(eq(accounts.configured, true), isNotNull(accounts.suspendedAt)))
    .orderBy(asc(accounts.id));
}

/** The upstream took a request again; true when that changed anything. An operator's pause stays. */
export async function recover(tx: Db, account: string): Promise<boolean> {
  const isTroubled = or(gt(accounts.troubles, 0), isNotNull(accounts.pausedUntil), isNotNull(accounts.suspendedAt));
  const rows = await tx
    .update(accounts)
    .set(HEALTHY)
    .where(and(eq(accounts.id, account), isTroubled))
    .returning({ id: accounts.id });
  return rows.length > 0;
}

/** The upstream does not let this account use a model for now; other models go on. */
export async function suspendModel(
  tx: Db,
  {
    account,
    model,
    until,
    error,
  }: { readonly account: string; readonly model: string; readonly until: Date; readonly error: string },
): Promise<void> {
  await tx
    .update(accountModels)
    .set({ suspendedUntil: until })
    .where(and(eq(accountModels.account, account), eq(accountModels.model, model)));
  await tx.update(accounts).set({ lastError: error }).where(eq(accounts.id, account));
}
