/** Web pages of other origins: which of them may call the API and read its answers. */

import type { FastifyInstance } from 'fastify';

const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';
/** Browsers ask anew after two hours at the latest. */
const PREFLIGHT_SECONDS = 7_200;

/**
 * Lets pages of these origins in; `*` is any of them. They bring an API key in a header: cookies are not let through, since
 * `access-control-allow-credentials` is never sent.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  const isOpen = origins.includes('*');
  app.addHook('onRequest', async ({ method, headers }, reply) => {
    const { origin } = headers;
    // Caches keep apart what was said to different origins.
    if (!isOpen) reply.header('vary', 'origin');
    if (origin === undefined || !(isOpen || origins.includes(origin))) return;
    reply.headers({ 'access-control-allow-origin': isOpen ? '*' : origin, 'access-control-expose-headers': '*' });
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
