/** Orphans: tasks of our accounts that belong to no submission, as the accounts' lists show them. */

import { and, asc, desc, eq, inArray, isNotNull, isNull, min, or, type SQL, sql } from 'drizzle-orm';
import type { MicroUsd } from '../domain/money.ts';
import { DOUBTFUL_SUBMISSION_STATES, OPEN_SUBMISSION_STATES } from '../domain/submission.ts';
import { type Db, listed } from './driver/database.ts';
import { areListsDue } from './reopenings.ts';
import { accountModels, accounts, orphans } from './tables/accounts.ts';
import { submissions } from './tables/submissions.ts';

export type OrphanRow = typeof orphans.$inferSelect;

/** How often the list of an account in use is read. */
const READING_INTERVAL_MS = 10 * 60_000;

/** For so long the list of an account is read with every sweep to learn what a lost create cost. */
const PRESUMED_INTERVAL_MS = 60 * 60_000;

/** An account's orphans as operators see them: the newest of them. */
const SHOWN_ORPHANS = 100;

/** Whether a submission has the task after all: an older copy of the catalog may learn of it only later. */
const isClaimed = sql`exists (select 1 from ${submissions}
  where ${submissions.taskId} = ${orphans.taskId}
    and (${submissions.credential} = ${orphans.credential} or ${submissions.account} = ${orphans.account}))`;

/** Orphans that belong to no video still, or did until they were given up. */
export const isOrphan: SQL = sql`(${orphans.videoId} is not null or not ${isClaimed})`;

/** Those that may still run and whose cost may still change: they take a slot. */
export const isOpenOrphan: SQL = sql`(${orphans.endedAt} is null and ${isOrphan})`;

/** An account whose list is to be read, and since when it is ours. */
export interface DueAccount {
  readonly id: string;
  readonly credential: string;
  readonly firstUsedAt: Date;
}

/**
 * Accounts in use whose list was last read ten minutes ago. One is in use while it has slots taken, and for one more
 * reading after that; a create that made no task, as far as we know, is a reason to read at once, and so is a restore. What
 * such a create cost is asked for an hour: the list may show none of our tasks as yet, and proves nothing then.
 */
export async function listDueAccounts(db: Db): Promise<readonly DueAccount[]> {
  const own = sql`select 1 from ${submissions} where ${submissions.account} = ${accounts.id}`;
  const interval = sql`${READING_INTERVAL_MS}::float8 * interval '1 millisecond'`;
  const since = sql`coalesce(${accounts.listReadAt}, '-infinity')`;
  const isInUse = sql`(exists (select 1 from ${submissions} where ${submissions.credential} = ${accounts.credential}
      and ${submissions.state} in (${listed(OPEN_SUBMISSION_STATES)}))
    or exists (${own} and ${submissions.endedAt} > ${since} - ${interval}))`;
  const isInterval = sql`${since} <= now() - ${interval}`;
  const wasInDoubt = sql`exists (${own} and ${submissions.endedAt} > ${since}
    and ${submissions.state} = 'void' and ${submissions.sentAt} is not null)`;
  const isPresumed = sql`exists (select 1 from ${submissions} where ${submissions.credential} = ${accounts.credential}
    and ${submissions.presumed} and ${submissions.endedAt} > now() - ${PRESUMED_INTERVAL_MS}::float8 * interval '1 millisecond')`;
  const rows = await db
    .select({ id: accounts.id, credential: accounts.credential, firstUsedAt: accounts.firstUsedAt })
    .from(accounts)
    .where(
      and(
        eq(accounts.configured, true),
        eq(accounts.readsList, true),
        or(isNull(accounts.listMissingAt), sql`${accounts.listMissingAt} <= now() - ${interval}`),
        isNotNull(accounts.firstUsedAt),
        or(and(isInUse, isInterval), wasInDoubt, isPresumed, areListsDue),
      ),
    )
    .orderBy(asc(accounts.id));
  return rows.flatMap(({ firstUsedAt, ...row }) => (firstUsedAt === null ? [] : [{ ...row, firstUsedAt }]));
}

/** Since when a create at this upstream is in doubt, whose task may be in the list of any key of it; null where none is. */
export async function doubtSince(db: Db, baseUrl: string): Promise<Date | null> {
  const [row] = await db
    .select({ at: min(submissions.sentAt) })
    .from(submissions)
    .where(and(eq(submissions.baseUrl, baseUrl), inArray(submissions.state, [...DOUBTFUL_SUBMISSION_STATES])));
  return row?.at ?? null;
}

