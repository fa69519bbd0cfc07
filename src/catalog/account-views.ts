/** Accounts as operators see them: state, reasons, what takes their slots and what waits for them. */

import { and, asc, count, eq, inArray, isNull, or, sql } from 'drizzle-orm';
import { type AccountState, type LostAnswerRule, STANDING_REASONS, type StandingReason } from '../domain/account.ts';
import { OPEN_SUBMISSION_STATES, type OpenSubmissionState } from '../domain/submission.ts';
import type { ProviderName } from '../domain/vendor.ts';
import type { AccountRow } from './accounts.ts';
import type { Db } from './driver/database.ts';
import { isOpenOrphan, listOrphans, type OrphanView } from './orphans.ts';
import { accountModels, accounts, orphans } from './tables/accounts.ts';
import { waiting } from './tables/queue.ts';
import { submissions } from './tables/submissions.ts';

/** What holds one of an account's slots. */
export interface SlotView {
  /** The video's id; null for a task that has none. */
  readonly videoId: string | null;
  readonly state: OpenSubmissionState | 'orphan';
  readonly since: Date;
}

/** An account as operators see it. */
export interface AccountView {
  readonly id: string;
  readonly provider: ProviderName;
  /** The description of its API; null where the provider knows it. */
  readonly api: string | null;
  /** What follows a create whose answer was lost; null where no process has said so yet. */
  readonly onLostAnswer: LostAnswerRule | null;
  readonly state: AccountState;
  /** Why it takes no more clips for now, or takes them one at a time; empty where it simply goes on. */
  readonly reasons: readonly StandingReason[];
  readonly limit: number;
  /** Slots taken at its base URL with its key. */
  readonly inUse: number;
  readonly slots: readonly SlotView[];
  /** Videos in the queue that could be made here. */
  readonly waiting: number;
  readonly pausedUntil: Date | null;
  readonly lastError: string | null;
  /** Tasks that belong to no submission, newest first. */
  readonly orphans: readonly OrphanView[];
}

/** The end of a pause of the upstream's making that is not over. */
function pauseOf({ pausedUntil }: AccountRow): Date | null {
  return pausedUntil !== null && pausedUntil.getTime() > Date.now() ? pausedUntil : null;
}

function isPaused(row: AccountRow): boolean {
  return row.pausedByOperator || pauseOf(row) !== null;
}

/** What an account is for operators. */
export function accountStateOf(row: AccountRow): AccountState {
  if (!row.configured) return 'removed';
  if (row.suspendedAt !== null) return 'suspended';
  return isPaused(row) ? 'paused' : 'active';
}

/** What takes slots, by credential: open submissions, and tasks that belong to none and may still run. */
async function listSlots(db: Db): Promise<ReadonlyMap<string, readonly SlotView[]>> {
  const open = await db
    .select({
      credential: submissions.credential,
      videoId: submissions.videoId,
      state: sql<OpenSubmissionState>`${submissions.state}`,
      since: submissions.grantedAt,
    })
    .from(submissions)
    .where(inArray(submissions.state, [...OPEN_SUBMISSION_STATES]))
    .orderBy(asc(submissions.grantedAt));
  const running = await db.select().from(orphans).where(isOpenOrphan).orderBy(asc(orphans.foundAt));
  const byCredential = new Map<string, SlotView[]>();
  const add = (credential: string, slot: SlotView) =>
    byCredential.set(credential, [...(byCredential.get(credential) ?? []), slot]);
  for (const { credential, ...slot } of open) add(credential, slot);
  for (const { credential, videoId, foundAt } of running) add(credential, { videoId, state: 'orphan', since: foundAt });
  return byCredential;
}

function reasonsOf(row: AccountRow, slots: readonly SlotView[]): readonly StandingReason[] {
  const isDoubtful = slots.some(({ state }) => state === 'unconfirmed');
  const holds: Readonly<Record<StandingReason, boolean>> = {
    paused: isPaused(row),
    suspended: row.suspendedAt !== null,
    full: slots.length >= row.maxConcurrentTasks,
    doubtful: isDoubtful,
    'no list': row.listMissingAt !== null,
  };
  return STANDING_REASONS.filter((reason) => holds[reason]);
}

async function countWaiting(db: Db): Promise<ReadonlyMap<string, number>> {
  // Counted first: pools and models are few, and what waits may be much.
  const queued = db
    .select({ pool: waiting.pool, model: waiting.model, videos: count().as('videos') })
    .from(waiting)
    .groupBy(waiting.pool, waiting.model)
    .as('queued');
  const isUsable = or(isNull(accountModels.suspendedUntil), sql`${accountModels.suspendedUntil} <= now()`);
  const rows = await db
    .select({ account: accountModels.account, waiting: sql`sum(${queued.videos})`.mapWith(Number) })
    .from(queued)
    .innerJoin(accountModels, and(eq(accountModels.model, queued.model), isUsable))
    .innerJoin(accounts, and(eq(accounts.id, accountModels.account), eq(accounts.pool, queued.pool)))
    .groupBy(accountModels.account);
  return new Map(rows.map((row) => [row.account, row.waiting]));
}

/** All accounts, those that vanished from the configuration included. */
export async function listAccounts(db: Db): Promise<readonly AccountView[]> {
  const rows = await db.select().from(accounts).orderBy(asc(accounts.id));
  const taken = await listSlots(db);
  const queued = await countWaiting(db);
  const lost = await listOrphans(db);
  return rows.map((row) => {
    const slots = taken.get(row.credential) ?? [];
    return {
      id: row.id,
      provider: row.provider,
      api: row.api,
      onLostAnswer: row.onLostAnswer,
      state: accountStateOf(row),
      reasons: reasonsOf(row, slots),
      limit: row.maxConcurrentTasks,
      inUse: slots.length,
      slots,
      waiting: queued.get(row.id) ?? 0,
      pausedUntil: pauseOf(row),
      lastError: row.lastError,
      orphans: lost.get(row.id) ?? [],
    };
  });
}
