/** Submissions: their compare-and-set moves from granted to an end, each of which happens once whoever tries. */

import { and, eq, inArray } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import type { JsonObject } from '../domain/json.ts';
import type { MicroUsd } from '../domain/money.ts';
import type { RunningTask } from '../domain/step.ts';
import type { Db } from './database.ts';
import { submissions } from './schema.ts';
import { OPEN_SUBMISSION_STATES, type SubmissionState, type TaskEnd } from './submission-states.ts';

export type SubmissionRow = typeof submissions.$inferSelect;

/** The submission, or null. */
export async function findSubmission(db: Db, id: string): Promise<SubmissionRow | null> {
  const [row] = await db.select().from(submissions).where(eq(submissions.id, id));
  return row ?? null;
}

/** The video's open submission, or else its newest one, or null. */
export async function findCurrentSubmission(db: Db, videoId: string): Promise<SubmissionRow | null> {
  const rows = await db.select().from(submissions).where(eq(submissions.videoId, videoId));
  rows.sort((a, b) => b.n - a.n);
  return rows.find((row) => isOpenState(row.state)) ?? rows[0] ?? null;
}

/** Whether a submission in this state is a slot. */
export function isOpenState(state: SubmissionState): boolean {
  return (OPEN_SUBMISSION_STATES as readonly SubmissionState[]).includes(state);
}

/** Moves a submission if it is in one of the states `from`; the row as it is now if so, else null. */
async function move(
  tx: Db,
  id: string,
  { from, to }: { readonly from: readonly SubmissionState[]; readonly to: Partial<SubmissionRow> },
): Promise<SubmissionRow | null> {
  const [row] = await tx
    .update(submissions)
    .set(to)
    .where(and(eq(submissions.id, id), inArray(submissions.state, [...from])))
    .returning();
  return row ?? null;
}

/** granted → sending: whoever succeeds, and nobody else ever, may send the create. */
export function beginSending(tx: Db, id: string, send: { readonly sentAt: Date; readonly sendUntil: Date }) {
  return move(tx, id, { from: ['granted'], to: { state: 'sending', ...send } });
}

/** sending → unconfirmed: the create's answer was lost. */
export function markUnconfirmed(
  tx: Db,
  id: string,
  doubt: { readonly answered: boolean | null; readonly lastError: JsonObject },
) {
  return move(tx, id, { from: ['sending', 'unconfirmed'], to: { state: 'unconfirmed', ...doubt } });
}

/** Notes when a list first showed no candidate. */
export async function noteEmptyList(tx: Db, id: string, at: Date): Promise<void> {
  await move(tx, id, { from: ['sending', 'unconfirmed'], to: { firstEmptyListAt: at } });
}

/** sending or unconfirmed → running: the task's id is known. */
export function markRunning(tx: Db, id: string, taskId: string) {
  return move(tx, id, { from: ['sending', 'unconfirmed'], to: { state: 'running', taskId, runningAt: new Date() } });
}

/**
 * Makes sure that a running task has its row: workflow history outlives an old copy of the catalog, and a task that
 * runs takes a slot whatever the limit says.
 */
export async function ensureRunning(tx: Db, videoId: string, task: RunningTask): Promise<void> {
  const { submissionId: id, n, account, provider, baseUrl, upstreamModel, taskId } = task;
  const runningAt = new Date(task.submittedAt);
  const running = { state: 'running', taskId, runningAt } as const;
  const [row] = await tx
    .insert(submissions)
    .values({
      id,
      videoId,
      n,
      account,
      provider,
      baseUrl,
      upstreamModel,
      singleLane: false,
      grantedAt: runningAt,
      ...running,
    })
    .onConflictDoNothing()
    .returning({ id: submissions.id });
  if (!row) await move(tx, id, { from: ['granted', 'sending', 'unconfirmed'], to: running });
}

/** Any open state but running → void: certainly no task was made, or none that can be told. */
export function voidSubmission(tx: Db, id: string, lastError: JsonObject | null) {
  const to = { state: 'void', endedAt: new Date(), ...(lastError && { lastError }) } as const;
  return move(tx, id, { from: ['granted', 'sending', 'unconfirmed'], to });
}

/** granted → void: the video ended before its create was sent. */
export function withdrawGrant(tx: Db, id: string) {
  return move(tx, id, { from: ['granted'], to: { state: 'void', endedAt: new Date() } });
}

/** running → ended: the task is over and its slot is free. */
export function closeSubmission(
  tx: Db,
  id: string,
  end: { readonly taskEnd: TaskEnd; readonly costMicroUsd: MicroUsd | null },
) {
  return move(tx, id, { from: ['running'], to: { state: 'ended', endedAt: new Date(), ...end } });
}

/**
 * Replaces a submission that made no task by a new one at the same account: the slot stays the video's.
 * @returns the new submission's id, null when the old one had moved on meanwhile.
 */
export async function renewSubmission(tx: Db, id: string): Promise<string | null> {
  const old = await voidSubmission(tx, id, null);
  if (!old) return null;
  const { videoId, account, provider, baseUrl, upstreamModel, singleLane } = old;
  const renewedId = `submission_${uuidv7()}`;
  const now = new Date();
  await tx.insert(submissions).values({
    id: renewedId,
    n: old.n + 1,
    state: 'granted',
    grantedAt: now,
    signalledAt: now,
    videoId,
    account,
    provider,
    baseUrl,
    upstreamModel,
    singleLane,
  });
  return renewedId;
}

/** Which of these tasks of an account belong to a submission of ours. */
export async function listClaimedTasks(
  db: Db,
  account: string,
  taskIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (taskIds.length === 0) return new Set();
  const rows = await db
    .select({ taskId: submissions.taskId })
    .from(submissions)
    .where(and(eq(submissions.account, account), inArray(submissions.taskId, [...taskIds])));
  return new Set(rows.flatMap(({ taskId }) => (taskId === null ? [] : [taskId])));
}

/** Everything the upstream billed for a video, null while nothing is known. */
export async function billedMicroUsd(tx: Db, videoId: string): Promise<MicroUsd | null> {
  const rows = await tx
    .select({ cost: submissions.costMicroUsd })
    .from(submissions)
    .where(eq(submissions.videoId, videoId));
  const costs = rows.flatMap(({ cost }) => (cost === null ? [] : [cost]));
  return costs.length === 0 ? null : costs.reduce((sum, cost) => sum + cost, 0);
}

/** Notes that a grant's winner was told again. */
export async function noteSignal(db: Db, id: string): Promise<void> {
  await db.update(submissions).set({ signalledAt: new Date() }).where(eq(submissions.id, id));
}
