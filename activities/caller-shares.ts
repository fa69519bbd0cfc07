/** What callers' own servers may hold of a worker's places: those of one that takes nothing leave places for the others. */

import { CallerPlaces } from '../src/domain/caller-places.ts';
import { activityFailure } from './activity-failure.ts';

/** Does the work in a place of its caller's. */
export type WithinShare = <Done>(callerId: string, work: () => Promise<Done>) => Promise<Done>;

/**
 * Makes a share of so many places for each caller. Work that finds none fails with `share_taken` at once and is tried again by
 * Temporal, behind what others have waiting: a wait in the worker would hold the place that it is to spare.
 */
export function createCallerShares(mostOfEach: number): WithinShare {
  const places = new CallerPlaces(mostOfEach);
  return async (callerId, work) => {
    const leave = places.take(callerId);
    if (leave === null) throw activityFailure('share_taken', `${mostOfEach} deliveries of this caller are under way`);
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
