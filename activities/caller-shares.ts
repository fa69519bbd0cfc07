/** What callers' own servers may hold of a worker's places: those of one that takes nothing leave places for the others. */

import { activityFailure } from './activity-failure.ts';

/** Does the work in a place of its caller's. */
export type WithinShare = <Done>(callerId: string, work: () => Promise<Done>) => Promise<Done>;

/**
 * Makes a share of so many places for each caller. Work that finds none fails with `share_taken` at once and is tried again by
 * Temporal, behind what others have waiting: a wait in the worker would hold the place that it is to spare.
 */
export function createCallerShares(mostOfEach: number): WithinShare {
  const taken = new Map<string, number>();
  return async (callerId, work) => {
    const count = taken.get(callerId) ?? 0;
    if (count >= mostOfEach) throw activityFailure('share_taken', `${count} deliveries of this caller are under way`);
    taken.set(callerId, count + 1);
    try {
      return await work();
    } finally {
      const left = (taken.get(callerId) ?? 1) - 1;
      if (left > 0) taken.set(callerId, left);
      else taken.delete(callerId);
    }
  };
}
