/** The activity that brings a finished clip into the archive; retried until its link expires, or patience with it ends. */

import { Context } from '@temporalio/activity';
import type { ArchiveClip, InspectClip } from '../src/archive/archive-clip.ts';
import type { ArchiveProblem } from '../src/archive/archive-problem.ts';
import { NotAVideo } from '../src/archive/mp4-boxes.ts';
import type { ClipKeys } from '../src/archive/poster.ts';
import { findDeliveryTarget } from '../src/catalog/clip-deliveries.ts';
import { noteWaiting } from '../src/catalog/videos.ts';
import type { UpstreamWords } from '../src/domain/failure.ts';
import type { ClipPlace } from '../src/domain/provider.ts';
import { nextResultDelayMs } from '../src/domain/result-schedule.ts';
import type { ArchivedClip } from '../src/domain/video.ts';
import { WAITING_KINDS, type WaitingFor } from '../src/domain/waiting-for.ts';
import { clipKeyOf, posterKeyOf } from '../src/media/media-key.ts';
import { noteLength } from '../src/submissions/note-length.ts';
import { type FoundResult, findResult, type ResultSource } from '../src/submissions/result-source.ts';
import { activityFailure } from './activity-failure.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface ArchiveDependencies extends Pick<ActivityDependencies, 'archiveClip' | 'inspectClip'> {
  findResult(videoId: string): Promise<FoundResult | null>;
  /** Says in the video's row what it waits for, and since when. */
  noteWaiting(videoId: string, waitingFor: WaitingFor): Promise<unknown>;
  /** Whether the clip is to be delivered once it is archived. */
  waitsForDelivery(videoId: string): Promise<boolean>;
  /** Takes note of what has just been archived. */
  noteArchived(videoId: string, clip: ArchivedClip): Promise<void>;
}

/** The archive, and whether its clip is to be delivered: so workflows of before go on as they began. */
export type ArchiveResult = ArchivedClip & { readonly deliver?: true };

/**
 * `archiveVideo` fails for good with the type `result_expired` or `result_invalid` and the upstream's words as its detail;
 * every other failure may be retried, and a retry goes on from the last heartbeat.
 */
export function createArchiveActivity(dependencies: ArchiveDependencies) {
  const { findResult, noteWaiting, waitsForDelivery, noteArchived, archiveClip, inspectClip } = dependencies;

  /** The result cannot be had yet: a later attempt asks for it again, at a link that may be another one by then. */
  async function waitForResult(videoId: string, problem: ArchiveProblem, result: ResultSource) {
    const { attempt } = Context.current().info;
    const nowMs = Date.now();
    const since = result.notReadySince ?? new Date(nowMs);
    const leftMs = patienceOf({ ...result, notReadySince: since }).getTime() - nowMs;
    // The last attempt is made when patience ends.
    const delayMs = Math.max(Math.min(nextResultDelayMs(attempt, problem.retryAfterMs), leftMs), 1);
    await noteWaiting(videoId, {
      kind: 'result_not_ready',
      since: since.toISOString(),
      until: new Date(nowMs + delayMs).toISOString(),
      detail: `${WAITING_KINDS.result_not_ready}: ${problem.message}`,
    });
    const details = { upstream: wordsOf(problem), cause: problem, retryAfterMs: delayMs };
    return activityFailure('result_not_ready', problem.message, details);
  }

  async function fetch(videoId: string, result: ResultSource, keys: ClipKeys): Promise<ArchivedClip> {
    const { notReadySince, expiresAt } = result;
    const untilAt = notReadySince === null ? expiresAt : patienceOf({ ...result, notReadySince });
    const fetched = await fetchClip(archiveClip, result, { ...keys, expiresAt: untilAt });
    if (fetched.kind === 'archived') return fetched.clip;
    throw await waitForResult(videoId, fetched.problem, result);
  }

  async function archive(videoId: string): Promise<ArchivedClip> {
    const result = await findResult(videoId);
    // The workflow opens the video again.
    if (!result) throw activityFailure('no_result', `video ${videoId} has no result to archive`);
    if ('archived' in result) return result.archived;
    const keys = { clipKey: clipKeyOf(videoId), posterKey: posterKeyOf(videoId) };
    const clip =
      'stored' in result
        ? await inspect(inspectClip, { ...keys, ...result.stored })
        : await fetch(videoId, result, keys);
    await noteArchived(videoId, clip);
    return clip;
  }

  return {
    async archiveVideo({ videoId }: { readonly videoId: string }): Promise<ArchiveResult> {
      const clip = await archive(videoId);
      return (await waitsForDelivery(videoId)) ? { ...clip, deliver: true } : clip;
    },
  };
}

