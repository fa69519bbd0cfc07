/** What the rest of the program asks of videos' workflows; Temporal answers. Each call is bounded in time. */

import type { GrantedSlot } from './slot.ts';
import type { Video } from './video.ts';

/** What is known of a video's workflow from outside. */
export type WorkflowStanding = 'running' | 'terminated' | 'closed' | 'gone';

/** How far an archiving has come by the time that its request is answered. */
export type RearchiveOutcome =
  | { readonly kind: 'archived' | 'running' }
  | { readonly kind: 'failed'; readonly message: string };

/** The calls about videos' workflows; those that tell something are false where no such workflow runs. */
export interface VideoWorkflows {
  /** Starts the video's workflow; one that runs is left alone. */
  start(video: Video, options?: { readonly stop?: boolean }): Promise<void>;
  /** Asks for cancellation both ways: Temporal's, so that the run closes as Canceled, and our own signal. */
  cancel(videoId: string): Promise<boolean>;
  signalGranted(videoId: string, slot: GrantedSlot): Promise<boolean>;
  /** Wakes a video that is waiting for the next poll of its task. */
  signalLookNow(videoId: string): Promise<boolean>;
  /** Fetches an ended video's clip once more; an archiving that is on its way is joined. */
  rearchive(videoId: string, resultExpiresAt: string): Promise<RearchiveOutcome>;
  standing(videoId: string): Promise<WorkflowStanding>;
  /** Ids of videos whose workflows were closed from outside since then, as far as visibility shows them. */
  listClosedSince(since: Date): Promise<readonly string[]>;
  /** Rejects while Temporal does not answer. */
  check(): Promise<void>;
}
