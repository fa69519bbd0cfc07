/** When to ask again for a result that cannot be had yet: a pure function of how often it was asked for. */

const FIRST_WAITS_MS = [2000, 5000, 15_000, 30_000];
const LATER_WAIT_MS = 60_000;
/** A hint beyond this is taken for this: a wrong one must not let a link die unasked. */
const LONGEST_HINT_MS = 10 * 60_000;

/** Milliseconds to wait after so many tries; the upstream's own hint (`Retry-After`) can only make it longer. */
export function nextResultDelayMs(tries: number, retryAfterMs = 0): number {
  const waitMs = FIRST_WAITS_MS[Math.max(0, tries - 1)] ?? LATER_WAIT_MS;
  return Math.max(waitMs, Math.min(retryAfterMs, LONGEST_HINT_MS));
}
