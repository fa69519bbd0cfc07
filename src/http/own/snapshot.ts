/** The snapshot of a video that our own routes show: everything about it, absent things null. */

import type { z } from 'zod';
import type { ArchivedClip, Video } from '../../domain/video.ts';
import type { videoAnswer } from '../../wire/clipyard.ts';
import type { OwnRoutesOptions } from './options.ts';
import type { Printable } from './own.ts';

/** Without the keys that it has in the media store. */
function bytesOf({ sha256, sizeBytes, durationMs, width, height, codec }: ArchivedClip) {
  return { sha256, sizeBytes, durationMs, width, height, codec };
}

/** The record of the catalog, with what only other parts know of the video. */
export async function takeSnapshot(
  { gateway, links, workflowUrl }: Pick<OwnRoutesOptions, 'gateway' | 'links' | 'workflowUrl'>,
  video: Video,
): Promise<Printable<z.input<typeof videoAnswer>>> {
  const { id, state, dialect, provider, account, taskId, progress, batchId, request, archive, failure } = video;
  const { createdAt, submittedAt, generatedAt, endedAt, expiresAt, lastError, submissions, polls } = video;
  const { estimateMicroUsd, settledMicroUsd, upstreamMicroUsd } = video;
  const { clipUrl, posterUrl } = links(video);
  return {
    id,
    state,
    dialect,
    provider,
    account,
    model: request.model,
    taskId,
    progress,
    queuePosition: state === 'queued' ? await gateway.queuePosition(video) : null,
    batchId,
    request,
    createdAt,
    submittedAt,
    generatedAt,
    endedAt,
    expiresAt,
    cost: { estimateMicroUsd, settledMicroUsd, upstreamMicroUsd },
    archive: archive && { ...bytesOf(archive), url: clipUrl, posterUrl },
    failure: failure && { kind: failure.kind, message: failure.message, upstream: failure.upstream },
    lastError,
    submissions,
    polls,
    workflowUrl: workflowUrl(id),
  };
}
