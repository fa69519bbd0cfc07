/** The snapshot of a video that our own routes show: everything about it, absent things null. */

import type { Video } from '../../domain/video.ts';

/** What the catalog's record does not hold. */
export interface SnapshotFacts {
  /** 1 is next; null when the video does not wait. */
  readonly queuePosition: number | null;
  readonly clipUrl: string | null;
  readonly posterUrl: string | null;
  /** Where the workflow can be looked at; null without a Temporal UI. */
  readonly workflowUrl: string | null;
}

function instant(at: Date | null): string | null {
  return at?.toISOString() ?? null;
}

function renderArchive({ archive }: Video, { clipUrl, posterUrl }: SnapshotFacts) {
  if (archive === null) return null;
  const { sha256, sizeBytes, durationMs, width, height, codec } = archive;
  return { sha256, sizeBytes, durationMs, width, height, codec, url: clipUrl, posterUrl };
}

function renderCost({ estimateMicroUsd, settledMicroUsd, upstreamMicroUsd }: Video) {
  return { estimateMicroUsd, settledMicroUsd, upstreamMicroUsd };
}

function renderFailure({ failure }: Video) {
  if (failure === null) return null;
  return { kind: failure.kind, message: failure.message, upstream: failure.upstream };
}

/** The snapshot; times are ISO 8601, money is micro-dollars. */
export function renderVideo(video: Video, facts: SnapshotFacts) {
  const { id, state, dialect, provider, account, taskId, progress, batchId, request, submissions, polls } = video;
  return {
    id,
    state,
    dialect,
    provider,
    account,
    model: request.model,
    taskId,
    progress,
    queuePosition: facts.queuePosition,
    batchId,
    request,
    createdAt: video.createdAt.toISOString(),
    submittedAt: instant(video.submittedAt),
    generatedAt: instant(video.generatedAt),
    endedAt: instant(video.endedAt),
    expiresAt: video.expiresAt.toISOString(),
    cost: renderCost(video),
    archive: renderArchive(video, facts),
    failure: renderFailure(video),
    waitingFor: video.waitingFor,
    submissions,
    polls,
    workflowUrl: facts.workflowUrl,
  };
}

export type VideoSnapshot = ReturnType<typeof renderVideo>;
