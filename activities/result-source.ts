/** Where a video's finished clip is to be fetched, read off its submission. */

import { ApplicationFailure } from '@temporalio/common';
import { findCurrentSubmission } from '../src/catalog/submissions.ts';
import { findVideo } from '../src/catalog/videos.ts';
import type { FoundResult } from './archive-video.ts';
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
    if (!submission || taskEnd?.kind !== 'succeeded' || taskEnd.resultUrl === null) {
      throw ApplicationFailure.retryable(`video ${videoId} has no result to archive`, 'no_result');
    }
    const account = findAccount(dependencies, submission.account);
    return {
      url: taskEnd.resultUrl,
      needsKey: taskEnd.needsKey,
      account: submission.account,
      apiKey: account?.apiKey ?? null,
      // Where the account's own requests go, its results may lie.
      trustedHosts: [...(account?.trustedHosts ?? []), hostOf(submission.baseUrl)],
      expiresAt: new Date(taskEnd.expiresAt),
    };
  };
}
