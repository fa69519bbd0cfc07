/** Tokens that open event streams for a few minutes, for clients that cannot send a key: browsers' `EventSource`. */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

/** What a token opens: the streams of its caller, or of one video alone. */
export interface StreamClaim {
  readonly callerId: string;
  readonly videoId: string | null;
}

export interface StreamTokens {
  issue(claim: StreamClaim, expiresAt: Date): string;
  /** Null for a token that no key of ours signed, and for one that has expired. */
  verify(token: string, now?: Date): StreamClaim | null;
}

const payloadSchema = z.tuple([z.string(), z.string().nullable(), z.number()]);
const LONGEST_TOKEN = 1024;

/** The first key signs, all verify. */
export function createStreamTokens(secrets: readonly string[]): StreamTokens {
  const [signing] = secrets;
  if (signing === undefined) throw new Error('signing tokens needs at least one key');
  return {
    issue({ callerId, videoId }, expiresAt) {
      const payload = Buffer.from(JSON.stringify([callerId, videoId, expiresAt.getTime()])).toString('base64url');
      return `${payload}.${signatureOf(signing, payload).toString('base64url')}`;
    },
    verify(token, now = new Date()) {
      if (token.length > LONGEST_TOKEN) return null;
      const [payload = '', signature = ''] = token.split('.');
      const given = Buffer.from(signature, 'base64url');
      const isOurs = secrets.some((secret) => {
        const right = signatureOf(secret, payload);
        return given.length === right.length && timingSafeEqual(given, right);
      });
      if (!isOurs) return null;
      const [callerId, videoId, untilMs] = payloadSchema.parse(
        JSON.parse(Buffer.from(payload, 'base64url').toString()),
      );
      return untilMs > now.getTime() ? { callerId, videoId } : null;
    },
  };
}

/** The same keys sign links: what is signed says what it is. */
function signatureOf(secret: string, payload: string): Buffer {
  return createHmac('sha256', secret).update(`stream token\n${payload}`).digest();
}
