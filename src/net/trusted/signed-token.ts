/** Short-lived tokens that some APIs take in place of a key: JSON Web Tokens, signed with the second half of it. */

import { createHmac } from 'node:crypto';

const LIFE_SECONDS = 30 * 60;
/** Clocks differ. */
const EARLY_SECONDS = 5;

const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

/** A token of half an hour for a key that is written `ACCESS:SECRET`, by HS256 (RFC 7519). */
export function signedToken(apiKey: string): string {
  const at = apiKey.indexOf(':');
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: apiKey.slice(0, Math.max(at, 0)), exp: now + LIFE_SECONDS, nbf: now - EARLY_SECONDS };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', apiKey.slice(at + 1))
    .update(signed)
    .digest('base64url')}`;
}
