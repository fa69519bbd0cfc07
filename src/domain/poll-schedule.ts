/** When to look at a running task next: a pure function of what is known about it. */

/** Bounds of an account's polling; the defaults are the provider's documented ones. */
export interface PollTiming {
  readonly firstPollMs: number;
  readonly minPollMs: number;
  readonly maxPollMs: number;
  /** From submit to `expired`. */
  readonly deadlineMs: number;
}

/** What the wait is computed from. */
export interface PollSituation {
  /** Since the task was submitted. */
  readonly elapsedMs: number;
  /** 0 to 100 as last reported. */
  readonly progress: number;
  /** Looks made so far, failed ones included. */
  readonly polls: number;
  /** Failed looks in a row. */
  readonly failuresInARow: number;
  /** The upstream's own hint (`Retry-After`). */
  readonly retryAfterMs?: number | undefined;
}

/** A wait grows with the task's age, so that the delay in seeing the end stays a small share of the whole. */
const SHARE_OF_ELAPSED = 0.05;
const LONGEST_HINT_MS = 10 * 60_000;

/** Milliseconds to wait before the next look: never shorter than the documented interval, a hint is always obeyed. */
export function nextPollDelayMs(timing: PollTiming, situation: PollSituation): number {
  if (situation.polls === 0) return Math.max(0, timing.firstPollMs - situation.elapsedMs);
  const paced = Math.max(timing.minPollMs, situation.elapsedMs * SHARE_OF_ELAPSED);
  const backedOff = paced * 2 ** Math.min(situation.failuresInARow, 6);
  const wanted = Math.min(backedOff, remainingMs(situation) ?? backedOff);
  const bounded = Math.min(Math.max(wanted, timing.minPollMs), Math.max(timing.maxPollMs, timing.minPollMs));
  return Math.round(Math.max(bounded, Math.min(situation.retryAfterMs ?? 0, LONGEST_HINT_MS)));
}

/** When the task should end if it goes on at its pace; undefined while there is too little progress to tell. */
function remainingMs({ elapsedMs, progress, failuresInARow }: PollSituation): number | undefined {
  if (progress < 20 || progress >= 100 || failuresInARow > 0) return undefined;
  return (elapsedMs * (100 - progress)) / progress;
}
