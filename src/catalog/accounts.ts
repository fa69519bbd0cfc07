/** Upstream accounts: the configuration as last read. */

import { aliasedTable, and, eq, inArray, notInArray, sql } from 'drizzle-orm';
import type { AnyPgColumn } from 'drizzle-orm/pg-core';
import type { AccountConfig, LostAnswerRule } from '../domain/account.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { accountModels, accounts } from './tables/accounts.ts';
import { pools } from './tables/queue.ts';

export type AccountRow = typeof accounts.$inferSelect;

/** An account as configured, with what its provider implies. */
export type ConfiguredAccount = Pick<AccountConfig, 'id' | 'provider' | 'pool' | 'baseUrl' | 'maxConcurrentTasks'> & {
  /** What the upstream counts by: the same for accounts with one base URL and key. */
  readonly credential: string;
  /** Its list tells what became of a lost create. */
  readonly readsList: boolean;
  /** One submission in flight at a time. */
  readonly singleLane: boolean;
  readonly api?: string | undefined;
  readonly mostImages?: number;
  readonly onLostAnswer?: LostAnswerRule;
};

/** The value an upsert wanted to insert into this column. */
function wanted(column: string) {
  return sql.raw(`excluded.${column}`);
}

/** The column's value as long as the account stays one of the same base URL and key. */
function ofSameUpstream(column: AnyPgColumn) {
  return sql`case when ${accounts.credential} = ${wanted('credential')} then ${column} end`;
}

/** Makes the table agree with the configuration; accounts that vanished from it stay, marked as such. */
export async function syncAccounts(db: Db, configured: readonly ConfiguredAccount[]): Promise<void> {
  // In one order, so that processes that start together wait for each other instead of deadlocking.
  const rows = configured
    .map((account) => {
      const { id, provider, pool, baseUrl, credential, maxConcurrentTasks, readsList, singleLane } = account;
      const { api = null, mostImages = null, onLostAnswer = null } = account;
      const limits = { maxConcurrentTasks, readsList, singleLane, mostImages, onLostAnswer };
      return { id, provider, api, pool, baseUrl, credential, ...limits, configured: true };
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
            api: wanted('api'),
            pool: wanted('pool'),
            baseUrl: wanted('base_url'),
            credential: wanted('credential'),
            maxConcurrentTasks: wanted('max_concurrent_tasks'),
            readsList: wanted('reads_list'),
            singleLane: wanted('single_lane'),
            mostImages: wanted('most_images'),
            onLostAnswer: wanted('on_lost_answer'),
            configured: true,
            // What another upstream has shown proves nothing about this one, and what was wrong may be put right.
            listMissingAt: ofSameUpstream(accounts.listMissingAt),
            listProvenAt: ofSameUpstream(accounts.listProvenAt),
            suspendedAt: ofSameUpstream(accounts.suspendedAt),
            pausedUntil: ofSameUpstream(accounts.pausedUntil),
            lastError: ofSameUpstream(accounts.lastError),
          },
        });
    }
    const ids = rows.map(({ id }) => id);
    await nameCredentials(tx);
    await tx
      .update(accounts)
      .set({ configured: false })
      .where(and(eq(accounts.configured, true), notInArray(accounts.id, ids)));
  });
}

/** The accounts as they are configured, each with the ids that it had before it was renamed. */
export async function withFormerIds<Account extends Pick<AccountConfig, 'id'>>(
  db: Db,
  configured: readonly Account[],
): Promise<readonly (Account & Pick<AccountConfig, 'formerIds'>)[]> {
  const former = aliasedTable(accounts, 'former');
  const isSame = and(
    eq(former.credential, accounts.credential),
    eq(former.provider, accounts.provider),
    sql`${former.api} is not distinct from ${accounts.api}`,
  );
  const renamed = await db
    .select({ id: accounts.id, formerId: former.id })
    .from(accounts)
    .innerJoin(former, isSame)
    .where(and(eq(accounts.configured, true), eq(former.configured, false)));
  return configured.map((account) => {
    const formerIds = renamed.filter(({ id }) => id === account.id).map(({ formerId }) => formerId);
    return formerIds.length > 0 ? { ...account, formerIds } : account;
  });
}

/** What was submitted before credentials were kept is counted by its account's. */
async function nameCredentials(tx: Db): Promise<void> {
  await tx.execute(sql`update submissions s set credential = a.credential from accounts a
    where a.id = s.account and s.credential = s.account and s.state in ('granted', 'sending', 'unconfirmed', 'running')`);
}

/** The accounts that a model may be made at, as configured now. */
export async function listServing(db: Db, model: string): Promise<readonly AccountRow[]> {
  const serving = db.select({ id: accountModels.account }).from(accountModels).where(eq(accountModels.model, model));
  return await db
    .select()
    .from(accounts)
    .where(and(accounts.configured, inArray(accounts.id, serving)))
    .orderBy(accounts.id);
}

/** The account's row, or null. */
export async function findAccountRow(db: Db, id: string): Promise<AccountRow | null> {
  const [row] = await db.select().from(accounts).where(eq(accounts.id, id));
  return row ?? null;
}
