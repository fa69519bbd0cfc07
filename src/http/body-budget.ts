/** Bodies that are held in memory: their bytes are bounded in the process, and for one caller to half of what others leave. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Refusal } from '../domain/failure.ts';
import { hasBody } from './body.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * To be called before a body takes so many bytes of memory; they are held in place of those that it held before.
     * @throws Refusal `unavailable` when too many are held.
     */
    holdBody(bytes: number): void;
    /** What `reading` makes of the body; the bytes are held until then, also where the client is gone by then. */
    holdBodyWhile<T>(reading: Promise<T>): Promise<T>;
    /** Gives the bytes back before the answer is sent: what the body said has been taken over. */
    releaseBody(): void;
  }
}

/** Of all bodies at once: what JSON becomes when it is parsed is several times that. */
export const HELD_BODY_BYTES = 256 * 1024 * 1024;

const RETRY_AFTER_SECONDS = 2;

/** What is held, by the caller's id. */
export class BodyBudget {
  readonly #mostBytes: number;
  readonly #byCaller = new Map<string, number>();
  #heldBytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /**
   * Takes bytes; to be given back once.
   * @throws Refusal `unavailable`.
   */
  take(callerId: string, bytes: number): () => void {
    const ownBytes = this.#byCaller.get(callerId) ?? 0;
    // Half of the whole for each would be all of it for two, and bytes are held from when they are announced.
    const othersLeaveBytes = this.#mostBytes - (this.#heldBytes - ownBytes);
    if (ownBytes + bytes > othersLeaveBytes / 2) {
      const message = 'too many large requests are being read; send this one again';
      throw new Refusal('unavailable', message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
    this.#add(callerId, bytes);
    let isHeld = true;
    return () => {
      if (isHeld) this.#add(callerId, -bytes);
      isHeld = false;
    };
  }

  #add(callerId: string, bytes: number): void {
    this.#heldBytes += bytes;
    const own = (this.#byCaller.get(callerId) ?? 0) + bytes;
    if (own === 0) this.#byCaller.delete(callerId);
    else this.#byCaller.set(callerId, own);
  }
}

/**
 * Gives an app's requests their share of the bytes; each is given back when its answer is sent or its client gone, and
 * its body is not being read: what waits for its turn is in memory, and who sends and goes could fill it.
 */
export function limitBodies(app: FastifyInstance, mostBytes: number): void {
  const budget = new BodyBudget(mostBytes);
  const held = new WeakMap<FastifyRequest, () => void>();
  app.decorateRequest('holdBody', function holdBody(this: FastifyRequest, bytes: number) {
    this.releaseBody();
    // Gone while its key was looked up, and nothing more is told of it.
    if (this.raw.socket.destroyed) return;
    held.set(this, budget.take(this.caller?.id ?? '', bytes));
  });
  const readings = new WeakMap<FastifyRequest, Promise<unknown>>();
  app.decorateRequest('holdBodyWhile', function holdBodyWhile<T>(this: FastifyRequest, reading: Promise<T>) {
    readings.set(this, reading);
    return reading;
  });
  app.decorateRequest('releaseBody', function releaseBody(this: FastifyRequest) {
    held.get(this)?.();
  });
  app.addHook('preParsing', async (request, reply, payload) => {
    if (!hasBody(request)) return payload;
    const release = () => request.releaseBody();
    reply.raw.once('close', () => Promise.resolve(readings.get(request)).then(release, release));
    return payload;
  });
}
