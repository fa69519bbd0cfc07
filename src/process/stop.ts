/** How a process is told to stop: once to finish what it does, twice to end at once. */

import type { Log } from '../observe/log.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** npm passes a terminal's Ctrl-C on, so one keypress arrives twice. */
const SAME_REQUEST_MS = 1_000;

/** As shells count a process that SIGINT ended. */
const ENDED_BY_SIGNAL = 130;

/** A signal that is aborted by the first SIGINT, SIGTERM or SIGHUP; the second ends the process with 130. */
export function listenForStop(log: Log): AbortSignal {
  const stop = new AbortController();
  let askedAtMs = 0;
  const onSignal = (name: string) => {
    if (!stop.signal.aborted) {
      askedAtMs = Date.now();
      log.info({ signal: name }, 'stopping; a second signal ends the process at once');
      stop.abort();
    } else if (Date.now() - askedAtMs > SAME_REQUEST_MS) {
      process.exit(ENDED_BY_SIGNAL);
    }
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return stop.signal;
}

/** Resolves when the signal is aborted. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
