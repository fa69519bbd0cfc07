/** What became of a create whose answer was lost: the evidence is gathered, judged, and the verdict carried out. */

import { findAccountRow } from '../catalog/accounts.ts';
import { readClock } from '../catalog/clock.ts';
import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { endVideo } from '../catalog/ends.ts';
import { bookOrphan } from '../catalog/orphans.ts';
import { grantSlotsOfAccount, returnToQueue } from '../catalog/slots.ts';
import {
  concludeDoubt,
  countLostCreates,
  leaveLane,
  noteEmptyList,
  noteListUnreadable,
  type SubmissionRow,
} from '../catalog/submissions.ts';
import { findVideoRow, type VideoRow } from '../catalog/videos.ts';
import {
  type Doubt,
  type DoubtReason,
  type Evidence,
  GIVEN_UP,
  judge,
  LANE_MS,
  UNREADABLE_LIST_MS,
  type Verdict,
  WRITE_DOWN_MS,
} from '../domain/doubt.ts';
import type { NextStep } from '../domain/step.ts';
import { removeUnshown } from '../media/remove-media.ts';
import { listWindowOf, readList, sightIn } from './account-list.ts';
import { announceGrants } from './announce-grants.ts';
import { findAccount, honoursKey, type SubmissionDependencies } from './dependencies.ts';
import { freeSlot } from './free-slot.ts';
import { nextStepOf, readNextStep } from './next-step.ts';
import { enterDoubt, recordStarted } from './record.ts';
import { sendAgain } from './send-again.ts';
import { waitInDoubt } from './wait-in-doubt.ts';

/** Finds out what can be found out now, and says where the video goes on. */
export async function confirm(dependencies: SubmissionDependencies, given: SubmissionRow): Promise<NextStep> {
  const now = await readClock(dependencies.db);
  const submission = isGone(given, now) ? await doubted(dependencies, given) : given;
  if (submission === null) return await readNextStep(dependencies, given.videoId);
  const video = await findVideoRow(dependencies.db, submission.videoId);
  if (!video) return { step: 'open' };
  const next = nextStepOf(dependencies, video, { submission, now });
  if (next.step !== 'confirm') return next;
  const evidence = await gather(dependencies, { submission, video, now });
  const doubt = await readDoubt(dependencies, { submission, video, now });
  return await carryOut(dependencies, { submission, video, doubt, evidence }, judge(doubt, evidence));
}

/** Whether no attempt that sends the create can write an answer down any more: its process has gone. */
function isGone({ state, sendUntil }: SubmissionRow, now: Date): boolean {
  return state === 'sending' && sendUntil !== null && now.getTime() > sendUntil.getTime() + WRITE_DOWN_MS;
}

/** From then on the create's answer is a lost one, which can be cancelled and resolved; null where it has been written down. */
async function doubted(dependencies: SubmissionDependencies, submission: SubmissionRow): Promise<SubmissionRow | null> {
  const upstream = { message: 'the create was interrupted' };
  return await enterDoubt(dependencies, submission, { answered: false, upstream });
}

interface Case {
  readonly submission: SubmissionRow;
  readonly video: VideoRow;
  readonly now: Date;
}

async function readDoubt({ db }: SubmissionDependencies, { submission, video, now }: Case): Promise<Doubt> {
  const { sentAt, sendUntil, state, answered } = submission;
  return {
    nowMs: now.getTime(),
    sentAtMs: (sentAt ?? now).getTime(),
    sendUntilMs: (sendUntil ?? now).getTime(),
    isSending: state === 'sending',
    answered: answered ?? false,
    lostCreates: await countLostCreates(db, submission),
    isOver: video.endedAt !== null || video.cancelRequestedAt !== null,
    expiresAtMs: video.expiresAt.getTime(),
  };
}

async function gather(dependencies: SubmissionDependencies, { submission, video, now }: Case): Promise<Evidence> {
  if (honoursKey(dependencies, submission)) return { kind: 'key' };
  const { db } = dependencies;
  const row = await findAccountRow(db, submission.account);
  const window = listWindowOf(dependencies, row);
  const { listUnreadableSince: unreadableSince, sentAt } = submission;
  if (window === null) return await nothing(dependencies, submission, now);
  // Also where it could not be read for so long that it counts as none: it may be back when the slot's hold ends.
  const reading = await readList(dependencies, submission);
  const found = reading.list && { list: reading.list, prompt: video.request.prompt, sentAt: sentAt ?? now };
  const sighting = found && (await sightIn(dependencies, submission, found));
  if (sighting === null || (sighting.isBehind && sighting.candidates.length === 0)) {
    const sinceMs = (unreadableSince ?? now).getTime();
    const isMissing = reading.list === null && reading.isMissing;
    const isNone = isMissing || now.getTime() - sinceMs >= UNREADABLE_LIST_MS;
    if (isNone) return await nothing(dependencies, submission, now);
    if (unreadableSince === null) await noteListUnreadable(db, submission.id, now);
    return { kind: 'unreadable list', sinceMs };
  }
  if (unreadableSince !== null) await noteListUnreadable(db, submission.id, null);
  const isOnItsWay = !submission.answered && submission.sendUntil !== null && now < submission.sendUntil;
  const { firstEmptyListAt } = submission;
  if (sighting.candidates.length === 0 && !isOnItsWay && firstEmptyListAt === null) {
    await noteEmptyList(db, submission.id, now);
  }
  const isProven = (await findAccountRow(db, submission.account))?.listProvenAt != null;
  const firstEmptyListAtMs = firstEmptyListAt?.getTime() ?? null;
  return { kind: 'list', ...sighting, isProven, firstEmptyListAtMs, window };
}

