/** Waiting at a start for what other processes bring up beside it: the shared catalog, Temporal. */

import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError } from '../config/settings.ts';
import type { Patience, ProcessContext } from './run.ts';

const PATIENCE: Patience = { longestMs: 2 * 60_000, betweenTriesMs: 1_000, betweenLinesMs: 5_000 };

/**
 * What the attempt comes to: it is repeated for two minutes, with a line every five seconds.
 * @throws ConfigError naming what is missing; the signal's reason when the process is told to stop.
 */
export async function waitFor<Result>(
  what: string,
  attempt: () => Promise<Result>,
  { log, stop, patience = PATIENCE }: Pick<ProcessContext, 'log' | 'stop' | 'patience'>,
): Promise<Result> {
  const { longestMs, betweenTriesMs, betweenLinesMs } = patience;
  const startedMs = Date.now();
  for (let saidMs = 0; ; ) {
    stop.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      const waitedMs = Date.now() - startedMs;
      if (waitedMs >= longestMs) {
        throw new ConfigError(`${what} did not answer within ${longestMs / 1000} s: ${reasonOf(error)}`, {
          cause: error,
        });
      }
      if (Date.now() - saidMs >= betweenLinesMs) {
        saidMs = Date.now();
        log.warn({ error: reasonOf(error), waitedSeconds: Math.round(waitedMs / 1000) }, `waiting for ${what}`);
      }
    }
    await sleep(betweenTriesMs, undefined, { signal: stop });
  }
}

/** A connection that is refused at several addresses says so in its members alone. */
function reasonOf(error: unknown): string {
  const [first] = error instanceof AggregateError ? error.errors : [error];
  return first instanceof Error ? first.message : String(first);
}
