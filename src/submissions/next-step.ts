/** Where a video goes on, read off its row and its current submission: why every run of a workflow is a resume. */

import { readClock } from '../catalog/clock.ts';
import { inTransaction } from '../catalog/driver/database.ts';
import { toEndedVideo } from '../catalog/ends.ts';
import { readTurn } from '../catalog/queue-order.ts';
import { findCurrentSubmission, type SubmissionRow } from '../catalog/submissions.ts';
import { lockVideo, type VideoRow } from '../catalog/videos.ts';
import { failureOf, type VideoFailure } from '../domain/failure.ts';
import { providerOf } from '../domain/provider.ts';
import type { NextStep, RunningTask } from '../domain/step.ts';
import { isInDoubt } from '../domain/submission.ts';
import { type SubmissionDependencies, timingOf } from './dependencies.ts';

/** The task of a running submission, with all that its workflow needs to watch it. */
export function toRunningTask(
  dependencies: SubmissionDependencies,
  video: VideoRow,
  submission: SubmissionRow,
): RunningTask {
  const { id, n, account, provider, baseUrl, upstreamModel, taskId, runningAt } = submission;
  const { facts } = providerOf(dependencies.providers, submission);
  if (taskId === null || runningAt === null) throw new Error(`submission ${id} has no task`);
  const { resultRetryMs: _, ...timing } = timingOf(dependencies, submission);
  return {
    submissionId: id,
    n,
    account,
    provider,
    baseUrl,
    upstreamModel,
    taskId,
    submittedAt: runningAt.toISOString(),
    expiresAt: new Date(runningAt.getTime() + facts.resultTtlMs).toISOString(),
    timing,
    ...deadlineOf(video, runningAt.getTime() + timing.deadlineMs),
    cancels: facts.cancels,
    polls: video.polls,
    progress: video.progress,
  };
}

/** No clip is waited for beyond its expiry. */
function withinExpiry({ expiresAt, hiddenAt }: VideoRow, untilMs: number): number {
  // Where its caller has deleted it meanwhile, its media have no time left, and its task goes on (X9).
  return hiddenAt === null ? Math.min(expiresAt.getTime(), untilMs) : untilMs;
}

/** The generating has its own time; no clip is waited for beyond its expiry, nor beyond what its caller said. */
function deadlineOf(video: VideoRow, generatingUntilMs: number) {
  const { endBeforeAt } = video;
  const expiresMs = withinExpiry(video, generatingUntilMs);
  const endBeforeMs = endBeforeAt?.getTime() ?? Number.POSITIVE_INFINITY;
  return {
    deadlineAt: new Date(Math.min(expiresMs, endBeforeMs)).toISOString(),
    onDeadline: endBeforeMs < expiresMs ? ('cancelled' as const) : ('expired' as const),
  };
}

/** The end of a video whose task made nothing to archive; null when there is something. */
export function failureOfTask({ taskEnd }: SubmissionRow): VideoFailure | null {
  if (taskEnd?.kind === 'failed') {
    const message = taskEnd.upstream.message ?? 'the upstream reports a failure without a reason';
    return { kind: 'upstream_failed', message, upstream: taskEnd.upstream };
  }
  if (taskEnd?.resultUrl === null && taskEnd.stored === undefined) {
    return failureOf('upstream_no_output', 'the upstream reports success without a link to the result');
  }
  return null;
}

function stepAfterTask(dependencies: SubmissionDependencies, video: VideoRow, submission: SubmissionRow): NextStep {
  const failure = failureOfTask(submission);
  if (failure) return { step: 'end', state: 'failed', failure };
  const { taskEnd, taskId, runningAt } = submission;
  const untilMs = withinExpiry(video, taskEnd?.kind === 'succeeded' ? Date.parse(taskEnd.expiresAt) : 0);
  // What came with the create's answer has no task that could be polled: a run remembers that it sent one.
  const isDelivered = taskEnd?.kind === 'succeeded' && taskEnd.stored !== undefined;
  const hasTask = taskId !== null && runningAt !== null && !isDelivered;
  return {
    step: 'archive',
    resultExpiresAt: new Date(untilMs).toISOString(),
    ...(hasTask && { task: toRunningTask(dependencies, video, submission) }),
  };
}

const CANCELLED: NextStep = { step: 'end', state: 'cancelled', failure: failureOf('cancelled') };

const NOT_BEGUN: NextStep = {
  step: 'end',
  state: 'expired',
  failure: failureOf('deadline_exceeded', 'no slot came free in the time it had'),
};

function isPast(at: Date | null, now: Date): boolean {
  return at !== null && at <= now;
}

/** The step that the rows call for at this time of the catalog's clock. */
export function nextStepOf(
  dependencies: SubmissionDependencies,
  video: VideoRow,
  { submission, now }: { readonly submission: SubmissionRow | null; readonly now: Date },
): NextStep {
  const ended = video.endedAt !== null;
  // A clip that is made already is brought home, also when its time is up.
  const isTimeUp = submission?.state !== 'ended' && isPast(video.endBeforeAt, now);
  const isToBeCancelled = !ended && (video.cancelRequestedAt !== null || isTimeUp);
  if (submission?.state === 'running') {
    const task = toRunningTask(dependencies, video, submission);
    if (isToBeCancelled) return { step: 'cancel', task };
    const stops = video.state === 'cancelled' && task.cancels;
    return { step: 'watch', task, ended, ...(stops && { stops }), ...(ended && { end: toEndedVideo(video) }) };
  }
  // Also after the end it has to be found out whether there is a task: it has a slot, and perhaps a bill.
  if (ended && !(submission && isInDoubt(submission))) return { step: 'ended', end: toEndedVideo(video) };
  // A create that is being sent is waited for; everything else ends at once.
  if (isToBeCancelled && submission?.state !== 'sending') return CANCELLED;
  switch (submission?.state) {
    case 'sending':
    case 'unconfirmed':
      return {
        step: 'confirm',
        submissionId: submission.id,
        account: submission.account,
        provider: submission.provider,
        lookAgainMs: 0,
        reason: 'the create was interrupted',
        ...(ended && { ended }),
      };
    case 'ended':
      return stepAfterTask(dependencies, video, submission);
    case 'granted': {
      const { id: submissionId, account, provider } = submission;
      return video.queueDeadlineAt > now ? { step: 'submit', submissionId, account, provider } : NOT_BEGUN;
    }
    default:
      if (video.queueDeadlineAt <= now) return NOT_BEGUN;
      return {
        step: 'slot',
        queueDeadlineAt: video.queueDeadlineAt.toISOString(),
        ...(isPast(video.endBeforeAt, video.queueDeadlineAt) && { onDeadline: 'cancelled' }),
      };
  }
}

/** The step that the catalog calls for now: `open` when it has lost the video. */
export async function readNextStep(dependencies: SubmissionDependencies, videoId: string): Promise<NextStep> {
  return await inTransaction(dependencies.db, async (tx) => {
    const video = await lockVideo(tx, videoId);
    if (!video) return { step: 'open' };
    const submission = await findCurrentSubmission(tx, videoId);
    const next = nextStepOf(dependencies, video, { submission, now: await readClock(tx) });
    if (next.step !== 'slot') return next;
    const turn = await readTurn(tx, videoId);
    if (turn === null) return next;
    return { ...next, isQueued: true, ...(turn.askAgainMs !== null && { lookAgainMs: turn.askAgainMs }) };
  });
}
