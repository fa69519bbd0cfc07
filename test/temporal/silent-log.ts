/** A log for tests that nobody reads. */

import type { Log } from '../../src/logging.ts';
import { openLog } from '../../src/logging.ts';

export function silentLog(): Log {
  return openLog('silent');
}
