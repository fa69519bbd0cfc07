/** What the front door can do: accept, show, cancel and remove videos; the only caller of the Temporal client here. */

import type { ModelOffer } from './domain/models.ts';
import type { DialectName } from './domain/vendor.ts';
import type { Video, VideoState } from './domain/video.ts';
import type { VideoDraft } from './domain/video-request.ts';

/** Who is asking: a caller as authentication found it. */
export interface Caller {
  readonly id: string;
  readonly name: string;
  readonly isRoot: boolean;
  readonly dialect: DialectName | null;
  readonly maxQueuedVideos: number;
  readonly maxRunningVideos: number;
  readonly overflow: 'queue' | 'reject';
  readonly weight: number;
  /** Model ids the caller may use; null: all. */
  readonly models: readonly string[] | null;
  readonly retentionSeconds: number | null;
}

export interface CreateOrder {
  readonly caller: Caller;
  readonly dialect: DialectName;
  readonly draft: VideoDraft;
  /** The dialect's retention; the caller's own replaces it. */
  readonly retentionSeconds: number;
  /** With `bodyHash` set as well, a repeat returns the first video. */
  readonly idempotencyKey: string | null;
  readonly bodyHash: string;
}

export interface VideoFilter {
  /** Null: all callers' (root alone). */
  readonly callerId: string | null;
  readonly states?: readonly VideoState[];
  readonly batchId?: string;
  readonly model?: string;
  readonly includeHidden?: boolean;
  readonly limit: number;
  /** As given out with the page before; `invalid_request` when it is not one of ours. */
  readonly cursor?: string;
}

/** Every method throws `Refusal` for what the caller may not or cannot have. */
export interface Gateway {
  /** The caller whose key this is, null for an unknown or disabled one. */
  authenticate(apiKey: string): Promise<Caller | null>;
  create(order: CreateOrder): Promise<Video>;
  /** A caller's own video (root: anyone's); hidden ones only where asked for. */
  read(caller: Caller, id: string, options?: { readonly includeHidden?: boolean }): Promise<Video>;
  list(filter: VideoFilter): Promise<{ readonly videos: readonly Video[]; readonly nextCursor: string | null }>;
  /** Place in the queue, 1 first; null when the video does not wait. */
  queuePosition(video: Video): Promise<number | null>;
  cancel(caller: Caller, id: string): Promise<Video>;
  /** Removes from the caller's history; with `purgesMedia` the media die at once. */
  remove(caller: Caller, id: string, options: { readonly purgesMedia: boolean }): Promise<void>;
  recheck(caller: Caller, id: string): Promise<Video>;
  rearchive(caller: Caller, id: string): Promise<Video>;
  offers(caller: Caller): Promise<readonly ModelOffer[]>;
  /** Calls back after each change of the video, until the returned function is called. */
  watch(id: string, onChange: () => void): () => void;
}
