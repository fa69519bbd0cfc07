/** A pool's queue as it is promised, without a database; test/model/fair-queue.test.ts holds the catalog's against it. */

interface Line {
  readonly share: number;
  served: number;
  /** Those that have gone are left behind `first`, or are null. */
  readonly waiting: ({ readonly id: string; readonly cameAt: number } | null)[];
  first: number;
}

/** Shares that differ by less are the same; the turns' names decide then. */
const GRAIN = 1e6;

export class FairQueue {
  #time = 0;
  readonly #shareOf: (turn: string) => number;
  readonly #lines = new Map<string, Line>();

  /** @param shareOf how far a grant moves its turn on: 1 for a caller of weight 1, less for one of more */
  constructor(shareOf: (turn: string) => number) {
    this.#shareOf = shareOf;
  }

  queue(turn: string, id: string): void {
    const line = this.#lines.get(turn) ?? { share: this.#shareOf(turn), served: 0, waiting: [], first: 0 };
    this.#lines.set(turn, line);
    line.waiting.push({ id, cameAt: this.#time });
  }

  giveUp(id: string): void {
    for (const { waiting, first } of this.#lines.values()) {
      const at = waiting.findIndex((one, index) => index >= first && one?.id === id);
      if (at >= 0) waiting[at] = null;
    }
  }

  all(): readonly string[] {
    return [...this.#lines.values()].flatMap(({ waiting, first }) =>
      waiting.slice(first).flatMap((one) => (one === null ? [] : [one.id])),
    );
  }

  /** Whose turn it is, taken out of the queue; undefined when none waits. */
  next(): string | undefined {
    let best: { readonly turn: string; readonly line: Line; readonly id: string; readonly tag: number } | undefined;
    for (const [turn, line] of this.#lines) {
      while (line.waiting[line.first] === null) line.first++;
      const head = line.waiting[line.first];
      if (!head) continue;
      const tag = Math.max(line.served, head.cameAt) + line.share;
      const apart = best ? Math.round((tag - best.tag) * GRAIN) : -1;
      if (!best || apart < 0 || (apart === 0 && turn < best.turn)) best = { turn, line, id: head.id, tag };
    }
    if (!best) return undefined;
    const { line, tag, id } = best;
    line.first++;
    line.served = tag;
    this.#time = Math.max(this.#time, tag);
    return id;
  }
}
