/** Telling a port that is taken from everything else that listening may fail with. */

import { isNativeError } from 'node:util/types';

/** Whether the port is taken; node's own errors come from another realm where code runs in a context of its own. */
export function isPortTaken(error: unknown): boolean {
  return isNativeError(error) && 'code' in error && error.code === 'EADDRINUSE';
}
