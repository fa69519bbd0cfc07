/** Sessions of the console: signed, kept nowhere, and void as soon as their caller's key is. */

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Caller } from '../../domain/caller.ts';

const LIFETIME_MS = 7 * 86_400_000;
const LONGEST_TOKEN = 1024;

/** A caller whose key is good, and what tells that key from its next one. */
export interface KeyHolder {
  readonly caller: Caller;
  readonly keyHash: string;
}

/** An open session. */
export interface Session {
  readonly caller: Caller;
  readonly expiresAt: Date;
}

export interface ConsoleSessions {
  /** Null for a caller that is not there or is disabled. */
  open(callerId: string): Promise<(Session & { readonly token: string }) | null>;
  /** Null for a token that no key of ours signed, that has expired, or whose caller has no such key any more. */
  read(token: string, now?: Date): Promise<Session | null>;
}

/** The first key signs, all verify. `findHolder` finds callers that are not disabled. */
export function createConsoleSessions(
  secrets: readonly string[],
  findHolder: (callerId: string) => Promise<KeyHolder | null>,
): ConsoleSessions {
  const [signing] = secrets;
  if (signing === undefined) throw new Error('signing sessions needs at least one key');
  return {
    async open(callerId) {
      const holder = await findHolder(callerId);
      if (holder === null) return null;
      const expiresAt = new Date(Date.now() + LIFETIME_MS);
      const claim = Buffer.from(`${expiresAt.getTime()}\n${callerId}`).toString('base64url');
      const token = `${claim}.${signatureOf(signing, claim, holder.keyHash).toString('base64url')}`;
      return { caller: holder.caller, expiresAt, token };
    },
    async read(token, now = new Date()) {
      if (token.length > LONGEST_TOKEN) return null;
      const [claim = '', signature = ''] = token.split('.');
      const [untilMs, callerId] = Buffer.from(claim, 'base64url').toString().split('\n');
      if (callerId === undefined || !(Number(untilMs) > now.getTime())) return null;
      const holder = await findHolder(callerId);
      if (holder === null) return null;
      const given = Buffer.from(signature, 'base64url');
      const isOurs = secrets.some((secret) => {
        const right = signatureOf(secret, claim, holder.keyHash);
        return given.length === right.length && timingSafeEqual(given, right);
      });
      return isOurs ? { caller: holder.caller, expiresAt: new Date(Number(untilMs)) } : null;
    },
  };
}

/** The same keys sign links and tokens: what is signed says what it is. A new key of the caller makes another signature. */
function signatureOf(secret: string, claim: string, keyHash: string): Buffer {
  return createHmac('sha256', secret).update(`console session\n${claim}\n${keyHash}`).digest();
}
