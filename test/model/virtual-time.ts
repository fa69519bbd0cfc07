/** Time that passes only when it is told to, for all code of a test's process; a worker's own clock may be wrong. */

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Db } from '../../src/catalog/driver/database.ts';

interface Timer {
  readonly atMs: number;
  readonly fire: () => void;
}

/** How far the clock of the code that runs is off, milliseconds. */
const skew = new AsyncLocalStorage<number>();

/** PGlite, which runs in this process, as far as its clock is concerned. */
interface EmbeddedCatalog {
  execProtocolRawSync(message: Uint8Array): Uint8Array;
}

export class VirtualTime {
  #nowMs: number;
  readonly #timers = new Set<Timer>();
  readonly #real = globalThis.Date;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  /** The right time: that of the catalog, of Temporal and of the upstreams' truth. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Calls back when the time has come, after those that were set earlier for the same; returns what takes it back. */
  at(atMs: number, fire: () => void): () => void {
    const timer = { atMs, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  after(ms: number, fire: () => void): () => void {
    return this.at(this.#nowMs + ms, fire);
  }

  /** Passes to the next timer and fires it; false when there is none up to then. */
  advance(untilMs = Number.POSITIVE_INFINITY): boolean {
    let next: Timer | null = null;
    for (const timer of this.#timers) if (next === null || timer.atMs < next.atMs) next = timer;
    if (next === null || next.atMs > untilMs) return false;
    this.#timers.delete(next);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.fire();
    return true;
  }

  /** Forgets all timers, and begins at a later time. */
  reset(startMs: number): void {
    this.#timers.clear();
    this.#nowMs = startMs;
  }

  /** What this does has a clock that is off by so much. */
  withSkew<Result>(skewMs: number, work: () => Result): Result {
    return skew.run(skewMs, work);
  }

  /** Has everything in this process go by this time, the catalog's clock among it. */
  install(db: Db): () => void {
    const Real = this.#real;
    const now = () => this.#nowMs + (skew.getStore() ?? 0);
    globalThis.Date = new Proxy(Real, {
      construct: (target, args, newTarget) => Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
      get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
    });
    const { $client: catalog } = db as Db & { readonly $client: EmbeddedCatalog };
    const exec = catalog.execProtocolRawSync.bind(catalog);
    catalog.execProtocolRawSync = (message) => skew.run(0, () => exec(message));
    return () => {
      globalThis.Date = Real;
      catalog.execProtocolRawSync = exec;
    };
  }
}
