/** Where a video goes on, read off its row and its current submission: why every run of a workflow is a resume. */

import { inTransaction } from '../catalog/driver/database.ts';
import { toEndedVideo } from '../catalog/ends.ts';
import { pauseEndsAt } from '../catalog/queue-order.ts';
import { findCurrentSubmission, type SubmissionRow } from '../catalog/submissions.ts';
import { lockVideo, type VideoRow } from '../catalog/videos.ts';
import type { VideoFailure } from '../domain/failure.ts';
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
  const { facts } = dependencies.providers[provider];
  if (taskId === null || runningAt === null) throw new Error(`submission ${id} has no task`);
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
    timing: timingOf(dependencies, submission),
    cancels: facts.cancels,
    polls: video.polls,
    progress: video.progress,
  };
}

/** The end of a video whose task made nothing to archive; null when there is something. */
export function failureOfTask({ taskEnd }: SubmissionRow): VideoFailure | null {
  if (taskEnd?.kind === 'failed') {
    const message = taskEnd.upstream.message ?? 'the upstream reports a failure without a reason';
    return { kind: 'upstream_failed', message, upstream: taskEnd.upstream };
  }
  if (taskEnd?.resultUrl === null && taskEnd.stored === undefined) {
    return {
      kind: 'upstream_no_output',
      message: 'the upstream reports success without a link to the result',
      upstream: null,
    };
  }
  return null;
}

function stepAfterTask(dependencies: SubmissionDependencies, video: VideoRow, submission: SubmissionRow): NextStep {
  const failure = failureOfTask(submission);
  if (failure) return { step: 'end', state: 'failed', failure };
  const resultExpiresAt = submission.taskEnd?.kind === 'succeeded' ? submission.taskEnd.expiresAt : '';
  const hasTask = submission.taskId !== null && submission.runningAt !== null;
  return { step: 'archive', resultExpiresAt, ...(hasTask && { task: toRunningTask(dependencies, video, submission) }) };
}

/** The step that the rows call for. */
export function nextStepOf(
  dependencies: SubmissionDependencies,
  video: VideoRow,
  submission: SubmissionRow | null,
): NextStep {
  const ended = video.endedAt !== null;
  if (submission?.state === 'running') {
    return { step: 'watch', task: toRunningTask(dependencies, video, submission), ended };
  }
  // Also after the end somebody has to find out whether there is a task: it has a slot, and perhaps a bill.
  if (ended && !(submission && isInDoubt(submission))) return { step: 'ended', end: toEndedVideo(video) };
  switch (submission?.state) {
    case 'granted':
      return {
        step: 'submit',
        submissionId: submission.id,
        account: submission.account,
        provider: submission.provider,
      };
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
    default:
      return { step: 'slot', queueDeadlineAt: video.queueDeadlineAt.toISOString() };
  }
}

/** The step that the catalog calls for now: `open` when it has lost the video. */
export async function readNextStep(dependencies: SubmissionDependencies, videoId: string): Promise<NextStep> {
  return await inTransaction(dependencies.db, async (tx) => {
    const video = await lockVideo(tx, videoId);
    if (!video) return { step: 'open' };
    const next = nextStepOf(dependencies, video, await findCurrentSubmission(tx, videoId));
    if (next.step !== 'slot') return next;
    // Nobody grants when a pause runs out: the head of the queue asks again then.
    const resumesAt = await pauseEndsAt(tx, videoId);
    return resumesAt ? { ...next, lookAgainMs: Math.max(resumesAt.getTime() - Date.now(), 0) + 50 } : next;
  });
}
