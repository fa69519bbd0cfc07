/** Who may ask what on our own routes. */

import type { FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import type { Caller } from '../../domain/caller.ts';
import { Refusal } from '../../domain/failure.ts';
import type { Operation } from './operation.ts';

/** Turns the key into a caller. */
async function admit(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await request.server.requestRates.count(await request.server.authenticate(request), reply);
}

/** PostgreSQL holds no NUL in a text, and its error at being asked for one would be answered as a defect of ours. */
export async function refuseNul({ url }: FastifyRequest): Promise<void> {
  const [path = '', ...query] = url.split('?');
  if (path.includes('%00')) throw new Refusal('not_found', 'there is nothing with such an id');
  if (query.some((part) => part.includes('%00'))) throw new Refusal('invalid_request', 'the query holds a NUL');
}

async function requireRoot({ caller }: FastifyRequest): Promise<void> {
  if (!caller?.isRoot) throw new Refusal('forbidden', 'only the root key may do this');
}

/** What a request passes by the access of its route: before its body is read, and after. */
export const GATES: Readonly<Record<Operation['access'], RouteShorthandOptions>> = {
  none: {},
  caller: { onRequest: admit, preHandler: refuseNul },
  root: { onRequest: admit, preHandler: [refuseNul, requireRoot] },
};

/**
 * Whose things a list shows: one's own, and for root those of the caller named or, null, of everyone.
 * @throws Refusal `forbidden` for another caller's.
 */
export function scopeOf({ id, isRoot }: Caller, named: string | undefined): string | null {
  if (isRoot) return named ?? null;
  if (named !== undefined && named !== id) throw new Refusal('forbidden', 'only the root key sees other callers');
  return id;
}