/** Where nothing tells, the operator has said what to do, and how long the slot stays taken. */
async function nothing(
  dependencies: SubmissionDependencies,
  { id, account, firstEmptyListAt: since }: SubmissionRow,
  now: Date,
): Promise<Evidence> {
  if (since === null) await noteEmptyList(dependencies.db, id, now);
  const { onLostAnswer = 'fail', lostAnswerHoldMs: holdMs = 0 } = findAccount(dependencies, account) ?? {};
  return { kind: 'nothing', onLostAnswer, holdMs, sinceMs: since?.getTime() ?? null };
}

interface JudgedCase extends Pick<Case, 'submission' | 'video'> {
  readonly doubt: Doubt;
  readonly evidence: Evidence;
}

async function carryOut(dependencies: SubmissionDependencies, judged: JudgedCase, verdict: Verdict): Promise<NextStep> {
  const { submission } = judged;
  switch (verdict.kind) {
    case 'adopt':
      return await recordStarted(dependencies, submission, verdict.taskId);
    case 'wait':
      return await wait(dependencies, judged, verdict);
    case 'ask again':
      return await sendAgain(dependencies, submission);
    case 'not made':
      await queueAgain(dependencies, judged, verdict);
      return await readNextStep(dependencies, submission.videoId);
    case 'give up':
      await giveUp(dependencies, judged, verdict);
      return await readNextStep(dependencies, submission.videoId);
  }
}

/** Waits; a doubt that is old gives its lane up meanwhile, and the time that its caller gave it bounds the wait. */
async function wait(
  dependencies: SubmissionDependencies,
  { submission, video: { endBeforeAt }, doubt: { nowMs, sentAtMs } }: JudgedCase,
  { afterMs: wantedMs, reason }: { readonly afterMs: number; readonly reason: DoubtReason },
): Promise<NextStep> {
  const laneLeftMs = submission.singleLane ? sentAtMs + LANE_MS - nowMs : 0;
  if (submission.singleLane && laneLeftMs <= 0) await openLane(dependencies, submission);
  const bounds = [laneLeftMs, (endBeforeAt?.getTime() ?? 0) - nowMs].filter((leftMs) => leftMs > 0);
  const afterMs = Math.min(wantedMs, ...bounds);
  return await waitInDoubt(dependencies, submission, { sinceMs: sentAtMs, nowMs, afterMs, reason });
}

/** Others go on beside a doubt that keeps its account's lane too long. */
async function openLane(dependencies: SubmissionDependencies, { id, account }: SubmissionRow): Promise<void> {
  const { db, countIncident } = dependencies;
  const left = await inTransaction(db, (tx) => leaveLane(tx, id));
  if (!left) return;
  countIncident('lane_opened', account);
  await announceGrants(dependencies, await inTransaction(db, (tx) => grantSlotsOfAccount(tx, account)));
}

/** No task was made, or none that is waited for any longer: the video is queued for another create, unless it is over. */
async function queueAgain(
  dependencies: SubmissionDependencies,
  { submission, video: { estimateMicroUsd } }: JudgedCase,
  { resendAfterMs, isCertain }: Extract<Verdict, { kind: 'not made' }>,
): Promise<void> {
  await freeSlot(dependencies, submission, async (tx, video) => {
    const closed = await concludeDoubt(tx, submission.id, isCertain ? null : estimateMicroUsd);
    const isOver = video?.endedAt !== null || video.cancelRequestedAt !== null;
    if (closed && !isOver) {
      await returnToQueue(tx, video, { to: 'head', notBeforeMs: resendAfterMs });
      dependencies.countIncident('create_repeated', submission.account);
    }
    return closed;
  });
}

/** Neither adopted nor sent again: the submission is closed with the video's end, so that no create follows in between. */
async function giveUp(
  dependencies: SubmissionDependencies,
  { submission, video, evidence }: JudgedCase,
  { reason, isCertain }: Extract<Verdict, { kind: 'give up' }>,
): Promise<void> {
  const { db, store, countIncident } = dependencies;
  countIncident('answer_given_up', submission.account);
  const failure = { kind: 'answer_lost', message: GIVEN_UP[reason], upstream: submission.lastError } as const;
  const { end, grants } = await endVideo(db, video.id, {
    state: 'failed',
    failure,
    archive: null,
    closes: async (tx) => {
      const closed = await concludeDoubt(tx, submission.id, isCertain ? null : video.estimateMicroUsd);
      if (closed && evidence.kind === 'list') await bookStrays(tx, { submission, video, evidence });
      return closed;
    },
  });
  await announceGrants(dependencies, grants);
  // A worker that was killed may have stored the clip already.
  await removeUnshown(store, video.id, end);
}

/** What can be a task of this video and of no other takes a slot at the upstream until it has ended. */
async function bookStrays(
  tx: Db,
  {
    submission: { account, credential, upstreamModel },
    video: { estimateMicroUsd },
    evidence: { candidates, strangers },
  }: Pick<JudgedCase, 'submission' | 'video'> & { readonly evidence: Extract<Evidence, { kind: 'list' }> },
): Promise<void> {
  const own = candidates.map((task) => ({ ...task, estimateMicroUsd }));
  for (const { createdAtMs, model = upstreamModel, ...task } of [...own, ...strangers]) {
    const createdAt = new Date(createdAtMs ?? Date.now());
    await bookOrphan(tx, { account, credential, costMicroUsd: null, upstreamModel: model, createdAt, ...task });
  }
}
