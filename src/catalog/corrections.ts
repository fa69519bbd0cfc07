/** What operators decide of a video: a refund, the cost of one held for review, what became of a lost answer. */

import { Refusal } from '../domain/failure.ts';
import { dollarsOf, type MicroUsd } from '../domain/money.ts';
import type { Grant } from '../domain/slot.ts';
import { isOpenState } from '../domain/submission.ts';
import { addBatchCost } from './batches.ts';
import { listClaimedTasks } from './claims.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { settleLateEnd } from './ends.ts';
import { refund, settle } from './ledger.ts';
import { bookOrphan } from './orphans.ts';
import { grantIn, lockPoolOf, returnToQueue } from './slots.ts';
import {
  concludeDoubt,
  findCurrentSubmission,
  findPresumed,
  markRunning,
  type SubmissionRow,
  settlePresumed,
} from './submissions.ts';
import { changeVideo, lockVideo, type VideoRow } from './videos.ts';
import { enterWish, type UntoldWish } from './wishes.ts';

async function lockExisting(tx: Db, id: string): Promise<VideoRow> {
  const video = await lockVideo(tx, id);
  if (!video) throw new Refusal('not_found', `there is no video ${id}`);
  return video;
}

/**
 * Gives a video's settled cost back to its caller, once; what was settled stays in the record.
 * @throws Refusal `not_found`; `conflict` when there is nothing to give back.
 */
export async function refundVideo(db: Db, id: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { callerId } = await lockExisting(tx, id);
    await refund(tx, { callerId, videoId: id });
  });
}

async function refuseUnlessUnderReview(tx: Db, video: VideoRow): Promise<void> {
  if (video.endedAt === null) throw new Refusal('conflict', `video ${video.id} has not ended`);
  if (video.settledMicroUsd !== null) {
    throw new Refusal('conflict', `the cost of video ${video.id} was decided: ${dollarsOf(video.settledMicroUsd)}`);
  }
  const submission = await findCurrentSubmission(tx, video.id);
  if (submission && isOpenState(submission.state)) {
    throw new Refusal('conflict', `the task of video ${video.id} still runs; its end decides the cost`);
  }
}

/**
 * Decides the cost of an ended video whose hold was kept for review.
 * @throws Refusal `not_found`; `conflict` when nothing waits for a decision.
 */
export async function settleReviewed(db: Db, id: string, amountMicroUsd: MicroUsd): Promise<void> {
  await inTransaction(db, async (tx) => {
    const video = await lockExisting(tx, id);
    await refuseUnlessUnderReview(tx, video);
    if (!(await settle(tx, { callerId: video.callerId, videoId: id, amountMicroUsd }))) {
      throw new Refusal('conflict', `video ${id} has no hold to settle`);
    }
    await addBatchCost(tx, video.batchId, amountMicroUsd);
    await changeVideo(tx, id, { settledMicroUsd: amountMicroUsd });
  });
}

/** What an operator knows of a create whose answer was lost. */
export type LostAnswerDecision =
  | { readonly made: false }
  /** The task's id at the upstream. */
  | { readonly made: true; readonly taskId: string };

/**
 * Decides a lost answer that nothing else has decided: the video goes on with its task or without one; where it has its
 * end already, what was presumed of the bill is put right.
 * @returns the slots that this freed for others, and what its workflow is to be told.
 * @throws Refusal `not_found`; `conflict` where no answer is in doubt, or another video has the task.
 */
export async function resolveLostAnswer(
  db: Db,
  id: string,
  decision: LostAnswerDecision,
): Promise<{ readonly grants: readonly Grant[]; readonly wished: UntoldWish | null }> {
  const current = await findCurrentSubmission(db, id);
  return await inTransaction(db, async (tx) => {
    const pool = current && (await lockPoolOf(tx, current.account));
    const video = await lockExisting(tx, id);
    const latest = await findCurrentSubmission(tx, id);
    const submission = latest?.state === 'unconfirmed' ? latest : await findPresumed(tx, id);
    if (submission === null) throw new Refusal('conflict', `no answer to a create of video ${id} is in doubt`);
    if (decision.made) await refuseIfTaken(tx, submission, decision.taskId);
    if (submission.presumed) {
      await correctPresumption(tx, video, { submission, decision });
      return { grants: [], wished: null };
    }
    await decide(tx, video, { submission, decision });
    const wished = await enterWish(tx, video, 'recheck');
    return { grants: await grantIn(tx, pool), wished };
  });
}

interface Decided {
  readonly submission: SubmissionRow;
  readonly decision: LostAnswerDecision;
}

async function refuseIfTaken(tx: Db, submission: SubmissionRow, taskId: string): Promise<void> {
  if ((await listClaimedTasks(tx, submission, [taskId])).size > 0) {
    throw new Refusal('conflict', `task ${taskId} belongs to a submission already`, { param: 'taskId' });
  }
}

async function decide(tx: Db, video: VideoRow, { submission, decision }: Decided): Promise<void> {
  const isOver = video.endedAt !== null || video.cancelRequestedAt !== null;
  if (!decision.made) {
    const closed = await concludeDoubt(tx, submission.id, null);
    if (closed && !isOver) await returnToQueue(tx, video, { to: 'head' });
    if (closed && video.endedAt !== null) await settleLateEnd(tx, video, closed);
    return;
  }
  const { taskId } = decision;
  const running = await markRunning(tx, submission.id, taskId);
  if (video.endedAt !== null) return;
  const submittedAt = video.submittedAt ?? running?.runningAt ?? null;
  await changeVideo(tx, video.id, { state: 'generating', taskId, submittedAt, waitingFor: null });
}

/** The doubt has ended its video: its task, if there is one, is followed as an orphan. */
async function correctPresumption(tx: Db, video: VideoRow, { submission, decision }: Decided): Promise<void> {
  await settlePresumed(tx, submission);
  if (!decision.made) return;
  const { account, credential, upstreamModel, sentAt, grantedAt } = submission;
  await bookOrphan(tx, {
    account,
    credential,
    taskId: decision.taskId,
    videoId: video.id,
    upstreamModel,
    costMicroUsd: video.estimateMicroUsd,
    createdAt: sentAt ?? grantedAt,
  });
}
