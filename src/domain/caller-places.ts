/** Places of which each caller has so many, counted in this process. */

/** A place that is taken is given back once. */
export class CallerPlaces {
  readonly #taken = new Map<string, number>();
  readonly #mostOfEach: number;

  constructor(mostOfEach: number) {
    this.#mostOfEach = mostOfEach;
  }

  /** Takes a place; the function gives it back. Null where the caller has all of its own. */
  take(callerId: string): (() => void) | null {
    if (this.#count(callerId) >= this.#mostOfEach) return null;
    this.#taken.set(callerId, this.#count(callerId) + 1);
    return () => {
      const left = this.#count(callerId) - 1;
      if (left === 0) this.#taken.delete(callerId);
      else this.#taken.set(callerId, left);
    };
  }

  #count(callerId: string): number {
    return this.#taken.get(callerId) ?? 0;
  }
}
