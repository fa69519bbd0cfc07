/** Sending a create until its answer is there: the same key makes every repeat the same create. */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandFailure, type GatewayClient, GatewayFailure, GatewayUnreachable } from './gateway-client.ts';

const MAX_REPEATS = 3;
const BEFORE_REPEAT_MS = 1000;

/** A key for a create that was given none. */
export const newKey = () => `clipyard-${randomUUID()}`;

/** Something may have been made: the same create under the same key gives it, and makes nothing twice. */
export class CreateInDoubt extends CommandFailure {
  /** What became of its last try, without the advice for the command line. */
  readonly reason: string;

  constructor(reason: string, idempotencyKey: string) {
    super(`${reason}; to send the same create again: --idempotency-key ${idempotencyKey}`);
    this.reason = reason;
  }
}

/** Whether something may have been made all the same. */
function isInDoubt(error: unknown): error is GatewayFailure {
  return error instanceof GatewayFailure && (error.status === null || error.status >= 500);
}

/**
 * Has something made, once: a lost answer is simply asked for again.
 * @throws GatewayFailure, or CreateInDoubt with the key that a repeat needs.
 */
export async function sendOnce<Answer>(
  gateway: GatewayClient,
  idempotencyKey: string,
  send: () => Promise<Answer>,
): Promise<Answer> {
  let wasSent = false;
  for (let repeats = 0; ; repeats++) {
    try {
      return await send();
    } catch (error) {
      if (!isInDoubt(error)) throw error;
      wasSent ||= !(error instanceof GatewayUnreachable);
      if (!wasSent) throw error;
      if (repeats >= MAX_REPEATS) throw new CreateInDoubt(error.message, idempotencyKey);
      await sleep(Math.max(error.retryAfterMs, BEFORE_REPEAT_MS), undefined, { signal: gateway.signal });
    }
  }
}
