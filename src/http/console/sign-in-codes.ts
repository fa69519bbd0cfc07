/** Codes that sign in to the console once, for the link that a process prints at its start. */

import { randomBytes } from 'node:crypto';

const LIFETIME_MS = 15 * 60_000;
const CODE_BYTES = 24;

export interface SignInCodes {
  issue(callerId: string): string;
  /** The caller that a code stands for, once; null for any other text. */
  redeem(code: string): string | null;
}

/** Known to this process alone. */
export function createSignInCodes(): SignInCodes {
  const issued = new Map<string, { readonly callerId: string; readonly untilMs: number }>();
  return {
    issue(callerId) {
      const code = randomBytes(CODE_BYTES).toString('base64url');
      issued.set(code, { callerId, untilMs: Date.now() + LIFETIME_MS });
      return code;
    },
    redeem(code) {
      const known = issued.get(code);
      issued.delete(code);
      return known && known.untilMs > Date.now() ? known.callerId : null;
    },
  };
}