/** The same over the catalog and the accounts' upstreams. */
export function createArchiveActivities(dependencies: ActivityDependencies) {
  const { db } = dependencies;
  return createArchiveActivity({
    ...dependencies,
    findResult: (videoId) => findResult(dependencies, videoId),
    noteWaiting: (videoId, waitingFor) => noteWaiting(db, videoId, waitingFor),
    waitsForDelivery: async (videoId) => (await findDeliveryTarget(db, videoId)) !== null,
    noteArchived: (videoId, clip) => noteLength(dependencies, videoId, clip),
  });
}

/** Until when a result that cannot be had is asked for: its link's life bounds it. */
function patienceOf({ expiresAt, notReadySince, retryMs }: ResultSource & { readonly notReadySince: Date }): Date {
  const patientUntilMs = notReadySince.getTime() + retryMs;
  return new Date(Math.min(patientUntilMs, expiresAt?.getTime() ?? Number.POSITIVE_INFINITY));
}

export interface FetchOrder extends ClipKeys {
  readonly expiresAt: Date | null;
}

/** A clip in the archive, or a problem that may pass. */
export type Fetched =
  | { readonly kind: 'archived'; readonly clip: ArchivedClip }
  | { readonly kind: 'later'; readonly problem: ArchiveProblem };

/** Fetches a clip in the activity of the moment; throws what is final as `archiveVideo` fails. */
export async function fetchClip(archiveClip: ArchiveClip, result: ResultSource, order: FetchOrder): Promise<Fetched> {
  const context = Context.current();
  const fetchFrom = (place: ClipPlace, resumeFrom: unknown) =>
    archiveClip({
      source: sourceOf({ ...result, ...place }),
      ...order,
      signal: context.cancellationSignal,
      heartbeat: (details) => context.heartbeat(details),
      resumeFrom,
      // A worker that shuts down, a pause or a lost lease all mean another attempt; a cancelled workflow does not.
      keepsPartial: () => context.cancellationDetails?.cancelRequested !== true,
    });
  const first = await fetchFrom(result, context.info.heartbeatDetails);
  if (first.kind === 'archived') return first;
  const problems = [first.problem];
  for (const place of otherPlaces(result, first.problem)) {
    const outcome = await fetchFrom(place, null);
    if (outcome.kind === 'archived') return outcome;
    problems.push(outcome.problem);
  }
  // What may pass at one place may pass.
  const problem = problems.find(({ kind }) => kind === 'later') ?? first.problem;
  if (problem.kind === 'later') return { kind: 'later', problem };
  const type = problem.kind === 'invalid' ? 'result_invalid' : 'result_expired';
  const message = `account ${result.account}: ${problem.message}`;
  throw activityFailure(type, message, { upstream: wordsOf(problem), cause: problem });
}

const WANTS_KEY: readonly (number | undefined)[] = [401, 403];

/** Where a clip may be that a link did not give; a download that broke off goes on where it is. */
function otherPlaces(result: ResultSource, { status, hasBegun }: ArchiveProblem): readonly ClipPlace[] {
  const { url, needsKey, otherwise, apiKey } = result;
  if (hasBegun) return [];
  // A link to the upstream's own files may want the key as its other routes do.
  const isOpenable = !needsKey && apiKey !== null && isOwnLink(result) && WANTS_KEY.includes(status);
  return [...(isOpenable ? [{ url, needsKey: true }] : []), ...(otherwise === null ? [] : [otherwise])];
}

function isOwnLink({ url, baseUrl }: ResultSource): boolean {
  return URL.canParse(url, baseUrl) && new URL(url, baseUrl).origin === new URL(baseUrl).origin;
}

/** A clip that came with the create's answer is only read back. */
async function inspect(inspectClip: InspectClip, clip: Parameters<InspectClip>[0]): Promise<ArchivedClip> {
  try {
    return await inspectClip(clip);
  } catch (error) {
    if (!(error instanceof NotAVideo)) throw error;
    throw activityFailure('result_invalid', error.message, { cause: error });
  }
}

function sourceOf({
  url,
  baseUrl,
  needsKey,
  account,
  apiKey,
  headers,
  keyHeaders,
  proxies,
  trustedHosts,
}: ResultSource) {
  const place = { url, baseUrl, trustedHosts, proxies };
  if (!needsKey || !URL.canParse(url, baseUrl))
    return { ...place, authorise: { origin: new URL(baseUrl).origin, headers } };
  if (apiKey === null) {
    throw activityFailure('account_missing', `account ${account} is not configured, and its clips need its key`);
  }
  const { origin } = new URL(url, baseUrl);
  if (keyHeaders) return { ...place, authorise: { origin, headers: { ...headers, ...keyHeaders } } };
  return { ...place, authorise: { origin, apiKey, headers } };
}

function wordsOf({ status }: ArchiveProblem): UpstreamWords {
  return status === undefined ? {} : { status };
}
