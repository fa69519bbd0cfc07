/** A video: its states, the record the catalog keeps of it, and the snapshot users see. */

import type { ClipDelivery } from './clip-delivery.ts';
import type { VideoFailure, VideoFailureKind } from './failure.ts';
import type { MicroUsd } from './money.ts';
import type { DialectName, ProviderName } from './vendor.ts';
import type { VideoRequest } from './video-request.ts';
import type { WaitingFor } from './waiting-for.ts';

export const RUNNING_STATES = ['queued', 'submitting', 'unconfirmed', 'generating', 'archiving'] as const;
export const END_STATES = ['completed', 'failed', 'cancelled', 'expired'] as const;
export const VIDEO_STATES = [...RUNNING_STATES, ...END_STATES] as const;

export type EndState = (typeof END_STATES)[number];
export type VideoState = (typeof VIDEO_STATES)[number];

/** Ends are final: a video in one of these never changes its state again. */
export function isEnded(state: VideoState): state is EndState {
  return (END_STATES as readonly VideoState[]).includes(state);
}

const VIDEO_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Whether a text can be the id of a video, which is also its workflow's id. */
export function isVideoId(text: string): boolean {
  return VIDEO_ID.test(text);
}

/** Bytes of a clip that are safe in the media store. */
export interface StoredClip {
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** What an MP4 shows; `codec` is the short name, such as `avc`. */
export interface ProbedClip {
  readonly durationMs: number;
  readonly width: number;
  readonly height: number;
  readonly codec: string;
}

/** What reading the archived MP4 back showed. */
export interface ArchivedClip extends StoredClip, ProbedClip {
  /** Keys in the media store. */
  readonly clipKey: string;
  readonly posterKey: string | null;
}

/** The catalog's record of a video. */
export interface Video {
  readonly id: string;
  readonly callerId: string;
  readonly dialect: DialectName;
  readonly state: VideoState;
  readonly request: VideoRequest;
  readonly provider: ProviderName | null;
  readonly account: string | null;
  readonly taskId: string | null;
  /** 0 to 100; never falls. */
  readonly progress: number;
  /** The upstream's own word at the last poll that saw the task run; null before the first. */
  readonly lastWord: string | null;
  readonly batchId: string | null;
  readonly createdAt: Date;
  /** When its last create was sent; null before the first. */
  readonly sentAt: Date | null;
  readonly submittedAt: Date | null;
  readonly generatedAt: Date | null;
  readonly endedAt: Date | null;
  /** When the media are purged and links die; printed at creation. */
  readonly expiresAt: Date;
  readonly estimateMicroUsd: MicroUsd;
  readonly settledMicroUsd: MicroUsd | null;
  /** What the upstream billed, null until it said so. */
  readonly upstreamMicroUsd: MicroUsd | null;
  readonly archive: ArchivedClip | null;
  readonly failure: VideoFailure | null;
  /** Its way into storage of its caller's own; null where that was not asked for. */
  readonly delivery: ClipDelivery | null;
  /** What its doubt or its result waits for; null otherwise. */
  readonly waitingFor: WaitingFor | null;
  readonly submissions: number;
  readonly polls: number;
  /** When it was polled, in milliseconds after its acceptance: all polls, or each so many of them (`withPoll`). */
  readonly pollOffsetsMs: readonly number[];
  readonly polledAt: Date | null;
  /** When a cancel was asked for; the end may follow later. */
  readonly cancelRequestedAt: Date | null;
  /** When its workflow first ran; null while it has not been started. */
  readonly openedAt: Date | null;
  /** Removed from its caller's history by a delete. */
  readonly hiddenAt: Date | null;
  /** When the media were purged. */
  readonly purgedAt: Date | null;
}

/** Whether its media are purged, or have had their time and may be at any moment. */
export function isMediaOver({ purgedAt, expiresAt }: Pick<Video, 'purgedAt' | 'expiresAt'>, now = Date.now()): boolean {
  return purgedAt !== null || expiresAt.getTime() <= now;
}

/** What an end without a recorded reason comes from. */
const KIND_OF_END = {
  failed: 'upstream_failed',
  cancelled: 'cancelled',
  expired: 'deadline_exceeded',
} as const satisfies Record<Exclude<EndState, 'completed'>, VideoFailureKind>;

/** Why a video ended without a clip; null where it has one, and while it runs. */
export function failureKindOf({ state, failure }: Pick<Video, 'state' | 'failure'>): VideoFailureKind | null {
  if (!isEnded(state) || state === 'completed') return null;
  return failure?.kind ?? KIND_OF_END[state];
}
