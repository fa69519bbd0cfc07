/** Submissions: their compare-and-set moves from granted to an end, each of which happens once, however many try. */

import { and, desc, eq, inArray, isNotNull, min, ne, type SQL, sql } from 'drizzle-orm';
import type { PgUpdateSetSource } from 'drizzle-orm/pg-core';
import type { JsonObject } from '../domain/json.ts';
import type { MicroUsd } from '../domain/money.ts';
import type { RunningTask, TaskMemory } from '../domain/step.ts';
import { DOUBTFUL_SUBMISSION_STATES, isOpenState, type SubmissionState, type TaskEnd } from '../domain/submission.ts';
import { readClock } from './clock.ts';
import type { Db } from './driver/database.ts';
import { bookOrphan } from './orphans.ts';
import { accountModels, accounts } from './tables/accounts.ts';
import { waiting } from './tables/queue.ts';
import { submissions } from './tables/submissions.ts';
import { videos } from './tables/videos.ts';
import { PROMPT, type VideoRow } from './videos.ts';

export type SubmissionRow = typeof submissions.$inferSelect;

/** Open, and its task not known. */
const OPENING = ['granted', 'sending', 'unconfirmed'] as const satisfies readonly SubmissionState[];

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

/** Moves a submission if it is in one of the states `from`; the row as it is now if so, else null. */
async function move(
  tx: Db,
  id: string,
  { from, to }: { readonly from: readonly SubmissionState[]; readonly to: PgUpdateSetSource<typeof submissions> },
): Promise<SubmissionRow | null> {
  const [row] = await tx
    .update(submissions)
    .set(to)
    .where(and(eq(submissions.id, id), inArray(submissions.state, [...from])))
    .returning();
  return row ?? null;
}

/** granted → sending: the one that succeeds, and no other ever, may send the create, and is taken to live for so long. */
export async function beginSending(tx: Db, id: string, forMs: number) {
  const sentAt = await readClock(tx);
  const sendUntil = new Date(sentAt.getTime() + forMs);
  return await move(tx, id, { from: ['granted'], to: { state: 'sending', sentAt, sendUntil } });
}

/** The attempt that sends still lives, and is taken to for so long from now on. */
export async function keepSending(db: Db, id: string, forMs: number): Promise<void> {
  const sendUntil = new Date((await readClock(db)).getTime() + forMs);
  await move(db, id, { from: ['sending'], to: { sendUntil } });
}

/** sending → unconfirmed: the create's answer was lost. */
export function markUnconfirmed(
  tx: Db,
  id: string,
  doubt: { readonly answered: boolean | null; readonly lastError: JsonObject },
) {
  return move(tx, id, { from: DOUBTFUL_SUBMISSION_STATES, to: { state: 'unconfirmed', ...doubt } });
}

/** Since when the list that would tell of it cannot be read; null where it can. */
export async function noteListUnreadable(tx: Db, id: string, since: Date | null): Promise<void> {
  await move(tx, id, { from: DOUBTFUL_SUBMISSION_STATES, to: { listUnreadableSince: since } });
}

/** Gives up the lane that a doubt has kept too long: others go on beside it. */
export async function leaveLane(tx: Db, id: string): Promise<boolean> {
  return (await move(tx, id, { from: DOUBTFUL_SUBMISSION_STATES, to: { singleLane: false } })) !== null;
}

/** Notes when the doubt began to count: when a list first showed no candidate, or where there is none, at once. */
export async function noteEmptyList(tx: Db, id: string, at: Date): Promise<void> {
  await move(tx, id, { from: DOUBTFUL_SUBMISSION_STATES, to: { firstEmptyListAt: at } });
}

/** Of a create that is not sent after all, since another account has the video's task: the submission stands for that one. */
export async function moveSending(
  tx: Db,
  { id, videoId }: Pick<SubmissionRow, 'id' | 'videoId'>,
  { account, provider, model }: Pick<SubmissionRow, 'account' | 'provider'> & { readonly model: string },
): Promise<SubmissionRow | null> {
  const place = { account, provider, ...(await findPlace(tx, account, model)), singleLane: false };
  const moved = await move(tx, id, { from: ['sending'], to: place });
  if (moved) await tx.update(videos).set({ account, provider }).where(eq(videos.id, videoId));
  return moved;
}

/** sending or unconfirmed → running: the task's id is known. Polls and the task's deadline are counted from then on. */
export function markRunning(tx: Db, id: string, taskId: string) {
  const to = { state: 'running', taskId, runningAt: sql`clock_timestamp()` } as const;
  return move(tx, id, { from: DOUBTFUL_SUBMISSION_STATES, to });
}

/**
 * Makes sure that a running task has its row: workflow history outlives an old copy of the catalog, and a task that
 * runs takes a slot, also above the limit. What the old copy believed of the video's queue and slot gives way.
 */
