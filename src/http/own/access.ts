/** Who asks on our own routes, and what only root may ask. */

import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Caller } from '../../domain/caller.ts';
import { Refusal } from '../../domain/failure.ts';

/** Turns the key of each request to these routes into a caller before its body is read. */
export function requireCaller(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, reply) => {
    await app.requestRates.count(await app.authenticate(request), reply);
  });
  app.addHook('preHandler', refuseNul);
}

/** PostgreSQL holds no NUL in a text, and its error at being asked for one would be answered as a defect of ours. */
async function refuseNul({ url }: FastifyRequest): Promise<void> {
  const [path = '', ...query] = url.split('?');
  if (path.includes('%00')) throw new Refusal('not_found', 'there is nothing with such an id');
  if (query.some((part) => part.includes('%00'))) throw new Refusal('invalid_request', 'the query holds a NUL');
}

/** Who asks. */
export function callerOf(request: FastifyRequest): Caller {
  const { caller, method, url } = request;
  if (caller === null) throw new Error(`${method} ${url} was routed without authentication`);
  return caller;
}

/** A hook for routes of root. */
export async function requireRoot(request: FastifyRequest): Promise<void> {
  if (!callerOf(request).isRoot) throw new Refusal('forbidden', 'only the root key may do this');
}

/**
 * Whose things a list shows: one's own, and for root those of the caller named or, null, of everyone.
 * @throws Refusal `forbidden` for another caller's.
 */
export function scopeOf(request: FastifyRequest, named: string | undefined): string | null {
  const { id, isRoot } = callerOf(request);
  if (isRoot) return named ?? null;
  if (named !== undefined && named !== id) throw new Refusal('forbidden', 'only the root key sees other callers');
  return id;
}

/** Parameters of routes that name one thing. */
export interface ById {
  Params: { id: string };
}
