/** Where a video's finished clip is to be fetched, read off its submission; a link that did not serve is asked for anew. */

import { findCurrentSubmission, renewResult, type SubmissionRow } from '../catalog/submissions.ts';
import { findVideo } from '../catalog/videos.ts';
import { hostAndPort } from '../domain/address.ts';
import type { Passage } from '../domain/passage.ts';
import { type ClipPlace, providerOf } from '../domain/provider.ts';
import type { TaskEnd } from '../domain/submission.ts';
import type { ArchivedClip, StoredClip, Video } from '../domain/video.ts';
import { callFor, findAccount, type SubmissionDependencies, timingOf } from './dependencies.ts';

/** Where a video's clip waits to be fetched. */
export interface ResultSource extends ClipPlace {
  /** Where else it may be; null where nothing is known of another place. */
  readonly otherwise: ClipPlace | null;
  /** What a link without a host of its own is relative to. */
  readonly baseUrl: string;
  readonly account: string;
  readonly trustedHosts: readonly string[];
  /** Null when the account has vanished from the configuration. */
  readonly apiKey: string | null;
  /** The headers that carry the key there; as a bearer token where absent. */
  readonly keyHeaders?: Readonly<Record<string, string>> | undefined;
  /** For the base URL's origin. */
  readonly headers: Passage['headers'] | undefined;
  readonly proxies: Passage['proxies'] | undefined;
  /** When the link dies; null where the upstream does not say. */
  readonly expiresAt: Date | null;
  /** How long a result that cannot be had yet is asked for again (milliseconds). */
  readonly retryMs: number;
  /** Since when it could not be had; null before that. */
  readonly notReadySince: Date | null;
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
  if (!submission) return null;
  const notReadySince = video && sinceNotReady(video);
  const renewed = notReadySince ? await pollAgain(dependencies, submission) : submission;
  const source = sourceOf(dependencies, renewed);
  return source && { ...source, notReadySince };
}

function sinceNotReady({ waitingFor }: Video): Date | null {
  return waitingFor?.kind === 'result_not_ready' ? new Date(waitingFor.since) : null;
}

/** The task may have another link by now; a poll that fails changes nothing. */
async function pollAgain(dependencies: SubmissionDependencies, submission: SubmissionRow): Promise<SubmissionRow> {
  const { taskEnd, taskId } = submission;
  const call = callFor(dependencies, submission);
  if (!call || taskId === null || taskEnd?.kind !== 'succeeded') return submission;
  const status = await providerOf(dependencies.providers, submission)
    .poll(taskId, call)
    .catch(() => null);
  const result = status?.kind === 'succeeded' ? status.result : null;
  if (!result || result.url === taskEnd.resultUrl) return submission;
  const { url: resultUrl, needsKey, otherwise, expiresAtMs } = result;
  const expiresAt = expiresAtMs === null ? taskEnd.expiresAt : new Date(expiresAtMs).toISOString();
  const renewed: TaskEnd = { ...taskEnd, resultUrl, needsKey, otherwise, expiresAt };
  await renewResult(dependencies.db, submission.id, renewed);
  return { ...submission, taskEnd: renewed };
}

/** Where the clip of a submission is to be fetched; null where there is no link to one. */
export function sourceOf(dependencies: SubmissionDependencies, submission: SubmissionRow): ResultSource | null {
  const { taskEnd, baseUrl } = submission;
  if (taskEnd?.kind !== 'succeeded' || taskEnd.resultUrl === null) return null;
  const account = findAccount(dependencies, submission.account);
  // Secrets are shown to the host that they are for, and to no other that the account had before.
  const isOwn = account?.baseUrl === baseUrl;
  return {
    url: taskEnd.resultUrl,
    baseUrl,
    needsKey: taskEnd.needsKey,
    otherwise: taskEnd.otherwise ?? null,
    account: submission.account,
    apiKey: isOwn ? account.apiKey : null,
    keyHeaders: isOwn ? providerOf(dependencies.providers, submission).keyHeaders?.(account.apiKey) : undefined,
    headers: isOwn ? account.passage?.headers : undefined,
    proxies: account?.passage?.proxies,
    // Where the account's own requests go, its results may lie.
    trustedHosts: [...(account?.trustedHosts ?? []), hostAndPort(new URL(baseUrl))],
    expiresAt: new Date(taskEnd.expiresAt),
    retryMs: timingOf(dependencies, submission).resultRetryMs,
    notReadySince: null,
  };
}
