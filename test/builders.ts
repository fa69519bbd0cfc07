/** Complete records with plain defaults, so that a test names only what it is about. */

import type { Caller } from '../src/domain/caller.ts';
import type { ModelOffer } from '../src/domain/models.ts';
import type { ArchivedClip, Video } from '../src/domain/video.ts';
import type { VideoRequest } from '../src/domain/video-request.ts';

/** 8 seconds of wan-2.6 from words alone. */
export function makeRequest(overrides: Partial<VideoRequest> = {}): VideoRequest {
  return {
    model: 'wan-2.6',
    mode: 'text',
    prompt: 'A red fox darting across snowy hills at dawn',
    durationSeconds: 8,
    aspectRatio: '16:9',
    quality: '720p',
    images: [],
    extra: {},
    ...overrides,
  };
}

/** A verified 8-second clip. */
export function makeArchive(overrides: Partial<ArchivedClip> = {}): ArchivedClip {
  return {
    sha256: 'a'.repeat(64),
    sizeBytes: 1_234_567,
    durationMs: 8000,
    width: 1280,
    height: 720,
    codec: 'avc',
    clipKey: 'clips/video_1.mp4',
    posterKey: null,
    ...overrides,
  };
}

/** A video that was just accepted, for 320 cents and 24 hours. */
export function makeVideo(overrides: Partial<Video> = {}): Video {
  const createdAt = overrides.createdAt ?? new Date('2024-05-06T12:53:20.000Z');
  return {
    id: 'video_1',
    callerId: 'caller_1',
    dialect: 'airforce',
    state: 'queued',
    request: makeRequest(),
    provider: null,
    account: null,
    taskId: null,
    progress: 0,
    lastWord: null,
    batchId: null,
    createdAt,
    sentAt: null,
    submittedAt: null,
    generatedAt: null,
    endedAt: null,
    expiresAt: new Date(createdAt.getTime() + 86_400_000),
    estimateMicroUsd: 3_200_000,
    settledMicroUsd: null,
    upstreamMicroUsd: null,
    archive: null,
    failure: null,
    delivery: null,
    waitingFor: null,
    submissions: 0,
    polls: 0,
    pollOffsetsMs: [],
    polledAt: null,
    cancelRequestedAt: null,
    openedAt: createdAt,
    hiddenAt: null,
    purgedAt: null,
    ...overrides,
  };
}

/** A video whose clip is archived and paid. */
export function makeCompletedVideo(overrides: Partial<Video> = {}): Video {
  return makeVideo({
    state: 'completed',
    progress: 100,
    settledMicroUsd: 3_200_000,
    archive: makeArchive(),
    endedAt: new Date('2024-05-06T12:56:00.000Z'),
    ...overrides,
  });
}

/** wan-2.6 at 40 cents a second. */
export function makeOffer(overrides: Partial<ModelOffer> = {}): ModelOffer {
  return {
    model: 'wan-2.6',
    account: 'airforce-1',
    provider: 'airforce',
    upstreamModel: 'wan-2.6',
    pricePerSecondMicroUsd: 400_000,
    capabilities: {
      modes: ['text', 'image'],
      aspectRatios: ['16:9', '9:16'],
      qualities: ['720p', '1080p'],
      minDurationSeconds: 5,
      maxDurationSeconds: 10,
      durationsSeconds: null,
    },
    ...overrides,
  };
}

/** An ordinary caller without limits of its own. */
export function makeCaller(overrides: Partial<Caller> = {}): Caller {
  return {
    id: 'caller_1',
    name: 'studio',
    isRoot: false,
    dialect: null,
    maxQueuedVideos: 10_000,
    maxRunningVideos: 4,
    maxRequestsPerMinute: null,
    overflow: 'queue',
    weight: 1,
    models: null,
    retentionSeconds: null,
    ...overrides,
  };
}
