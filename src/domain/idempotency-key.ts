/** What an idempotency key may be, for clients and for the gateway. */

/** A caller's key, and what it was sent with. */
export interface IdempotencyKey {
  readonly key: string;
  readonly bodyHash: string;
}

/** As a pattern, for the description of our API. */
export const VALID_KEY = /^[\x20-\x7e]{1,255}$/;

/** For a sentence about one that is not. */
export const IDEMPOTENCY_KEY_WORDS = '1 to 255 printable ASCII characters';

/** Whether it can be sent in a header and kept. */
export function isIdempotencyKey(text: string): boolean {
  return VALID_KEY.test(text);
}
