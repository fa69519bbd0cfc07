/** The connection of workers to Temporal: waited for until the server answers. */

import { setTimeout as sleep } from 'node:timers/promises';
import { NativeConnection } from '@temporalio/worker';
import type { Log } from '../domain/log.ts';
import type { ConnectionSettings } from './connection.ts';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;

/**
 * The connection that workers poll through: tried until the server answers.
 * @throws the signal's reason when it is aborted first.
 */
export async function connectWorker(
  settings: ConnectionSettings,
  log: Log,
  signal: AbortSignal,
): Promise<NativeConnection> {
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    signal.throwIfAborted();
    try {
      return await NativeConnection.connect(settings);
    } catch (error) {
      log.warn({ err: error, address: settings.address, retryMs: waitMs }, 'Temporal cannot be reached yet');
    }
    await sleep(waitMs, undefined, { signal });
  }
}
