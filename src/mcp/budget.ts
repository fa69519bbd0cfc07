/** What a session may spend: estimates of what it had made, counted before each create. */

import { dollars } from '../client/output.ts';

/** A create, counted. */
export interface Reservation {
  /** Counts what it costs by the gateway's own words, in micro-dollars. */
  settle(estimateMicroUsd: number): void;
  /** It was refused: nothing was made. */
  release(): void;
}

/** Estimates by the key of their create: a repeat is counted once. */
export class Budget {
  readonly #limitMicroUsd: number;
  readonly #byKey = new Map<string, number>();

  constructor(limitMicroUsd: number) {
    this.#limitMicroUsd = limitMicroUsd;
  }

  /** In micro-dollars. */
  get leftMicroUsd(): number {
    return [...this.#byKey.values()].reduce((left, amount) => left - amount, this.#limitMicroUsd);
  }

  /**
   * Counts a create before it is sent.
   * @throws Error in words for the agent where the session would spend more than it may.
   */
  reserve(key: string, estimateMicroUsd: number): Reservation {
    const before = this.#byKey.get(key);
    if (before === undefined && estimateMicroUsd > this.leftMicroUsd) {
      const [limit, left, asked] = [this.#limitMicroUsd, this.leftMicroUsd, estimateMicroUsd].map(dollars);
      throw new Error(
        `this session may spend ${limit}, of which ${left} is left, and this would cost about ${asked}; ` +
          'nothing was made. Ask the user to raise --max-usd',
      );
    }
    if (before === undefined) this.#byKey.set(key, estimateMicroUsd);
    return {
      settle: (amount) => void this.#byKey.set(key, amount),
      release: () => {
        if (before === undefined) this.#byKey.delete(key);
      },
    };
  }
}
