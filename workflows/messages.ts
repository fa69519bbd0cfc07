/** What passes between workflows and everyone else: inputs, results, signals, queries, names of types and task queues. */

import { defineQuery, defineSignal } from '@temporalio/workflow';
import type { VideoFailure } from '../src/domain/failure.ts';
import type { ProviderName } from '../src/domain/vendor.ts';
import type { EndState, VideoState } from '../src/domain/video.ts';
import type { GivenRequest } from '../src/domain/video-request.ts';

/** Task queues: one for workflows and transactions, the others by what they wait for. */
export const TASK_QUEUES = { workflows: 'clipyard', upstream: 'upstream', sync: 'sync', media: 'media' } as const;

/** The workflow types' names, as Temporal knows them. */
export const WORKFLOW_TYPES = {
  generateVideo: 'generateVideo',
  rearchiveVideo: 'rearchiveVideo',
  sweep: 'sweep',
} as const;

/** Input of `generateVideo`; the workflow's id is the video's id. `request` alone is enough for a child. */
export interface GenerateVideoInput {
  readonly request: GivenRequest;
  /** Who pays; the caller `root` when absent. */
  readonly callerId?: string;
  /** Cancel what is running and settle it: how a terminated video is brought to its end. */
  readonly stop?: boolean;
}

/** Input of `rearchiveVideo`. */
export interface RearchiveVideoInput {
  readonly videoId: string;
  /** When the upstream's link dies. */
  readonly resultExpiresAt: string;
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

/** A slot that was granted: the submission row is there. */
export interface GrantedSlot {
  readonly submissionId: string;
  readonly account: string;
  readonly provider: ProviderName;
}

/** Tells a waiting video of its slot. */
export const grantedSignal = defineSignal<[GrantedSlot]>('granted');
/** Someone wants the video cancelled. */
export const cancelSignal = defineSignal('cancel');
/** The upstream pushed news: a hint to look now, never the truth. */
export const upstreamEventSignal = defineSignal('upstreamEvent');
export const videoQuery = defineQuery<VideoSnapshot>('video');
