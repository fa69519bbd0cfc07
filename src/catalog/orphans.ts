/** Orphans: tasks of our accounts that belong to no submission, as the accounts' lists show them. */

import { and, asc, desc, eq, inArray, isNull, min, not, type SQL, sql } from 'drizzle-orm';
import type { MicroUsd } from '../domain/money.ts';
import { OPEN_SUBMISSION_STATES } from '../domain/submission.ts';
import type { Db } from './driver/database.ts';
import { accountModels, accounts, orphans, submissions } from './schema.ts';

export type OrphanRow = typeof orphans.$inferSelect;

/** How often the list of an account in use is read. */
const READING_INTERVAL_MS = 10 * 60_000;

/** An account's orphans as operators see them: the newest of them. */
const SHOWN_ORPHANS = 100;

/** Whether a submission has the task after all: an older copy of the catalog may learn of it only later. */
const isClaimed = sql`exists (select 1 from ${submissions}
  where ${submissions.account} = ${orphans.account} and ${submissions.taskId} = ${orphans.taskId})`;

/** Orphans that belong to nobody still. */
export const isOrphan: SQL = not(isClaimed);

/** An account whose list is to be read, and since when it is ours. */
export interface DueAccount {
  readonly id: string;
  readonly firstUsedAt: Date;
}

/**
 * Accounts in use whose list was last read ten minutes ago. One is in use while it has slots taken, and for one more
 * reading after that; a create that made no task, as far as we know, is a reason to read at once.
 */
export async function listDueAccounts(db: Db): Promise<readonly DueAccount[]> {
  const own = sql`select 1 from ${submissions} where ${submissions.account} = ${accounts.id}`;
  const open = sql.join(
    OPEN_SUBMISSION_STATES.map((state) => sql`${state}`),
    sql`, `,
  );
  const interval = sql`${READING_INTERVAL_MS}::float8 * interval '1 millisecond'`;
  const since = sql`coalesce(${accounts.listReadAt}, '-infinity')`;
  const isInUse = sql`(exists (${own} and ${submissions.state} in (${open}))
    or exists (${own} and ${submissions.endedAt} > ${since} - ${interval}))`;
  const isInterval = sql`${since} <= now() - ${interval}`;
  const wasInDoubt = sql`exists (${own} and ${submissions.endedAt} > ${since}
    and ${submissions.state} = 'void' and ${submissions.sentAt} is not null)`;
  const rows = await db
    .select({ id: accounts.id, firstUsedAt: accounts.firstUsedAt })
    .from(accounts)
    .where(and(accounts.configured, not(accounts.shared), sql`((${isInterval} and ${isInUse}) or ${wasInDoubt})`))
    .orderBy(asc(accounts.id));
  const due: DueAccount[] = [];
  for (const { id, firstUsedAt } of rows) {
    const usedAt = firstUsedAt ?? (await firstUseOf(db, id));
    if (usedAt) due.push({ id, firstUsedAt: usedAt });
  }
  return due;
}

async function firstUseOf(db: Db, account: string): Promise<Date | null> {
  const [row] = await db
    .select({ at: min(submissions.grantedAt) })
    .from(submissions)
    .where(eq(submissions.account, account));
  return row?.at ?? null;
}

/** Since when a create of the account is in doubt, whose task may be in its list; null where none is. */
export async function doubtSince(db: Db, account: string): Promise<Date | null> {
  const [row] = await db
    .select({ at: min(submissions.sentAt) })
    .from(submissions)
    .where(and(eq(submissions.account, account), inArray(submissions.state, ['sending', 'unconfirmed'])));
  return row?.at ?? null;
}

/** Notes that a list was read, and shown all that it can, at this time of the catalog's clock. */
export async function noteReading(db: Db, { id, firstUsedAt }: DueAccount, listReadAt: Date): Promise<void> {
  await db.update(accounts).set({ listReadAt, firstUsedAt }).where(eq(accounts.id, id));
}

/** A task as it is found; the model is the upstream's word. */
export interface FoundTask {
  readonly account: string;
  readonly taskId: string;
  readonly upstreamModel: string | undefined;
  readonly durationSeconds?: number | undefined;
  /** What the upstream shows; null where it shows nothing. */
  readonly costMicroUsd: MicroUsd | null;
  readonly createdAt: Date;
}

/** Books a task that nobody has; null when it is booked already. Without a cost of its own it is priced as ours are. */
export async function bookOrphan(db: Db, found: FoundTask): Promise<OrphanRow | null> {
  const { account, taskId, upstreamModel, durationSeconds = 0, createdAt } = found;
  const [offer] = await db
    .select()
    .from(accountModels)
    .where(and(eq(accountModels.account, account), eq(accountModels.upstreamModel, upstreamModel ?? '')))
    .orderBy(asc(accountModels.preference), asc(accountModels.model))
    .limit(1);
  const estimate = Math.round((offer?.pricePerSecondMicroUsd ?? 0) * durationSeconds);
  const [row] = await db
    .insert(orphans)
    .values({
      account,
      taskId,
      model: offer?.model ?? upstreamModel ?? null,
      costMicroUsd: found.costMicroUsd ?? estimate,
      createdAt,
    })
    .onConflictDoNothing()
    .returning();
  return row ?? null;
}

/** Orphans whose cost may still change, oldest first. */
export async function listOpenOrphans(db: Db, limit: number): Promise<readonly OrphanRow[]> {
  return await db
    .select()
    .from(orphans)
    .where(and(isNull(orphans.endedAt), isOrphan))
    .orderBy(asc(orphans.foundAt), asc(orphans.taskId))
    .limit(limit);
}

/** Enters the end of an orphan and what it cost. */
export async function endOrphan(
  db: Db,
  { account, taskId }: Pick<OrphanRow, 'account' | 'taskId'>,
  costMicroUsd: MicroUsd,
): Promise<void> {
  await db
    .update(orphans)
    .set({ endedAt: new Date(), costMicroUsd })
    .where(and(eq(orphans.account, account), eq(orphans.taskId, taskId)));
}

/** An orphan as operators see it. */
export type OrphanView = Pick<OrphanRow, 'taskId' | 'model' | 'costMicroUsd' | 'createdAt' | 'endedAt'>;

/** Each account's orphans, newest first. */
export async function listOrphans(db: Db): Promise<ReadonlyMap<string, readonly OrphanView[]>> {
  const rank = sql<number>`row_number() over (partition by ${orphans.account}
    order by ${orphans.createdAt} desc, ${orphans.taskId})`.as('rank');
  const { account, taskId, model, costMicroUsd, createdAt, endedAt } = orphans;
  const ranked = db
    .select({ account, taskId, model, costMicroUsd, createdAt, endedAt, rank })
    .from(orphans)
    .where(isOrphan)
    .as('ranked');
  const rows = await db
    .select()
    .from(ranked)
    .where(sql`${ranked.rank} <= ${SHOWN_ORPHANS}`)
    .orderBy(asc(ranked.account), desc(ranked.createdAt), asc(ranked.taskId));
  const views = new Map<string, OrphanView[]>();
  for (const { account: owner, rank: _, ...view } of rows) views.set(owner, [...(views.get(owner) ?? []), view]);
  return views;
}
