/** Reads that may keep a connection of the catalog for long: a caller has two of them under way, and the next ones wait. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from '../domain/failure.ts';

/** Of one caller, in this process; the catalog has ten connections for all of them. */
const AT_ONCE = 2;
const WAIT_MS = 5000;

interface Reads {
  underWay: number;
  /** What lets the next ones begin, in the order in which they came. */
  readonly waiting: Set<() => void>;
}

/** Who reads how much at this moment, by the caller's id. */
export class HeavyReads {
  readonly #byCaller = new Map<string, Reads>();
  readonly #waitMs: number;

  constructor(waitMs: number = WAIT_MS) {
    this.#waitMs = waitMs;
  }

  /**
   * Resolves when the read may begin; to be told when it is done, well or not.
   * @throws Refusal `rate_limited` when none of the caller's own has ended in time.
   */
  async begin(callerId: string): Promise<() => void> {
    const reads = this.#byCaller.get(callerId) ?? { underWay: 0, waiting: new Set() };
    this.#byCaller.set(callerId, reads);
    if (reads.underWay < AT_ONCE) reads.underWay++;
    else await this.#untilTurn(reads);
    let isDone = false;
    return () => {
      if (!isDone) this.#end(callerId, reads);
      isDone = true;
    };
  }

  /** The place of one that ends is handed on, so that none that comes now takes it first. */
  async #untilTurn({ waiting }: Reads): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const isTurn = await new Promise<boolean>((resolve) => {
      const begin = () => resolve(true);
      waiting.add(begin);
      timer = setTimeout(() => resolve(!waiting.delete(begin)), this.#waitMs);
    });
    clearTimeout(timer);
    if (isTurn) return;
    const message = `this key has ${AT_ONCE} lists or sums under way; try again when one is there`;
    throw new Refusal('rate_limited', message, { retryAfterSeconds: Math.ceil(this.#waitMs / 1000) });
  }

  #end(callerId: string, reads: Reads): void {
    const [begin] = reads.waiting;
    if (begin) {
      reads.waiting.delete(begin);
      begin();
    } else {
      reads.underWay--;
      if (reads.underWay === 0) this.#byCaller.delete(callerId);
    }
  }
}

/** Has lists and sums wait for each other, at all routes that are mounted from here on. */
export function limitHeavyReads(app: FastifyInstance, reads: HeavyReads = new HeavyReads()): void {
  const ends = new WeakMap<FastifyRequest, () => void>();
  app.addHook('preHandler', async (request, reply) => {
    if (!request.routeOptions.config.isHeavy || request.caller === null) return;
    ends.set(request, await reads.begin(request.caller.id));
    // Its client did not wait: nothing is read for it.
    if (reply.raw.destroyed) throw new Refusal('unavailable', 'the client has gone');
  });
  // When the answer is there the catalog has done its part, however long the client takes to fetch it.
  app.addHook('onSend', async (request) => ends.get(request)?.());
}
