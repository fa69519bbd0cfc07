/** A log for tests that nobody reads. */

import type { Log } from '../../src/observe/log.ts';
import { openLog } from '../../src/observe/log.ts';

export function silentLog(): Log {
  return openLog('silent');
}
