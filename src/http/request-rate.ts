/** How many requests a caller may make in a minute: counted in this process, told in headers, refused beyond. */

import type { FastifyReply } from 'fastify';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Caller } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';

declare module 'fastify' {
  interface FastifyInstance {
    requestRates: RequestRates;
  }
}

const WINDOW_SECONDS = 60;

export class RequestRates {
  /** By what they allow: a caller whose limit is changed begins anew. */
  readonly #limiters = new Map<number, RateLimiterMemory>();

  /**
   * Counts a request and tells in `RateLimit` and `RateLimit-Policy` (the form of the drafts since the seventh) what is
   * left. Root, and a caller without a limit, is neither counted nor told.
   * @throws Refusal `rate_limited` beyond the limit, with the time at which the caller may come back.
   */
  async count(caller: Caller, reply: FastifyReply): Promise<void> {
    const { id, isRoot, maxRequestsPerMinute: limit } = caller;
    if (isRoot || limit === null) return;
    const { remainingPoints, msBeforeNext, consumedPoints } = await this.#consume(limit, id);
    const seconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
    reply.header('ratelimit-policy', `"caller";q=${limit};w=${WINDOW_SECONDS}`);
    reply.header('ratelimit', `"caller";r=${Math.max(0, remainingPoints)};t=${seconds}`);
    if (consumedPoints <= limit) return;
    const message = `this key may make ${limit} requests a minute; try again in ${seconds} s`;
    throw new Refusal('rate_limited', message, { retryAfterSeconds: seconds });
  }

  async #consume(limit: number, id: string): Promise<RateLimiterRes> {
    const limiter = this.#limiters.get(limit) ?? new RateLimiterMemory({ points: limit, duration: WINDOW_SECONDS });
    this.#limiters.set(limit, limiter);
    try {
      return await limiter.consume(id);
    } catch (result) {
      // Beyond the limit the same facts are thrown.
      if (result instanceof RateLimiterRes) return result;
      throw result;
    }
  }
}