export async function ensureRunning(tx: Db, videoId: string, task: RunningTask): Promise<SubmissionRow> {
  const { submissionId: id, account, provider, baseUrl, upstreamModel, taskId } = task;
  const runningAt = new Date(task.submittedAt);
  const running = { state: 'running', taskId, runningAt } as const;
  const existing = await findSubmission(tx, id);
  if (existing) return (await move(tx, id, { from: OPENING, to: running })) ?? existing;
  const { credential } = await findPlace(tx, account, upstreamModel);
  const n = await makeWay(tx, videoId, { wanted: task.n, keeps: isTask(credential, taskId) });
  const place = { account, provider, baseUrl, credential, upstreamModel, singleLane: false };
  const [entered] = await tx
    .insert(submissions)
    .values({ id, videoId, n, grantedAt: runningAt, ...place, ...running })
    .onConflictDoNothing()
    .returning();
  // Entered meanwhile by another, or found in the account's list, the task belongs to another submission.
  const [known] = entered ? [entered] : await tx.select().from(submissions).where(isTask(credential, taskId));
  if (!known) throw new Error(`submission ${id} was not entered`);
  return known;
}

/** Why a submission gives way to what a workflow's history knows. */
const OLDER_COPY = 'an older copy of the catalog';

const isTask = (credential: string, taskId: string) =>
  and(eq(submissions.credential, credential), eq(submissions.taskId, taskId));

/** Enters again what a workflow knows of its video's task and an older copy of the catalog has lost. */
export async function reenterTask(
  tx: Db,
  video: Pick<VideoRow, 'id' | 'model' | 'createdAt'>,
  { memory, sendUntil }: { readonly memory: TaskMemory; readonly sendUntil: Date },
): Promise<void> {
  if (memory.kind === 'running') {
    await ensureRunning(tx, video.id, memory.task);
    // A poll may have entered the task before the video was there, which then was queued as a new one is.
    await tx.delete(waiting).where(eq(waiting.videoId, video.id));
    return;
  }
  const { submissionId: id, account, provider } = memory.create;
  if (await findSubmission(tx, id)) return;
  const sentAt = instantOf(id) ?? video.createdAt;
  const n = await makeWay(tx, video.id, { wanted: 1, keeps: eq(submissions.id, id) });
  const place = await findPlace(tx, account, video.model);
  const times = { grantedAt: sentAt, sentAt, sendUntil };
  const doubt = { state: 'unconfirmed', answered: false, singleLane: false } as const;
  await tx.insert(submissions).values({ id, videoId: video.id, n, account, provider, ...place, ...times, ...doubt });
  // The video has not been granted a slot in this copy, which is when it is written to which account it went.
  await tx.update(videos).set({ account, provider, sentAt, submissions: n }).where(eq(videos.id, video.id));
}

/** Where an account's creates go, as configured now: what the lost row had is not known. */
async function findPlace(tx: Db, account: string, model: string) {
  const [row] = await tx.select().from(accounts).where(eq(accounts.id, account));
  const [offer] = await tx
    .select({ upstreamModel: accountModels.upstreamModel })
    .from(accountModels)
    .where(and(eq(accountModels.account, account), eq(accountModels.model, model)));
  return {
    baseUrl: row?.baseUrl ?? '',
    credential: row?.credential ?? account,
    upstreamModel: offer?.upstreamModel ?? model,
  };
}

