/** All activities, made from the instances they work with; workflows import this for its type alone. */

import { findDeliveryTarget } from '../src/catalog/clip-deliveries.ts';
import { noteWaiting } from '../src/catalog/videos.ts';
import { noteLength } from '../src/submissions/note-length.ts';
import { findResult } from '../src/submissions/result-source.ts';
import { createBatchActivities } from './advance-batch.ts';
import { createArchiveActivity } from './archive-video.ts';
import { createDeliveryActivities } from './attempt-delivery.ts';
import { createCancelActivities } from './cancel-task.ts';
import { createCheckActivities } from './check-task.ts';
import { createClipDeliveryActivities } from './deliver-clip.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createEndActivities } from './end-video.ts';
import { createFilmActivities } from './join-film.ts';
import { createOpenActivities } from './open-video.ts';
import { createRearchiveActivity } from './rearchive-video.ts';
import { createSlotActivities } from './request-slot.ts';
import { createSubmitActivities } from './submit-task.ts';
import { createSweepActivities } from './sweep.ts';
import { createPictureActivities } from './take-last-picture.ts';
import { createBatchFileActivities } from './write-batch-files.ts';

/** Makes the activities of every task queue; which worker offers which is the worker's matter. */
export function createActivities(dependencies: ActivityDependencies) {
  return {
    ...createOpenActivities(dependencies),
    ...createSlotActivities(dependencies),
    ...createSubmitActivities(dependencies),
    ...createCheckActivities(dependencies),
    ...createCancelActivities(dependencies),
    ...createArchiveActivity({
      ...dependencies,
      findResult: (videoId) => findResult(dependencies, videoId),
      noteWaiting: (videoId, waitingFor) => noteWaiting(dependencies.db, videoId, waitingFor),
      waitsForDelivery: async (videoId) => (await findDeliveryTarget(dependencies.db, videoId)) !== null,
      noteArchived: (videoId, clip) => noteLength(dependencies, videoId, clip),
    }),
    ...createClipDeliveryActivities(dependencies),
    ...createRearchiveActivity(dependencies),
    ...createEndActivities(dependencies),
    ...createBatchActivities(dependencies),
    ...createBatchFileActivities(dependencies),
    ...createPictureActivities(dependencies),
    ...createFilmActivities(dependencies),
    ...createDeliveryActivities(dependencies.delivery),
    ...createSweepActivities(dependencies),
  };
}

export type Activities = ReturnType<typeof createActivities>;
