/** What stands behind the gateway where they share processors: a worker, and the embedded Temporal. */

import { constants, getPriority, setPriority } from 'node:os';

/** Puts a process, by default this one, below the gateway's priority; an operator's that is lower already stays. */
export function lowerPriority(pid = 0): void {
  try {
    if (getPriority(pid) < constants.priority.PRIORITY_BELOW_NORMAL) {
      setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
    }
  } catch {
    // A wish and no more: the process may have ended, and where calls of the system are filtered this one is refused.
  }
}
