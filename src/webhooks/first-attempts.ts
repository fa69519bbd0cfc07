/** First attempts: made as soon as their ends are committed, until they are; what they do not deliver goes on as a workflow. */

import {
  claimUnstarted,
  type LeftOut,
  listProbes,
  noteStarted,
  parkDeliveries,
  type Unstarted,
} from '../catalog/deliveries.ts';
import type { CatalogDatabase } from '../catalog/driver/database.ts';
import { DELIVERY_CHANNEL } from '../catalog/events.ts';
import { eachAtOnce } from '../domain/at-once.ts';
import type { Log } from '../domain/log.ts';
import { attemptWaitMs } from '../domain/webhook.ts';
import { type AttemptDependencies, attemptDelivery } from './attempt.ts';

export interface FirstAttemptsDependencies {
  readonly delivery: AttemptDependencies;
  /** Starts a delivery's workflow with its second attempt, after this; one that runs goes on as it does. */
  readonly startDelivery: (delivery: Pick<Unstarted, 'id' | 'callerId'>, secondInMs: number) => Promise<void>;
  readonly log: Pick<Log, 'warn'>;
}

const AT_ONCE = 50;
/** Of one destination, so that one that is slow leaves places for the others. */
const AT_ONCE_EACH = 10;
/** Of one caller, since each of its requests may name a callback of its own. */
const AT_ONCE_OF_CALLER = 20;
const PROBES_AT_ONCE = 8;
/** How often it is looked for what was not heard of, and what another process has left. */
const AGAIN_MS = 10_000;

/** The words that are there so often. */
function frequent(words: readonly string[], times: number): readonly string[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].filter(([, count]) => count >= times).map(([word]) => word);
}

/** The attempts of a process. */
export class FirstAttempts {
  readonly #dependencies: FirstAttemptsDependencies;
  /** Those under way. */
  readonly #running = new Map<Promise<void>, Unstarted>();
  #isWoken = false;
  /** There may be more than there are places for. */
  #isHeldBack = false;
  #claiming: Promise<void> | null = null;
  #isStopped = false;

  constructor(dependencies: FirstAttemptsDependencies) {
    this.#dependencies = dependencies;
  }

  /** There may be something to deliver, or a place for it. */
  wake(): void {
    if (this.#isStopped) return;
    this.#isWoken = true;
    this.#claiming ??= this.#claim();
  }

  /** Finds out whether endpoints that only failed are back: one attempt for each, and never a workflow. */
  async probe(): Promise<void> {
    const { delivery, log } = this.#dependencies;
    try {
      const ids = await listProbes(delivery.db);
      await eachAtOnce(ids, PROBES_AT_ONCE, async (id) => {
        await attemptDelivery(delivery, { deliveryId: id, thenMs: attemptWaitMs(2, Math.random()) });
      });
    } catch (error) {
      log.warn({ error: String(error) }, 'an endpoint that fails could not be tried; it is tried again');
    }
  }

  /** Resolves when nothing is claimed and nothing runs. */
  async idle(): Promise<void> {
    while (this.#claiming !== null || this.#running.size > 0)
      await Promise.all([this.#claiming, ...this.#running.keys()]);
  }

  /** Takes nothing more over, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.idle();
  }

  async #claim(): Promise<void> {
    try {
      while (this.#isWoken && !this.#isStopped) {
        this.#isWoken = false;
        await this.#takeOver();
      }
    } catch (error) {
      this.#dependencies.log.warn({ error: String(error) }, 'deliveries could not be read; they are read again');
    } finally {
      this.#claiming = null;
    }
  }

  /** As many as there are places for; each that ends makes one. */
  async #takeOver(): Promise<void> {
    const { db } = this.#dependencies.delivery;
    await parkDeliveries(db);
    for (;;) {
      const except = this.#leftOut();
      const limit = Math.min(AT_ONCE - this.#running.size, AT_ONCE_EACH);
      this.#isHeldBack = limit <= 0 || except.destinations.length > 0 || except.callers.length > 0;
      if (limit <= 0) return;
      const taken = await claimUnstarted(db, { limit, except });
      for (const delivery of taken) this.#begin(delivery);
      if (taken.length < limit) return;
    }
  }

  /** Those that have their share of the places. */
  #leftOut(): LeftOut {
    const running = [...this.#running.values()];
    return {
      destinations: frequent(
        running.map(({ destination }) => destination),
        AT_ONCE_EACH,
      ),
      callers: frequent(
        running.map(({ callerId }) => callerId),
        AT_ONCE_OF_CALLER,
      ),
    };
  }

  #begin(unstarted: Unstarted): void {
    const running: Promise<void> = this.#attempt(unstarted).finally(() => {
      this.#running.delete(running);
      if (this.#isHeldBack) this.wake();
    });
    this.#running.set(running, unstarted);
  }

  /** What fails on our own side is taken over again once its claim has run out. */
  async #attempt({ id, callerId }: Unstarted): Promise<void> {
    const { delivery, startDelivery, log } = this.#dependencies;
    try {
      const outcome = await attemptDelivery(delivery, { deliveryId: id, thenMs: attemptWaitMs(2, Math.random()) });
      if (outcome.kind === 'again') await startDelivery({ id, callerId }, outcome.waitMs);
      await noteStarted(delivery.db, id);
    } catch (error) {
      log.warn({ deliveryId: id, error: String(error) }, 'a delivery could not be attempted; it is tried again');
    }
  }
}

/** Makes first attempts until the returned function is called. */
export async function makeFirstAttempts(
  database: Pick<CatalogDatabase, 'listen'>,
  dependencies: FirstAttemptsDependencies,
): Promise<() => Promise<void>> {
  const attempts = new FirstAttempts(dependencies);
  const wake = () => attempts.wake();
  const stopListening = await database.listen(DELIVERY_CHANNEL, { onPayload: wake, onGap: wake });
  const timer = setInterval(() => {
    void attempts.probe();
    wake();
  }, AGAIN_MS);
  wake();
  let stopping: Promise<void> | null = null;
  const stop = async () => {
    clearInterval(timer);
    await stopListening();
    await attempts.stop();
  };
  return () => {
    stopping ??= stop();
    return stopping;
  };
}
