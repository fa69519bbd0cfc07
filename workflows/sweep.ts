/** `sweep`: what a Temporal Schedule runs each minute. */

import { sweeping } from './activity-options.ts';

/** Runs one sweep; its result is what the UI shows of it. */
export async function sweep() {
  return await sweeping.sweep();
}
