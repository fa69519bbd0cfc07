/** The activity that brings a finished clip into the archive; retried until its link expires. */

import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import type { ArchiveClip, InspectClip } from '../src/archive/archive-clip.ts';
import type { ArchiveProblem } from '../src/archive/archive-problem.ts';
import { NotAVideo } from '../src/archive/mp4-boxes.ts';
import type { ClipKeys } from '../src/archive/poster.ts';
import type { UpstreamWords, VideoFailureKind } from '../src/domain/failure.ts';
import type { ArchivedClip } from '../src/domain/video.ts';
import { clipKeyOf, posterKeyOf } from '../src/media/media-key.ts';
import type { FoundResult, ResultSource } from '../src/submissions/result-source.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface ArchiveDependencies extends Pick<ActivityDependencies, 'archiveClip' | 'inspectClip'> {
  findResult(videoId: string): Promise<FoundResult | null>;
}

/**
 * `archiveVideo` fails for good with the type `result_expired` or `result_invalid` and the upstream's words as its detail;
 * every other failure may be retried, and a retry goes on from the last heartbeat.
 */
export function createArchiveActivity({ findResult, archiveClip, inspectClip }: ArchiveDependencies) {
  return {
    async archiveVideo({ videoId }: { readonly videoId: string }): Promise<ArchivedClip> {
      const result = await findResult(videoId);
      // The workflow opens the video again.
      if (!result) throw ApplicationFailure.nonRetryable(`video ${videoId} has no result to archive`, 'no_result');
      if ('archived' in result) return result.archived;
      const keys = { clipKey: clipKeyOf(videoId), posterKey: posterKeyOf(videoId) };
      if ('stored' in result) return await inspect(inspectClip, { ...keys, ...result.stored });
      return await fetchClip(archiveClip, result, keys);
    },
  };
}

/** Fetches a clip in the activity of the moment; throws as `archiveVideo` fails. */
export async function fetchClip(archiveClip: ArchiveClip, result: ResultSource, keys: ClipKeys): Promise<ArchivedClip> {
  const context = Context.current();
  const outcome = await archiveClip({
    source: sourceOf(result),
    ...keys,
    signal: context.cancellationSignal,
    heartbeat: (details) => context.heartbeat(details),
    resumeFrom: context.info.heartbeatDetails,
    // A worker that shuts down, a pause or a lost lease all mean another attempt; a cancelled workflow does not.
    keepsPartial: () => context.cancellationDetails?.cancelRequested !== true,
  });
  if (outcome.kind === 'archived') return outcome.clip;
  throw toFailure(outcome.problem, result);
}

/** A clip that came with the create's answer is only read back. */
async function inspect(inspectClip: InspectClip, clip: Parameters<InspectClip>[0]): Promise<ArchivedClip> {
  try {
    return await inspectClip(clip);
  } catch (error) {
    if (!(error instanceof NotAVideo)) throw error;
    throw ApplicationFailure.create({
      message: error.message,
      type: 'result_invalid',
      nonRetryable: true,
      cause: error,
    });
  }
}

function sourceOf({ url, needsKey, account, apiKey, trustedHosts }: ResultSource) {
  if (!needsKey || !URL.canParse(url)) return { url, trustedHosts };
  if (apiKey === null) {
    throw ApplicationFailure.retryable(
      `account ${account} is not configured, and its clips need its key`,
      'account_missing',
    );
  }
  return { url, trustedHosts, authorise: { origin: new URL(url).origin, apiKey } };
}

function toFailure(problem: ArchiveProblem, { account, expiresAt }: ResultSource): ApplicationFailure {
  const upstream: UpstreamWords = problem.status === undefined ? {} : { status: problem.status };
  const message = `account ${account}: ${problem.message}`;
  const final = (type: VideoFailureKind) =>
    ApplicationFailure.create({ message, type, nonRetryable: true, details: [upstream], cause: problem });
  if (problem.kind === 'invalid') return final('result_invalid');
  const isPastExpiry = expiresAt !== null && expiresAt.getTime() <= Date.now();
  if (problem.kind === 'expired' || isPastExpiry) return final('result_expired');
  return ApplicationFailure.create({
    message,
    type: 'download_interrupted',
    details: [upstream],
    cause: problem,
    ...(problem.retryAfterMs === undefined ? {} : { nextRetryDelay: problem.retryAfterMs }),
  });
}
