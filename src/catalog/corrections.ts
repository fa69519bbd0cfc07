/** What operators decide about a video's money after its end: a refund, or the cost of one held for review. */

import { Refusal } from '../domain/failure.ts';
import type { MicroUsd } from '../domain/money.ts';
import { isOpenState } from '../domain/submission.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { refund, settle } from './ledger.ts';
import { findCurrentSubmission } from './submissions.ts';
import { changeVideo, lockVideo, type VideoRow } from './videos.ts';

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
    throw new Refusal('conflict', `the cost of video ${video.id} was decided: ${video.settledMicroUsd} micro-dollars`);
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
    await changeVideo(tx, id, { settledMicroUsd: amountMicroUsd });
  });
}
