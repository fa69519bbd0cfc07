/** Ends of videos: final state, money and event in one transaction; who comes second gets the end that is there. */

import { settlementOf } from '../domain/billing.ts';
import { failedDelivery } from '../domain/clip-delivery.ts';
import { VIDEO_FAILURES, type VideoFailure } from '../domain/failure.ts';
import { type MicroUsd, needsReview } from '../domain/money.ts';
import type { Grant } from '../domain/slot.ts';
import type { EndedVideo } from '../domain/step.ts';
import { isInDoubt, isOpenState, mayHaveTask } from '../domain/submission.ts';
import { type ArchivedClip, type EndState, failureKindOf } from '../domain/video.ts';
import { EVENT_OF_END } from '../domain/webhook.ts';
import { addBatchCost } from './batches.ts';
import { readClock } from './clock.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { recordEvent } from './events.ts';
import { release, settle } from './ledger.ts';
import { grantSlotsOfAccount, leaveQueue } from './slots.ts';
import {
  billedMicroUsd,
  concludeDoubt,
  findCurrentSubmission,
  type SubmissionRow,
  withdrawGrant,
} from './submissions.ts';
import { changeVideo, lockVideo, type VideoRow } from './videos.ts';

/** How a video is to end. */
export interface VideoEnding {
  readonly state: EndState;
  readonly failure: VideoFailure | null;
  readonly archive: ArchivedClip | null;
  /**
   * Closes the video's submission in the transaction of the end, so that no create can follow in between; null when the
   * submission has moved on, and then there is no end. When absent only a grant is withdrawn.
   */
  readonly closes?: (tx: Db) => Promise<SubmissionRow | null>;
}

/** An ended row as workflows see it. */
export function toEndedVideo(row: VideoRow): EndedVideo {
  const { state, endedAt, settledMicroUsd, failure, archive } = row;
  if (endedAt === null) throw new Error(`video ${row.id} has not ended`);
  return {
    state: state as EndState,
    endedAt: endedAt.toISOString(),
    settledMicroUsd,
    failure,
    sha256: archive?.sha256 ?? null,
    sizeBytes: archive?.sizeBytes ?? null,
  };
}

/** What a video pays when its task succeeded: by its dialect the bill or the estimate. */
async function settleBill(tx: Db, video: VideoRow): Promise<Partial<VideoRow>> {
  const billed = await billedMicroUsd(tx, video.id);
  // Only the task that was delivered: what others of the video cost is ours to lose.
  const delivered = await findCurrentSubmission(tx, video.id);
  const amountMicroUsd = settlementOf({ ...video, billedMicroUsd: delivered?.costMicroUsd ?? null });
  // Above the cap the hold stays until an operator decides.
  if (needsReview(amountMicroUsd, video.estimateMicroUsd)) return { upstreamMicroUsd: billed };
  const isSettled = await settle(tx, { callerId: video.callerId, videoId: video.id, amountMicroUsd });
  if (isSettled) await addBatchCost(tx, video.batchId, amountMicroUsd);
  return { settledMicroUsd: amountMicroUsd, upstreamMicroUsd: billed };
}

async function releaseHold(tx: Db, video: VideoRow): Promise<Partial<VideoRow>> {
  await release(tx, { callerId: video.callerId, videoId: video.id });
  return { settledMicroUsd: 0 satisfies MicroUsd, upstreamMicroUsd: await billedMicroUsd(tx, video.id) };
}

/** What a video pays that ended so: what was delivered, and else what the kind of its failure says. */
function chargeOf(ending: Pick<VideoRow, 'state' | 'failure'>) {
  const kind = failureKindOf(ending);
  return kind === null ? 'in any case' : VIDEO_FAILURES[kind].charge;
}

type Charge = ReturnType<typeof chargeOf>;

/** What becomes of the hold. */
async function decideMoney(tx: Db, video: VideoRow, charge: Charge, submission: SubmissionRow | null) {
  if (charge === 'in any case') return await settleBill(tx, video);
  if (charge === 'none') return await releaseHold(tx, video);
  // A task runs, or it is not known whether one does: who finds out decides.
  if (submission && mayHaveTask(submission)) return {};
  return submission?.taskEnd?.kind === 'succeeded' ? await settleBill(tx, video) : await releaseHold(tx, video);
}

/** What came of ending a video. */
interface Ended {
  /** Null: a doubt was to end the video, and it has been resolved meanwhile. */
  readonly end: EndedVideo | null;
  /** The account of the slot that this freed. */
  readonly freed: string | null;
  /** The batch that the video belongs to. */
  readonly batchId?: string | null;
  /** An older copy of the catalog: it does not have the video, or not the end of the task that was archived. */
  readonly isBehind?: boolean;
}

/** Gives up the slot of a video that ends; a create that may be on its way keeps it, unless its doubt is the end. */
async function giveUpSlot(
  tx: Db,
  { id }: SubmissionRow,
  { estimateMicroUsd }: VideoRow,
  { failure, closes }: VideoEnding,
): Promise<SubmissionRow | null> {
  if (closes) return await closes(tx);
  if (failure?.kind === 'answer_lost') return await concludeDoubt(tx, id, estimateMicroUsd);
  return await withdrawGrant(tx, id);
}

/** A second end of a video changes only what is left of its submission. */
async function endAgain(tx: Db, video: VideoRow, ending: VideoEnding): Promise<Ended> {
  const submission = await findCurrentSubmission(tx, video.id);
  const isLeft = submission !== null && (isInDoubt(submission) || ending.closes !== undefined);
  const closed = isLeft ? await giveUpSlot(tx, submission, video, ending) : null;
  if (closed) await settleLateEnd(tx, video, closed);
  return { end: toEndedVideo(video), freed: closed ? closed.account : null };
}

