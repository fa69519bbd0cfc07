/** A log for tests, which is not read. */

import type { Log } from '../../src/observe/log.ts';
import { openLog } from '../../src/observe/log.ts';

export function silentLog(): Log {
  return openLog('silent');
}
