/** What passes between workflows and everyone else: inputs, results, signals, queries, names of types and task queues. */

import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { BatchProgress, BatchState } from '../src/domain/batch.ts';
import type { VideoFailure } from '../src/domain/failure.ts';
import type { GrantedSlot } from '../src/domain/slot.ts';
import type { TaskMemory } from '../src/domain/step.ts';
import type { EndState, VideoState } from '../src/domain/video.ts';
import type { GivenRequest } from '../src/domain/video-request.ts';

/** Task queues: one for workflows and transactions, the others by what they wait for. */
export const TASK_QUEUES = {
  workflows: 'clipyard',
  upstream: 'upstream',
  sync: 'sync',
  media: 'media',
  storage: 'storage',
  delivery: 'delivery',
  films: 'films',
} as const;

/** The workflow types' names, as Temporal knows them. */
export const WORKFLOW_TYPES = {
  generateVideo: 'generateVideo',
  rearchiveVideo: 'rearchiveVideo',
  runBatch: 'runBatch',
  sweep: 'sweep',
  deliverWebhook: 'deliverWebhook',
  joinFilm: 'joinFilm',
} as const;

/** Input of `runBatch`; the workflow's id is the batch's id. */
export interface RunBatchInput {
  readonly batchId: string;
}

/** What `runBatch` returns. */
export interface BatchEnd extends BatchProgress {
  readonly state: BatchState;
}

/** Input of `generateVideo`; the workflow's id is the video's id. `request` alone is enough for a child. */
export interface GenerateVideoInput {
  readonly request: GivenRequest;
  /** Who pays; the caller `root` when absent. */
  readonly callerId?: string;
  /** A cancel was asked for before this run began. */
  readonly stop?: boolean;
  /** What the run before this one knew of its task. */
  readonly memory?: TaskMemory;
}

/** Input of `rearchiveVideo`. */
export interface RearchiveVideoInput {
  readonly videoId: string;
  /** When the upstream's link dies. */
  readonly resultExpiresAt: string;
}

/** Input of `deliverWebhook`. */
export interface DeliverWebhookInput {
  readonly deliveryId: string;
  /** Which attempt comes first; 1 when absent. */
  readonly attempt?: number;
  /** How long the first of them waits; not at all when absent. */
  readonly waitMs?: number;
}

/** Input of `joinFilm`; the workflow's id is the film's id. */
export interface JoinFilmInput {
  readonly filmId: string;
}

/** What the query `video` answers: the story so far. */
export interface VideoSnapshot {
  readonly id: string;
  readonly state: VideoState;
  readonly progress: number;
  readonly provider: string | null;
  readonly account: string | null;
  readonly taskId: string | null;
  readonly polls: number;
  readonly submittedAt: string | null;
  readonly generatedAt: string | null;
  readonly endedAt: string | null;
  readonly estimateMicroUsd: number | null;
  readonly settledMicroUsd: number | null;
  readonly failure: VideoFailure | null;
}

/** Result of `generateVideo`; a video that ended otherwise fails its workflow with the failure's kind as type. */
export interface VideoEnd {
  readonly id: string;
  readonly state: EndState;
  readonly settledMicroUsd: number | null;
  readonly sha256: string | null;
  readonly sizeBytes: number | null;
}

/** Tells a waiting video of its slot. */
export const grantedSignal = defineSignal<[GrantedSlot]>('granted');
/** A batch's rows have changed, or its cancel is wished: both are read off them. */
export const lookAgainSignal = defineSignal('lookAgain');
export const batchQuery = defineQuery<BatchProgress | null>('batch');
/** Someone wants the video cancelled. */
export const cancelSignal = defineSignal('cancel');
/** The upstream pushed news: a hint to poll now, never the truth. */
export const upstreamEventSignal = defineSignal('upstreamEvent');
/** A poll is asked for, or the rows have been changed: a hint as well. */
export const recheckSignal = defineSignal('recheck');
/** The catalog may be an older copy of itself: open again before anything is granted. */
export const reopenSignal = defineSignal('reopen');
/** A delivery is to be tried now. */
export const retryNowSignal = defineSignal('retryNow');
/** It is to be sent again, and a first attempt has been made: a run that is about to close looks at its rows once more. */
export const sentAgainSignal = defineSignal('sentAgain');
/** A delivery is to be given up. */
export const stopSignal = defineSignal('stop');
export const videoQuery = defineQuery<VideoSnapshot>('video');
