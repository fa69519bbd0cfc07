/** The Nexus service `clipyard`: its operations, what they take and what they return. */

import { operation, service } from 'nexus-rpc';
import type { BatchEnd, RunBatchInput, VideoEnd } from '../../workflows/messages.ts';
import type { GivenRequest } from '../domain/video-request.ts';

/** What a clip is made from. It says nothing of its caller, which is the endpoint's. */
export interface ClipInput {
  readonly request: GivenRequest;
  /** The same key of the same caller is the same clip; without one each operation is a clip of its own. */
  readonly idempotencyKey?: string;
}

export const clipyardService = service('clipyard', {
  generateVideo: operation<ClipInput, VideoEnd>(),
  runBatch: operation<RunBatchInput, BatchEnd>(),
});