/** Notes that a list was read, and shown all that it can, at this time of the catalog's clock. */
export async function noteReading(db: Db, { id }: DueAccount, listReadAt: Date): Promise<void> {
  await db.update(accounts).set({ listReadAt }).where(eq(accounts.id, id));
}

/** A task as it is found; the model is the upstream's word. */
export interface FoundTask {
  readonly account: string;
  readonly credential: string;
  readonly taskId: string;
  /** The video that has given it up; absent for a task that never had one. */
  readonly videoId?: string;
  readonly upstreamModel: string | undefined;
  readonly durationSeconds?: number | undefined;
  /** What the upstream shows; null where it shows nothing. */
  readonly costMicroUsd: MicroUsd | null;
  /** What was estimated for the create that may have left it, for what shows no price of ours; absent where none is known. */
  readonly estimateMicroUsd?: MicroUsd | undefined;
  readonly createdAt: Date;
}

/** The offer that a model's name upstream stands for: some lists show more of it than creates say, such as its date. */
async function findOffer(db: Db, account: string, shown: string) {
  const isNamed = sql`starts_with(${shown}, ${accountModels.upstreamModel})`;
  const [offer] = await db
    .select()
    .from(accountModels)
    .where(and(eq(accountModels.account, account), isNamed))
    .orderBy(desc(sql`length(${accountModels.upstreamModel})`), asc(accountModels.preference), asc(accountModels.model))
    .limit(1);
  return offer;
}

/** Books a task without a submission; null when it is booked. Without a cost of its own it is priced as ours are. */
export async function bookOrphan(db: Db, found: FoundTask): Promise<OrphanRow | null> {
  const { account, credential, taskId, videoId = null, upstreamModel, durationSeconds = 0, createdAt } = found;
  const offer = upstreamModel === undefined ? undefined : await findOffer(db, account, upstreamModel);
  const priced = Math.round((offer?.pricePerSecondMicroUsd ?? 0) * durationSeconds);
  const estimate = priced === 0 ? (found.estimateMicroUsd ?? 0) : priced;
  const [row] = await db
    .insert(orphans)
    .values({
      account,
      credential,
      taskId,
      videoId,
      model: offer?.model ?? upstreamModel ?? null,
      costMicroUsd: found.costMicroUsd ?? estimate,
      createdAt,
    })
    .onConflictDoNothing()
    .returning();
  return row ?? null;
}

/** Orphans whose cost may still change; at random, so that silent ones keep none from their turn. */
export async function listOpenOrphans(db: Db, limit: number): Promise<readonly OrphanRow[]> {
  return await db.select().from(orphans).where(isOpenOrphan).orderBy(sql`random()`).limit(limit);
}

/** Enters the end of an orphan and what it cost. */
export async function endOrphan(
  db: Db,
  { credential, taskId }: Pick<OrphanRow, 'credential' | 'taskId'>,
  costMicroUsd: MicroUsd,
): Promise<void> {
  await db
    .update(orphans)
    .set({ endedAt: new Date(), costMicroUsd })
    .where(and(eq(orphans.credential, credential), eq(orphans.taskId, taskId)));
}

/** An orphan as operators see it. */
export type OrphanView = Pick<OrphanRow, 'taskId' | 'model' | 'costMicroUsd' | 'createdAt' | 'endedAt'>;

/** Each account's orphans, newest first. */
export async function listOrphans(db: Db): Promise<ReadonlyMap<string, readonly OrphanView[]>> {
  const { taskId, model, costMicroUsd, createdAt, endedAt } = orphans;
  const newest = db
    .select({ taskId, model, costMicroUsd, createdAt, endedAt })
    .from(orphans)
    .where(and(eq(orphans.account, accounts.id), isOrphan))
    .orderBy(desc(createdAt), asc(taskId))
    .limit(SHOWN_ORPHANS)
    .as('newest');
  const rows = await db
    .select({
      account: accounts.id,
      taskId: newest.taskId,
      model: newest.model,
      costMicroUsd: newest.costMicroUsd,
      createdAt: newest.createdAt,
      endedAt: newest.endedAt,
    })
    .from(accounts)
    .crossJoinLateral(newest)
    .orderBy(asc(accounts.id), desc(newest.createdAt), asc(newest.taskId));
  const views = new Map<string, OrphanView[]>();
  for (const { account, ...view } of rows) views.set(account, [...(views.get(account) ?? []), view]);
  return views;
}
