/** When to poll a running task next: a pure function of what is known about it. */

/** Bounds of an account's polling; the defaults are the provider's documented ones. */
export interface PollTiming {
  readonly firstPollMs: number;
  readonly minPollMs: number;
  readonly maxPollMs: number;
  /** From submit to `expired`. */
  readonly deadlineMs: number;
}

/** The same with what an account may set besides. */
export interface AccountTiming extends PollTiming {
  /** How long a result that cannot be had yet is asked for again. */
  readonly resultRetryMs: number;
}

/** A paid clip is given up last. */
export const RESULT_RETRY_MS = 15 * 60_000;

/** What the wait is computed from. */
export interface PollSituation {
  /** Since the task was submitted; below zero where the clocks of catalog and Temporal differ. */
  readonly elapsedMs: number;
  /** 0 to 100 as last reported. */
  readonly progress: number;
  /** Polls made so far, failed ones included. */
  readonly polls: number;
  /** Failed polls in a row. */
  readonly failuresInARow: number;
  /** The upstream's own hint (`Retry-After`). */
  readonly retryAfterMs?: number | undefined;
}

// Waits are bounded by the task's age, so that the delay in seeing the end stays a small share of the whole: the end
// falls somewhere in the last wait, on average in its middle, so a wait of 10 % of the age is seen 5 % late.
const SHORTEST_SHARE = 0.03;
const LONGEST_SHARE = 0.1;
/** The least multiple of the documented interval that a wait may have without knowing, and with the end well ahead. */
const INTERVALS_UNKNOWING = 2;
const INTERVALS_FAR = 3;
/** Below this share of progress a forecast is worth nothing. */
const LEAST_PROGRESS = 5;
/**
 * How far a wait goes towards the end that is forecast. Upstreams round their progress and do not make it evenly, so a
 * forecast is off by some per cent of the age: the poll before the end brings a better one.
 */
const APPROACH_SHARE = 0.7;
const MOST_DOUBLINGS = 6;
const LONGEST_AFTER_FAILURES_MS = 60_000;
const LONGEST_HINT_MS = 10 * 60_000;

/**
 * Milliseconds to wait before the next poll: never shorter than the documented interval, a hint is always obeyed, and
 * only a hint or failures make it longer than the documented longest.
 */
export function nextPollDelayMs(timing: PollTiming, situation: PollSituation): number {
  const { polls, retryAfterMs } = situation;
  const elapsedMs = Math.max(0, situation.elapsedMs);
  const wantedMs = polls === 0 ? timing.firstPollMs - elapsedMs : pacedMs(timing, { ...situation, elapsedMs });
  return Math.ceil(Math.max(0, wantedMs, Math.min(retryAfterMs ?? 0, LONGEST_HINT_MS)));
}

function pacedMs(timing: PollTiming, situation: PollSituation): number {
  const longestMs = Math.max(timing.maxPollMs, timing.minPollMs);
  const atLeastMs = Math.max(timing.minPollMs, situation.elapsedMs * SHORTEST_SHARE);
  const paceMs = Math.min(longestMs, Math.max(atLeastMs, unboundedMs(timing, situation)));
  if (situation.failuresInARow === 0) return paceMs;
  const backedOffMs = paceMs * 2 ** Math.min(situation.failuresInARow, MOST_DOUBLINGS);
  return Math.min(backedOffMs, Math.max(longestMs, LONGEST_AFTER_FAILURES_MS));
}

/** Strides while the end is far ahead or unknown; near it, most of the way there. */
function unboundedMs({ minPollMs }: PollTiming, situation: PollSituation): number {
  const ageShareMs = situation.elapsedMs * LONGEST_SHARE;
  const remainingMs = forecastMs(situation);
  if (remainingMs === undefined) return Math.max(minPollMs * INTERVALS_UNKNOWING, ageShareMs);
  const strideMs = Math.max(minPollMs * INTERVALS_FAR, ageShareMs);
  if (remainingMs > strideMs + minPollMs) return strideMs;
  // A whole stride would leave less than an interval, which then would be waited in vain.
  return remainingMs > strideMs ? remainingMs / 2 : remainingMs * APPROACH_SHARE;
}

/** How long the task should still take if it goes on at its pace; undefined while there is too little to tell. */
function forecastMs({ elapsedMs, progress, failuresInARow }: PollSituation): number | undefined {
  if (progress < LEAST_PROGRESS || failuresInARow > 0) return undefined;
  return (elapsedMs * Math.max(0, 100 - progress)) / progress;
}
