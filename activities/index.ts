/** All activities, made from the instances they work with; workflows import this for its type alone. */

import type { Poll } from '../src/domain/poll.ts';
import type { NextStep } from '../src/domain/step.ts';
import { type CheckTaskInput, pollTask } from '../src/submissions/poll-task.ts';
import { takeTurn } from '../src/submissions/take-turn.ts';
import { createBatchActivities } from './advance-batch.ts';
import { createArchiveActivities } from './archive-video.ts';
import { createWebhookActivities } from './attempt-delivery.ts';
import { createCancelActivities } from './cancel-task.ts';
import { createClipDeliveryActivities } from './deliver-clip.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createEndActivities } from './end-video.ts';
import { createFilmActivities } from './join-film.ts';
import { createOpenActivities } from './open-video.ts';
import { createRearchiveActivity } from './rearchive-video.ts';
import { createSubmitActivities } from './submit-task.ts';
import { createSweepActivities } from './sweep.ts';
import { createPictureActivities } from './take-last-picture.ts';
import { createBatchFileActivities } from './write-batch-files.ts';

/** Makes the activities of every task queue; which worker offers which is the worker's matter. */
export function createActivities(dependencies: ActivityDependencies) {
  return {
    ...createOpenActivities(dependencies),
    /** Queues a video; the step to take now: `submit` with a slot, `slot` to go on waiting, or wherever the video is already. */
    requestSlot: ({ videoId }: { readonly videoId: string }): Promise<NextStep> => takeTurn(dependencies, videoId),
    ...createSubmitActivities(dependencies),
    checkTask: (input: CheckTaskInput): Promise<Poll> => pollTask(dependencies, input),
    ...createCancelActivities(dependencies),
    ...createArchiveActivities(dependencies),
    ...createClipDeliveryActivities(dependencies),
    ...createRearchiveActivity(dependencies),
    ...createEndActivities(dependencies),
    ...createBatchActivities(dependencies),
    ...createBatchFileActivities(dependencies),
    ...createPictureActivities(dependencies),
    ...createFilmActivities(dependencies),
    ...createWebhookActivities(dependencies),
    ...createSweepActivities(dependencies),
  };
}

export type Activities = ReturnType<typeof createActivities>;