/** A video whose time ran out says what the upstream said last. */
function withLastWord({ lastWord }: VideoRow, failure: VideoFailure | null): VideoFailure | null {
  const isSilent = failure?.kind === 'deadline_exceeded' && failure.upstream === null && lastWord !== null;
  return isSilent ? { ...failure, upstream: { message: lastWord } } : failure;
}

/** No caller and no operator has cancelled a video that the time of its create (`x-end-before`) has. */
async function withItsTime(tx: Db, video: VideoRow, failure: VideoFailure | null): Promise<VideoFailure | null> {
  const { cancelRequestedAt, endBeforeAt } = video;
  if (failure?.kind !== 'cancelled' || cancelRequestedAt !== null || endBeforeAt === null) return failure;
  const message = 'it had not ended by the time that its create gave (x-end-before)';
  return endBeforeAt <= (await readClock(tx)) ? { ...failure, message } : failure;
}

/** A clip that is not there before its time is over can be fetched by no caller, and is paid by none. */
async function inTime(tx: Db, video: VideoRow, ending: VideoEnding): Promise<VideoEnding> {
  const { expiresAt, hiddenAt, delivery } = video;
  const { state, failure } = ending;
  // Its caller has it, by storage that took until now to take it.
  if (state === 'completed' && delivery?.state === 'delivered') return ending;
  const wasMade = state === 'completed' || failure?.kind === 'result_expired';
  // One that its caller has deleted meanwhile is made for the caller all the same (X9).
  if (!wasMade || hiddenAt !== null || expiresAt > (await readClock(tx))) return ending;
  const message = 'the clip was not there within the time that it is kept for';
  const upstream = failure?.upstream ?? null;
  return { state: 'expired', failure: { kind: 'deadline_exceeded', message, upstream }, archive: null };
}

/** No end leaves a delivery that is still to come, or the secret of where to; of one that was tried the last try says why. */
function undelivered({ state }: VideoEnding, { delivery }: VideoRow): Partial<VideoRow> {
  const untaken = delivery?.message ?? 'the clip was not taken in time';
  const message = state === 'completed' ? untaken : 'the video ended without a clip';
  return { deliverTo: null, delivery: failedDelivery(new Date(), message) };
}

async function enterEnd(tx: Db, videoId: string, wanted: VideoEnding): Promise<Ended> {
  const video = await lockVideo(tx, videoId);
  if (!video) return { end: null, freed: null, isBehind: true };
  const ending = await inTime(tx, video, wanted);
  if (video.endedAt !== null) return await endAgain(tx, video, ending);
  const submission = await findCurrentSubmission(tx, videoId);
  const isDoubtOver = submission === null || !isInDoubt(submission);
  const hasOpenTask = submission !== null && isOpenState(submission.state);
  if (ending.state === 'completed' && hasOpenTask) return { end: null, freed: null, isBehind: true };
  if (ending.failure?.kind === 'answer_lost' && isDoubtOver) return { end: null, freed: null };
  const withdrawn = submission && (await giveUpSlot(tx, submission, video, ending));
  if (ending.closes && !withdrawn) return { end: null, freed: null };
  await leaveQueue(tx, videoId);
  const money = await decideMoney(tx, video, chargeOf(ending), withdrawn ?? submission);
  const change: Partial<VideoRow> = {
    ...money,
    state: ending.state,
    failure: withLastWord(video, await withItsTime(tx, video, ending.failure)),
    archive: ending.archive,
    waitingFor: null,
    endedAt: new Date(),
    ...(ending.state === 'completed' && { progress: 100 }),
    ...(video.delivery?.state === 'waiting' && undelivered(ending, video)),
  };
  await changeVideo(tx, videoId, change);
  await recordEvent(tx, { callerId: video.callerId, subjectId: videoId, type: EVENT_OF_END[ending.state] });
  const { batchId } = video;
  return { end: toEndedVideo({ ...video, ...change }), freed: withdrawn ? withdrawn.account : null, batchId };
}

/**
 * Ends a video, unless it has ended: then its end stands. Slots that this frees are granted. An end for
 * `answer_lost` is none, and null, when it is known by now what became of the create. Neither is one that comes from a
 * workflow which knows more than this copy of the catalog (`isBehind`).
 */
export async function endVideo(
  db: Db,
  videoId: string,
  ending: VideoEnding,
): Promise<Pick<Ended, 'end' | 'batchId' | 'isBehind'> & { readonly grants: readonly Grant[] }> {
  const { end, freed, ...more } = await inTransaction(db, (tx) => enterEnd(tx, videoId, ending));
  // On its own, since the pool's lock comes before those of videos and callers; should it be missed, the sweep grants.
  const grants = freed === null ? [] : await inTransaction(db, (tx) => grantSlotsOfAccount(tx, freed));
  return { end, grants, ...more };
}

/**
 * Settles a video that had ended before its task did, now that the task is over or certainly was none. It locks the
 * caller, so it comes last in its transaction.
 */
export async function settleLateEnd(tx: Db, video: VideoRow, submission: SubmissionRow): Promise<void> {
  const charge = chargeOf(video);
  const undecided = charge === 'if completed' && video.settledMicroUsd === null;
  const money = undecided
    ? await decideMoney(tx, video, charge, submission)
    : { upstreamMicroUsd: await billedMicroUsd(tx, video.id) };
  await changeVideo(tx, video.id, money);
}
