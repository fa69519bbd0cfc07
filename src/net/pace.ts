/** A pace: requests one after the other at a fixed distance, each told when it is its turn. */

import { HeldBack } from '../domain/upstream-error.ts';

export class Pace {
  readonly #intervalMs: number;
  /** When the next turn is, on the clock that never goes back. */
  #nextMs = 0;

  constructor(perSecond: number) {
    this.#intervalMs = 1000 / perSecond;
  }

  /**
   * Resolves when it is this request's turn, in the order in which they ask.
   * @throws HeldBack at once where the turn is further away than `patienceMs`, with when to come back;
   * and when the signal ends the wait, whose turn is then lost.
   */
  async turn(signal: AbortSignal, patienceMs: number): Promise<void> {
    const nowMs = performance.now();
    const turnMs = Math.max(this.#nextMs, nowMs);
    const waitMs = turnMs - nowMs;
    if (waitMs > patienceMs) {
      const details = { retryAfterMs: Math.ceil(waitMs) };
      throw new HeldBack('the account is asked as often as it may be', details);
    }
    this.#nextMs = turnMs + this.#intervalMs;
    if (waitMs > 0) await sleep(waitMs, signal);
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      clearTimeout(timer);
      reject(new HeldBack('given up while it waited for its turn', { cause: signal.reason }));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', giveUp);
      resolve();
    }, ms);
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
  });
}
