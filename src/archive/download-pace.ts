/** How fast a download has to come: one that trickles holds a place that clips of other upstreams and callers wait for. */

export interface PaceLimits {
  /** How long the upstream may take to bring `leastBytes`. */
  readonly idleMs: number;
  readonly leastBytes: number;
}

/** The time of our own disk is not the upstream's: where that was more than this share, it gets the whole time again. */
const OWN_SHARE = 0.1;

/** Gives a download up that brings too little in too long a time. */
export class DownloadPace {
  readonly #limits: PaceLimits;
  readonly #timer: NodeJS.Timeout;
  #cameBytes = 0;
  /** What our own disk took since the timer began, and since when it has been its turn. */
  #ownMs = 0;
  #ownSinceMs: number | null = null;

  constructor(limits: PaceLimits, giveUp: (reason: Error) => void) {
    this.#limits = limits;
    this.#timer = setTimeout(() => this.#judge(giveUp), limits.idleMs);
  }

  /** So many bytes have come. */
  came(bytes: number): void {
    this.#cameBytes += bytes;
    if (this.#cameBytes >= this.#limits.leastBytes) this.#begin();
  }

  /** The upstream waits for us. */
  beginOwnTurn(): void {
    this.#ownSinceMs = performance.now();
  }

  /** We wait for the upstream again. */
  endOwnTurn(): void {
    this.#countOwnTurn();
    this.#ownSinceMs = null;
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #countOwnTurn(): void {
    if (this.#ownSinceMs === null) return;
    const nowMs = performance.now();
    this.#ownMs += nowMs - this.#ownSinceMs;
    this.#ownSinceMs = nowMs;
  }

  #begin(): void {
    this.#cameBytes = 0;
    this.#ownMs = 0;
    this.#timer.refresh();
  }

  #judge(giveUp: (reason: Error) => void): void {
    const { idleMs } = this.#limits;
    this.#countOwnTurn();
    if (this.#ownMs > idleMs * OWN_SHARE) {
      this.#begin();
      return;
    }
    const came = this.#cameBytes === 0 ? 'nothing' : `no more than ${this.#cameBytes} bytes`;
    giveUp(new Error(`${came} came for ${idleMs} ms`));
  }
}
