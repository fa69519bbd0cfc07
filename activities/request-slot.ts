/** `requestSlot`: queues a video and, where a slot is free, grants it at once. */

import type { NextStep } from '../src/domain/step.ts';
import { takeTurn } from '../src/submissions/take-turn.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function createSlotActivities(dependencies: ActivityDependencies) {
  return {
    /** The step to take now: `submit` with a slot, `slot` to go on waiting, or wherever the video is already. */
    requestSlot: ({ videoId }: { readonly videoId: string }): Promise<NextStep> => takeTurn(dependencies, videoId),
  };
}
