/** The snapshots of videos that our own routes show: everything about them, absent things null. */

import type { z } from 'zod';
import { lengthWarning } from '../../domain/clip-length.ts';
import type { ArchivedClip, Video } from '../../domain/video.ts';
import type { WaitingFor } from '../../domain/waiting-for.ts';
import type { videoAnswer } from '../../wire/clipyard/videos.ts';
import type { OwnRoutesOptions } from './options.ts';
import type { Printable } from './own.ts';

type Options = Pick<OwnRoutesOptions, 'gateway' | 'links' | 'workflowUrl'>;
type Snapshot = Printable<z.input<typeof videoAnswer>>;

/** The records of the catalog, with what only other parts know of the videos. */
export async function takeSnapshots(options: Options, videos: readonly Video[]): Promise<readonly Snapshot[]> {
  const print = await printer(options, videos);
  return videos.map(print);
}

/** The same of one video. */
export async function takeSnapshot(options: Options, video: Video): Promise<Snapshot> {
  return (await printer(options, [video]))(video);
}

/** Without the keys that it has in the media store. */
function bytesOf({ sha256, sizeBytes, durationMs, width, height, codec }: ArchivedClip) {
  return { sha256, sizeBytes, durationMs, width, height, codec };
}

/** Prints each of these videos. */
async function printer(options: Options, videos: readonly Video[]): Promise<(video: Video) => Snapshot> {
  const { gateway } = options;
  const [positions, waits] = await Promise.all([gateway.queuePositions(videos), gateway.waits(videos)]);
  return (video) => print(options, video, { position: positions.get(video.id), wait: waits.get(video.id) });
}

interface Waiting {
  readonly position: number | undefined;
  readonly wait: WaitingFor | undefined;
}

function print({ links, workflowUrl }: Options, video: Video, { position, wait }: Waiting): Snapshot {
  const { id, callerId, state, dialect, provider, account, taskId, progress, batchId, request, archive, failure } =
    video;
  const { lastWord, createdAt, sentAt, submittedAt, generatedAt, endedAt, expiresAt, submissions, polls } = video;
  const { estimateMicroUsd, settledMicroUsd, upstreamMicroUsd } = video;
  const { clipUrl, posterUrl } = links(video);
  return {
    id,
    caller: callerId,
    state,
    dialect,
    provider,
    account,
    model: request.model,
    taskId,
    progress,
    upstreamWord: lastWord,
    queuePosition: position ?? null,
    batchId,
    againOf: request.againOf ?? null,
    request,
    createdAt,
    sentAt,
    submittedAt,
    generatedAt,
    endedAt,
    expiresAt,
    cost: { estimateMicroUsd, settledMicroUsd, upstreamMicroUsd },
    archive: archive && { ...bytesOf(archive), warning: lengthWarning(archive, request), url: clipUrl, posterUrl },
    delivery: video.delivery,
    failure: failure && { kind: failure.kind, message: failure.message, upstream: failure.upstream },
    waitingFor: wait ?? null,
    submissions,
    polls,
    pollOffsetsMs: video.pollOffsetsMs,
    workflowUrl: workflowUrl(id),
  };
}
