/** The cookie that a console's session travels in, and from which pages it counts. */

import type { FastifyRequest } from 'fastify';
import { Refusal } from '../../domain/failure.ts';

const NAME = 'clipyard_session';
const SAFE_METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** What the browser sent; null for none. */
export function sessionTokenOf({ headers }: FastifyRequest): string | null {
  const pairs = headers.cookie?.split(';').map((pair) => pair.trim()) ?? [];
  return pairs.find((pair) => pair.startsWith(`${NAME}=`))?.slice(NAME.length + 1) || null;
}

/** A header that gives the browser the token, or, with null, has it forget the one it has. */
export function sessionCookie(token: string | null, { expiresAt, isSecure }: { expiresAt: Date; isSecure: boolean }) {
  const seconds = token === null ? 0 : Math.floor((expiresAt.getTime() - Date.now()) / 1000);
  const secure = isSecure ? '; Secure' : '';
  return `${NAME}=${token ?? ''}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}

/** Whether a page of ours asks, as far as the browser tells; one that tells nothing is none. */
function isSameOrigin({ headers, host }: FastifyRequest): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin } = headers;
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

/**
 * Cookies are sent by the browser whichever page asks: what changes something has to be asked by a page of ours, or by one
 * that may bring its cookie there.
 * @throws Refusal `forbidden`.
 */
export function refuseOtherOrigins(request: FastifyRequest): void {
  if (SAFE_METHODS.includes(request.method) || request.isOfCookiePage || isSameOrigin(request)) return;
  throw new Refusal('forbidden', 'a session counts for requests of the console itself; send the API key instead');
}
