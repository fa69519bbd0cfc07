/** What became of a create whose answer was lost: one reading of the account's list, judged. */

import { noteAccountError } from '../catalog/accounts.ts';
import type { Db } from '../catalog/driver/database.ts';
import {
  listClaimedTasks,
  noteEmptyList,
  presumeBilled,
  readClock,
  renewSubmission,
  type SubmissionRow,
  voidSubmission,
} from '../catalog/submissions.ts';
import { changeVideo, findVideo, type VideoRow } from '../catalog/videos.ts';
import { isCandidate, judge, type ListedTask } from '../domain/adoption.ts';
import type { VideoFailure } from '../domain/failure.ts';
import type { TaskList } from '../domain/provider.ts';
import type { NextStep } from '../domain/step.ts';
import { findAccount, type SubmissionDependencies } from './dependencies.ts';
import { freeSlot } from './free-slot.ts';
import { readNextStep } from './next-step.ts';
import { recordStarted } from './record.ts';

/** A list that cannot be read is asked for again after this. */
const UNREADABLE_LIST_MS = 5000;

/** What an attempt that is still sending may take to write its answer down. */
const WRITE_DOWN_MS = 1000;

type Confirmation =
  | { readonly kind: 'found'; readonly taskId: string }
  /** The rows say where to go on: no task was made and the submission was renewed, or somebody was quicker. */
  | { readonly kind: 'moved on' }
  | { readonly kind: 'doubtful'; readonly failure: VideoFailure }
  | { readonly kind: 'look again'; readonly lookAgainMs: number; readonly reason: string };

/** Nothing can be told; but as long as an attempt may still be sending, its answer may tell. */
function doubtful(message: string, { state, sendUntil }: SubmissionRow, now: Date): Confirmation {
  const leftMs = state === 'sending' && sendUntil ? sendUntil.getTime() + WRITE_DOWN_MS - now.getTime() : 0;
  if (leftMs > 0) return { kind: 'look again', lookAgainMs: leftMs, reason: 'the create may still be answered' };
  return { kind: 'doubtful', failure: { kind: 'answer_lost', message, upstream: null } };
}

async function readList(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
): Promise<TaskList | { unreadable: string }> {
  const account = findAccount(dependencies, submission.account);
  const provider = dependencies.providers[submission.provider];
  if (!account || !provider.list) return { unreadable: `account ${submission.account} cannot be asked` };
  try {
    return await provider.list({
      baseUrl: submission.baseUrl,
      apiKey: account.apiKey,
      signal: AbortSignal.timeout(dependencies.exchangeTimeoutMs),
    });
  } catch (error) {
    return { unreadable: error instanceof Error ? error.message : String(error) };
  }
}

/** Tasks in the list, which was read at `nowMs`, that can be the lost create's and belong to nobody. */
async function findCandidates(
  { db }: SubmissionDependencies,
  submission: SubmissionRow,
  { tasks, upstreamNowMs, nowMs }: TaskList & { readonly nowMs: number },
): Promise<readonly ListedTask[]> {
  const video = await findVideo(db, submission.videoId);
  if (!video || submission.sentAt === null) return [];
  // The catalog's clock, by which it was sent, is corrected by what the upstream's clock says now.
  const sentAtMs = submission.sentAt.getTime() + (upstreamNowMs - nowMs);
  const lost = { upstreamModel: submission.upstreamModel, request: video.request, sentAtMs };
  const alike = tasks.filter((task) => isCandidate(task, lost));
  const claimed = await listClaimedTasks(
    db,
    submission.account,
    alike.map(({ taskId }) => taskId),
  );
  return alike.filter(({ taskId }) => !claimed.has(taskId));
}

/** What became of the create, as the account's list shows it. */
export async function confirm(dependencies: SubmissionDependencies, submission: SubmissionRow): Promise<NextStep> {
  const confirmed = await inspect(dependencies, submission);
  switch (confirmed.kind) {
    case 'found':
      return await recordStarted(dependencies, submission, confirmed.taskId);
    case 'moved on':
      return await readNextStep(dependencies, submission.videoId);
    case 'doubtful':
      // The submission becomes void with the video's end: a worker killed in between must not find it sendable.
      return { step: 'end', state: 'failed', failure: confirmed.failure };
    case 'look again': {
      const { lookAgainMs, reason } = confirmed;
      return { step: 'confirm', submissionId: submission.id, provider: submission.provider, lookAgainMs, reason };
    }
  }
}

