/** Where a video's finished clip is to be fetched, read off its submission. */

import { findCurrentSubmission, type SubmissionRow } from '../catalog/submissions.ts';
import { findVideo } from '../catalog/videos.ts';
import { hostAndPort } from '../domain/address.ts';
import type { ArchivedClip, StoredClip } from '../domain/video.ts';
import { findAccount, type SubmissionDependencies } from './dependencies.ts';

/** Where a video's clip waits to be fetched. */
export interface ResultSource {
  readonly url: string;
  /** The link is the provider's own, made from the account's base URL: its origin gets the account's key. */
  readonly needsKey: boolean;
  readonly account: string;
  readonly trustedHosts: readonly string[];
  /** Null when the account has vanished from the configuration. */
  readonly apiKey: string | null;
  /** When the link dies; null where the upstream does not say. */
  readonly expiresAt: Date | null;
}

/** Where the clip is, what lies in the store already, or the archive that is there already. */
export type FoundResult = ResultSource | { readonly stored: StoredClip } | { readonly archived: ArchivedClip };

/** Where a video's clip is; null where its task has not ended, as in an older copy of the catalog. */
export async function findResult(dependencies: SubmissionDependencies, videoId: string): Promise<FoundResult | null> {
  const video = await findVideo(dependencies.db, videoId);
  if (video?.archive) return { archived: video.archive };
  const submission = await findCurrentSubmission(dependencies.db, videoId);
  const taskEnd = submission?.taskEnd;
  if (taskEnd?.kind === 'succeeded' && taskEnd.stored) return { stored: taskEnd.stored };
  return submission && sourceOf(dependencies, submission);
}

/** Where the clip of a submission is to be fetched; null where there is no link to one. */
export function sourceOf(dependencies: SubmissionDependencies, submission: SubmissionRow): ResultSource | null {
  const { taskEnd, baseUrl } = submission;
  if (taskEnd?.kind !== 'succeeded' || taskEnd.resultUrl === null) return null;
  const account = findAccount(dependencies, submission.account);
  return {
    url: taskEnd.resultUrl,
    needsKey: taskEnd.needsKey,
    account: submission.account,
    apiKey: account?.apiKey ?? null,
    // Where the account's own requests go, its results may lie.
    trustedHosts: [...(account?.trustedHosts ?? []), hostAndPort(new URL(baseUrl))],
    expiresAt: new Date(taskEnd.expiresAt),
  };
}
