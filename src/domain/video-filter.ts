/** Which videos a list shows, and in which order. */

import type { VideoState } from './video.ts';

export interface VideoFilter {
  /** Null: all callers' (root alone). */
  readonly callerId: string | null;
  readonly states?: readonly VideoState[];
  readonly batchId?: string;
  readonly model?: string;
  /** Of their creation: inclusive, and exclusive. */
  readonly from?: Date;
  readonly to?: Date;
  readonly includeHidden?: boolean;
  readonly limit: number;
  /** Newest first when absent. */
  readonly order?: 'newest' | 'oldest';
  /** As given out with the page before; `invalid_request` when it is not one of ours. */
  readonly cursor?: string;
}