/** Reads the account's list once and concludes what can be concluded. */
async function inspect(dependencies: SubmissionDependencies, submission: SubmissionRow): Promise<Confirmation> {
  const { db, providers } = dependencies;
  const account = findAccount(dependencies, submission.account);
  const { listWindow } = providers[submission.provider].facts;
  // Before the list is asked for: what it shows is at least as old as this.
  const now = await readClock(db);
  const askedMs = Date.now();
  if (listWindow === null) return await withoutList(dependencies, submission, now);
  if (account?.shared) {
    return doubtful('the answer to the create was lost, and nothing tells whether it made a task', submission, now);
  }
  const list = await readList(dependencies, submission);
  if ('unreadable' in list) {
    const reason = `the list cannot be read: ${list.unreadable}`;
    await noteAccountError(db, submission.account, reason);
    return { kind: 'look again', lookAgainMs: UNREADABLE_LIST_MS, reason };
  }
  const nowMs = now.getTime() + (Date.now() - askedMs);
  const candidates = await findCandidates(dependencies, submission, { ...list, nowMs });
  const sendUntilMs = submission.sendUntil?.getTime() ?? now.getTime();
  const answered = submission.answered ?? false;
  const firstEmptyListAtMs = submission.firstEmptyListAt?.getTime() ?? null;
  const verdict = judge({ candidates, answered, sendUntilMs, firstEmptyListAtMs, nowMs: now.getTime() }, listWindow);
  switch (verdict.kind) {
    case 'adopt':
      return { kind: 'found', taskId: verdict.taskId };
    case 'ambiguous':
      return doubtful(
        'the answer to the create was lost, and more than one task of the account can be its own',
        submission,
        now,
      );
    case 'not created':
      await renew(dependencies, submission);
      return { kind: 'moved on' };
    case 'look again': {
      const counts = candidates.length === 0 && (answered || now.getTime() >= sendUntilMs);
      if (counts && firstEmptyListAtMs === null) await noteEmptyList(db, submission.id, now);
      return {
        kind: 'look again',
        lookAgainMs: verdict.afterMs,
        reason: 'no task of the account is the lost one so far',
      };
    }
  }
}

/**
 * Where nothing tells what became of a create, the operator has said what to do, and how long the slot stays taken.
 * Either way the task is taken to have been made and billed.
 */
async function withoutList(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
  now: Date,
): Promise<Confirmation> {
  const account = findAccount(dependencies, submission.account);
  const message = 'the answer to the create was lost, and nothing tells whether it made a task';
  const verdict = doubtful(message, submission, now);
  if (verdict.kind === 'look again') return verdict;
  const since = submission.firstEmptyListAt;
  if (since === null) await noteEmptyList(dependencies.db, submission.id, now);
  const leftMs = (since ?? now).getTime() + (account?.lostAnswerHoldMs ?? 0) - now.getTime();
  if (leftMs > 0)
    return { kind: 'look again', lookAgainMs: leftMs, reason: 'the slot stays taken after a lost answer' };
  const video = await findVideo(dependencies.db, submission.videoId);
  if (video) await presumeBilled(dependencies.db, submission.id, video.estimateMicroUsd);
  if (account?.onLostAnswer !== 'resubmit') return verdict;
  await renew(dependencies, submission);
  return { kind: 'moved on' };
}

/** No task was made: the video keeps its slot and is sent again under a new submission, unless it has ended. */
async function renew(dependencies: SubmissionDependencies, submission: SubmissionRow): Promise<void> {
  await freeSlot(dependencies, submission, async (tx, video) => {
    if (video?.endedAt !== null) return await voidSubmission(tx, submission.id, null);
    await sendOnceMore(tx, video, submission);
    return null;
  });
}

async function sendOnceMore(tx: Db, video: VideoRow, submission: SubmissionRow): Promise<void> {
  const renewedId = await renewSubmission(tx, submission.id);
  if (renewedId) await changeVideo(tx, video.id, { state: 'submitting', lastError: null });
}
