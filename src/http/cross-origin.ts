/** Web pages of other origins: which of them may call what, and read the answers. */

import type { FastifyInstance } from 'fastify';

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
/** Browsers ask anew after two hours at the latest. */
const PREFLIGHT_SECONDS = 7_200;

declare module 'fastify' {
  interface FastifyRequest {
    /** A page asks that may bring our cookie where it asks. */
    isOfCookiePage: boolean;
  }
}

/** Where pages may also bring their cookie of ours. */
export interface CookiePages {
  /** What the paths begin with. */
  readonly path: string;
  /** As they are by now. */
  origins(): readonly string[];
}

export interface CrossOriginOptions {
  /** `*` is any of them. They bring an API key in a header, and never cookies. */
  readonly origins: readonly string[];
  readonly cookiePages: CookiePages | null;
}

/** Lets these pages in; nothing is said to others. */
export function allowOrigins(app: FastifyInstance, { origins, cookiePages }: CrossOriginOptions): void {
  app.decorateRequest('isOfCookiePage', false);
  if (origins.length === 0 && cookiePages === null) return;
  app.addHook('onRequest', async (request, reply) => {
    const { method, url, headers } = request;
    const withCookies = cookiePages !== null && url.startsWith(cookiePages.path);
    const allowed = withCookies ? cookiePages.origins() : origins;
    if (allowed.length === 0) return;
    const isOpen = allowed.includes('*');
    // Caches keep apart what was said to different origins.
    if (!isOpen) reply.header('vary', 'origin');
    const { origin } = headers;
    if (origin === undefined || !(isOpen || allowed.includes(origin))) return;
    request.isOfCookiePage = withCookies;
    reply.headers({
      'access-control-allow-origin': isOpen ? '*' : origin,
      'access-control-expose-headers': '*',
      ...(withCookies && { 'access-control-allow-credentials': 'true' }),
    });
    if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return;
    const asked = headers['access-control-request-headers'];
    reply.headers({
      'access-control-allow-methods': METHODS,
      'access-control-max-age': PREFLIGHT_SECONDS,
      ...(asked !== undefined && { 'access-control-allow-headers': asked }),
    });
    return reply.code(204).send();
  });
}
