/** Where a video's finished clip is to be fetched, read off its submission. */

import { ApplicationFailure } from '@temporalio/common';
import { findCurrentSubmission, type SubmissionRow } from '../src/catalog/submissions.ts';
import { findVideo } from '../src/catalog/videos.ts';
import type { FoundResult, ResultSource } from './archive-video.ts';
import { type ActivityDependencies, findAccount } from './dependencies.ts';

/** `host:port` as trusted hosts are written. */
function hostOf(baseUrl: string): string {
  const { hostname, port, protocol } = new URL(baseUrl);
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
}

/** Makes `readResult` of the archive activity. */
export function createResultReader(dependencies: ActivityDependencies) {
  return async (videoId: string): Promise<FoundResult> => {
    const video = await findVideo(dependencies.db, videoId);
    if (video?.archive) return { archived: video.archive };
    const submission = await findCurrentSubmission(dependencies.db, videoId);
    const taskEnd = submission?.taskEnd;
    if (taskEnd?.kind === 'succeeded' && taskEnd.stored) return { stored: taskEnd.stored };
    const source = submission && sourceOf(dependencies, submission);
    // An older copy of the catalog, in which the task has not ended yet: the workflow opens the video again.
    if (!source) throw ApplicationFailure.nonRetryable(`video ${videoId} has no result to archive`, 'no_result');
    return source;
  };
}

/** Where the clip of a submission is to be fetched; null where there is no link to one. */
export function sourceOf(dependencies: ActivityDependencies, submission: SubmissionRow): ResultSource | null {
  const { taskEnd, baseUrl } = submission;
  if (taskEnd?.kind !== 'succeeded' || taskEnd.resultUrl === null) return null;
  const account = findAccount(dependencies, submission.account);
  return {
    url: taskEnd.resultUrl,
    needsKey: taskEnd.needsKey,
    account: submission.account,
    apiKey: account?.apiKey ?? null,
    // Where the account's own requests go, its results may lie.
    trustedHosts: [...(account?.trustedHosts ?? []), hostOf(baseUrl)],
    expiresAt: new Date(taskEnd.expiresAt),
  };
}
