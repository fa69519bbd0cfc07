/** Who is asking: the bearer key of a request, turned into a caller before the body is read. */

import type { FastifyRequest } from 'fastify';
import type { Caller } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import type { Gateway } from '../gateway/gateway.ts';

/** AF-07: `Bearer` and the key; the scheme's case does not matter (RFC 9110). */
const BEARER = /^bearer +(\S+) *$/i;

/**
 * The caller whose key the request carries.
 * @throws Refusal `unauthenticated` for a missing, malformed, unknown or disabled key.
 */
export async function authenticate(
  gateway: Pick<Gateway, 'authenticate'>,
  request: Pick<FastifyRequest, 'headers'>,
): Promise<Caller> {
  const key = BEARER.exec(request.headers.authorization ?? '')?.[1];
  if (key === undefined) throw new Refusal('unauthenticated', 'send the API key as "Authorization: Bearer <key>"');
  const caller = await gateway.authenticate(key);
  if (caller === null) throw new Refusal('unauthenticated', 'the API key is not known');
  return caller;
}