/** When an id was given out, which is before its create was sent; null where it is none of ours. */
function instantOf(id: string): Date | null {
  const [, high = '', low = ''] = /_([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(id) ?? [];
  return high === '' ? null : new Date(Number.parseInt(high + low, 16));
}

/**
 * Takes a video out of the queue and out of any slot but the one it `keeps`, which another transaction may have entered
 * by now; a number for a submission, `wanted` if it is free.
 */
async function makeWay(
  tx: Db,
  videoId: string,
  { wanted, keeps }: { readonly wanted: number; readonly keeps: SQL | undefined },
): Promise<number> {
  await tx.delete(waiting).where(eq(waiting.videoId, videoId));
  const isKept = sql<boolean>`coalesce(${keeps}, false)`;
  const rows = await tx.select({ row: submissions, isKept }).from(submissions).where(eq(submissions.videoId, videoId));
  for (const { row, isKept: stays } of rows) {
    if (stays) continue;
    if (row.state === 'running') await leaveTask(tx, row);
    else await voidSubmission(tx, row.id, { message: OLDER_COPY });
  }
  const taken = rows.map(({ row }) => row.n);
  return taken.includes(wanted) ? Math.max(...taken) + 1 : wanted;
}

/** A task that its video has left for another one: it is followed on for its bill. */
async function leaveTask(
  tx: Db,
  { id, account, credential, taskId, videoId, upstreamModel, runningAt }: SubmissionRow,
) {
  await closeSubmission(tx, id, { taskEnd: { kind: 'failed', upstream: { message: OLDER_COPY } }, costMicroUsd: 0 });
  const createdAt = runningAt ?? new Date();
  const found = { account, credential, taskId: taskId ?? id, videoId, upstreamModel, createdAt };
  await bookOrphan(tx, { ...found, costMicroUsd: 0 });
}

/** Any open state but running → void: certainly no task was made. */
export function voidSubmission(tx: Db, id: string, lastError: JsonObject | null) {
  const to = { state: 'void', endedAt: new Date(), ...(lastError && { lastError }) } as const;
  return move(tx, id, { from: OPENING, to });
}

/** Submissions whose creates' answers were lost: what they were answered with says so. */
const isLost = (videoId: string) => and(eq(submissions.videoId, videoId), isNotNull(submissions.answered));

/** How many creates of a submission's video had their answers lost, its own among them. */
export async function countLostCreates(db: Db, { id, videoId }: Pick<SubmissionRow, 'id' | 'videoId'>) {
  return 1 + (await db.$count(submissions, and(isLost(videoId), ne(submissions.id, id))));
}

/** When the first create of the video was sent whose answer was lost, of those at this credential; null without one. */
export async function findFirstLostCreate(
  db: Db,
  { id, videoId, credential }: Pick<SubmissionRow, 'id' | 'videoId' | 'credential'>,
): Promise<Date | null> {
  const [row] = await db
    .select({ at: min(submissions.sentAt) })
    .from(submissions)
    .where(and(isLost(videoId), eq(submissions.credential, credential), ne(submissions.id, id)));
  return row?.at ?? null;
}

/**
 * In doubt → void: no task was made, or none that can be told, and then this cost is presumed. That its answer was lost
 * stays in the row, which is how lost answers are counted.
 */
export function concludeDoubt(tx: Db, id: string, presumedMicroUsd: MicroUsd | null) {
  const answered = sql<boolean>`coalesce(${submissions.answered}, false)`;
  const presumed = presumedMicroUsd === null ? {} : { costMicroUsd: presumedMicroUsd, presumed: true };
  return move(tx, id, {
    from: DOUBTFUL_SUBMISSION_STATES,
    to: { state: 'void', endedAt: new Date(), answered, ...presumed },
  });
}

/** Void submissions of a credential whose cost is only presumed, with the prompts that their tasks would have. */
export async function listPresumed(db: Db, credential: string) {
  return await db
    .select({ submission: submissions, prompt: PROMPT })
    .from(submissions)
    .innerJoin(videos, eq(videos.id, submissions.videoId))
    .where(and(eq(submissions.credential, credential), submissions.presumed));
}

/** The newest submission of a video whose cost is only presumed, or null. */
export async function findPresumed(db: Db, videoId: string): Promise<SubmissionRow | null> {
  const [row] = await db
    .select()
    .from(submissions)
    .where(and(eq(submissions.videoId, videoId), submissions.presumed))
    .orderBy(desc(submissions.n))
    .limit(1);
  return row ?? null;
}

/** The presumption is settled: no task was made, or it is booked as an orphan. */
export async function settlePresumed(tx: Db, { id, videoId }: Pick<SubmissionRow, 'id' | 'videoId'>): Promise<void> {
  await tx.update(submissions).set({ presumed: false, costMicroUsd: null }).where(eq(submissions.id, id));
  const upstreamMicroUsd = await billedMicroUsd(tx, videoId);
  await tx.update(videos).set({ upstreamMicroUsd }).where(eq(videos.id, videoId));
}

/** sending → void: the attempt that sent knows that no task was made, and no other attempt has sent meanwhile. */
export function takeBack(tx: Db, id: string, lastError: JsonObject) {
  return move(tx, id, { from: ['sending'], to: { state: 'void', endedAt: new Date(), lastError } });
}

/** granted → void: the video ended before its create was sent. */
export function withdrawGrant(tx: Db, id: string) {
  return move(tx, id, { from: ['granted'], to: { state: 'void', endedAt: new Date() } });
}

/**
 * sending or unconfirmed → ended: the create's answer was the task's end. The task has no id of its own; the
 * submission's stands for it.
 */
export function closeDelivered(
  tx: Db,
  id: string,
  end: { readonly taskEnd: TaskEnd; readonly costMicroUsd: MicroUsd },
): Promise<SubmissionRow | null> {
  const now = new Date();
  const to = { state: 'ended', taskId: id, runningAt: now, endedAt: now, ...end } as const;
  return move(tx, id, { from: DOUBTFUL_SUBMISSION_STATES, to });
}

/** Since when the upstream does not know a running task; null where it does. */
export async function noteMissing(tx: Db, id: string, since: Date | null): Promise<void> {
  await move(tx, id, { from: ['running'], to: { missingSince: since } });
}

/** running → ended: the task is over and its slot is free. */
export function closeSubmission(
  tx: Db,
  id: string,
  end: { readonly taskEnd: TaskEnd; readonly costMicroUsd: MicroUsd | null },
) {
  return move(tx, id, { from: ['running'], to: { state: 'ended', endedAt: new Date(), ...end } });
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

/** The task has another link to its result than its end had. */
export async function renewResult(db: Db, id: string, taskEnd: TaskEnd): Promise<void> {
  await move(db, id, { from: ['ended'], to: { taskEnd } });
}

/** Notes that a grant's winner was told again. */
export async function noteSignal(db: Db, id: string): Promise<void> {
  await db.update(submissions).set({ signalledAt: sql`now()` }).where(eq(submissions.id, id));
}
