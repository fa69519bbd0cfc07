/** What stands behind the gateway's answers where they share processors: workers, the embedded Temporal, programs for pictures. */

import { constants, getPriority, setPriority } from 'node:os';

const { PRIORITY_BELOW_NORMAL } = constants.priority;

/** Puts a process that was started below the usual priority; one that an operator has put lower already stays. */
export function lowerPriority(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    if (getPriority(pid) < PRIORITY_BELOW_NORMAL) setPriority(pid, PRIORITY_BELOW_NORMAL);
  } catch {
    // A wish and no more: the process may have ended, and where calls of the system are filtered this one is refused.
  }
}
