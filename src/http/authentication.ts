/** Who is asking: the bearer key of a request, turned into a caller before the body is read. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import type { Gateway } from '../gateway/gateway.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /**
     * The caller whose key the request carries, kept with the request.
     * @throws Refusal `unauthenticated` for a missing, malformed, unknown or disabled key.
     */
    authenticate(request: FastifyRequest): Promise<Caller>;
  }
  interface FastifyRequest {
    /** Null until the key was checked, and where none is asked for. */
    caller: Caller | null;
  }
}

/** AF-07: `Bearer` and the key; the scheme's case does not matter (RFC 9110). */
const BEARER = /^bearer +(\S+) *$/i;

/** Gives the app's requests their callers. */
export function addAuthentication(app: FastifyInstance, gateway: Pick<Gateway, 'authenticate'>): void {
  app.decorateRequest('caller', null);
  app.decorate('authenticate', async (request: FastifyRequest) => {
    const key = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (key === undefined) throw new Refusal('unauthenticated', 'send the API key as "Authorization: Bearer <key>"');
    request.caller = await gateway.authenticate(key);
    if (request.caller === null) throw new Refusal('unauthenticated', 'the API key is not known');
    return request.caller;
  });
}
