/** What is known of videos' workflows without any worker: which there are, and what their histories tell. */

import type { VideoFailure } from './failure.ts';
import type { AcceptedTerms, TaskMemory } from './step.ts';
import type { EndState, VideoState } from './video.ts';
import type { GivenRequest } from './video-request.ts';

/** A video's workflow as a list shows it. */
export interface VideoRun {
  readonly videoId: string;
  readonly isOpen: boolean;
  /** What it was doing; `queued` until it says otherwise. */
  readonly state: VideoState;
  readonly startedAt: Date;
}

/** The video as one run of its workflow knows it. */
export interface VideoRunFacts {
  readonly input: { readonly request: GivenRequest; readonly callerId?: string } | null;
  readonly accepted: Partial<AcceptedTerms>;
  /** Whether the catalog has had the video: a run that was refused at its opening never had one. */
  readonly wasOpened: boolean;
  readonly memory: TaskMemory | null;
  /** The end that the catalog has given the video. */
  readonly end: { readonly state: EndState; readonly failure: VideoFailure | null } | null;
}

export interface VideoRuns {
  /** Every video whose workflow is open, and those whose workflows closed after `closedAfter` (null: none of them). */
  list(closedAfter: Date | null): Promise<readonly VideoRun[]>;
  /** What the newest run of a video's workflow knows. */
  read(videoId: string): Promise<VideoRunFacts>;
}
