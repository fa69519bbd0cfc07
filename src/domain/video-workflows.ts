/** What the rest of the program asks of videos' workflows; Temporal answers. Each call is bounded in time. */

import type { Transition } from './film.ts';
import type { GrantedSlot } from './slot.ts';
import type { Video } from './video.ts';

/** What is known of a video's workflow from outside: `terminated` by an operator, `closed` in any other way. */
export type WorkflowStanding = 'running' | 'terminated' | 'closed' | 'gone';

/** How far an archiving has come by the time that its request is answered. */
export type RearchiveOutcome =
  | { readonly kind: 'archived' | 'running' }
  | { readonly kind: 'failed'; readonly message: string };

/** A video's workflow as it was started. */
export interface StartedVideo {
  readonly videoId: string;
  /** The gateway had accepted the video; false for another team's child, whose row its first step enters. */
  readonly isAccepted: boolean;
}

/** A film as its workflow is started for it. */
export interface AcceptedFilm {
  readonly id: string;
  readonly callerId: string;
  readonly batchId: string | null;
  readonly videoIds: readonly string[];
  readonly transition: Transition;
}

/** The calls about videos' workflows; those that tell something are false where no such workflow runs. */
export interface VideoWorkflows {
  /** Starts the video's workflow; one that runs is left alone. */
  start(video: Video): Promise<void>;
  /** Asks for cancellation both ways: Temporal's, so that the run closes as Canceled, and our own signal. */
  cancel(videoId: string): Promise<boolean>;
  signalGranted(videoId: string, slot: GrantedSlot): Promise<boolean>;
  /** The upstream has pushed news: the next poll need not wait. */
  signalNews(videoId: string): Promise<boolean>;
  /** A poll is asked for, or the rows have been changed: the video's wait ends, no sooner than polls may follow. */
  signalRecheck(videoId: string): Promise<boolean>;
  /** Has the video open again: the catalog may be an older copy of itself. */
  signalReopen(videoId: string): Promise<boolean>;
  /** Has a closed run begin again with the input that it had; one that runs is left alone. */
  runAgain(videoId: string): Promise<boolean>;
  /** Fetches an ended video's clip once more; an archiving that is on its way is joined. */
  rearchive(video: Pick<Video, 'id' | 'callerId'>, resultExpiresAt: string): Promise<RearchiveOutcome>;
  /** Starts a delivery's workflow with its second attempt, after this; one that runs goes on as it does. */
  startDelivery(delivery: { readonly id: string; readonly callerId: string }, secondInMs: number): Promise<void>;
  standing(videoId: string): Promise<WorkflowStanding>;
  /** Ids of videos whose workflows were closed from outside since then, as far as visibility shows them. */
  listClosedSince(since: Date): Promise<readonly string[]>;
  /** Videos whose workflows were started since then, the same, so many at most. */
  listStartedSince(since: Date, limit: number): Promise<readonly StartedVideo[]>;
  /** Ids of videos whose workflows run, the same; takes minutes where there are many. */
  listRunning(): Promise<readonly string[]>;
  /** Starts a batch's workflow; one that runs is left alone. */
  startBatch(batchId: string, callerId: string): Promise<void>;
  /** A batch's rows have changed: its workflow is to read them; false where none runs. */
  signalBatch(batchId: string): Promise<boolean>;
  /** Starts a film's workflow; one that runs is left alone. */
  startFilm(film: AcceptedFilm): Promise<void>;
  /** Rejects while Temporal does not answer. */
  check(): Promise<void>;
}
