/** For other teams' workflows: a clip as a child of theirs, with nothing to know but what it should show. */

import { ChildWorkflowCancellationType, executeChild, ParentClosePolicy, uuid4 } from '@temporalio/workflow';
import type { GivenRequest } from '../src/domain/video-request.ts';
import { type GenerateVideoInput, type VideoEnd, WORKFLOW_TYPES } from './messages.ts';
import { clipStart } from './starts.ts';

export type { VideoEnd } from './messages.ts';

/** What a child's clip is made from; what is left out takes the model's default. */
export interface ChildVideoInput {
  readonly request: GivenRequest;
  /** Who pays; the caller `root` when absent. */
  readonly callerId?: string;
  /** 1 to 64 of `[A-Za-z0-9_-]`: the same id is the same video. Made up when absent. */
  readonly videoId?: string;
}

/**
 * Runs `generateVideo` as a child of the calling workflow and returns its end. Cancelling the parent, or closing it,
 * cancels the video. A video that does not complete throws `ChildWorkflowFailure`, whose cause has the failure's kind as
 * its type.
 */
export async function generateVideoChild({ videoId, ...input }: ChildVideoInput): Promise<VideoEnd> {
  return await executeChild<(input: GenerateVideoInput) => Promise<VideoEnd>>(WORKFLOW_TYPES.generateVideo, {
    ...clipStart(input),
    workflowId: videoId ?? `video_${uuid4()}`,
    parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
    cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
}
