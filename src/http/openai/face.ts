/** What OpenAI's routes beside its videos have in common: where they are mounted, who asks, pages and instants. */

import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { openai } from '../../dialects/openai.ts';
import type { Caller } from '../../domain/caller.ts';
import { REFUSALS, Refusal } from '../../domain/failure.ts';
import type { JsonObject } from '../../domain/json.ts';
import { DIALECT_TAGS } from '../openapi/dialect-operations.ts';
import { refuseNul } from '../own/access.ts';
import type { Operation } from '../own/operation.ts';

/** A request at one of these routes. */
export type Asked = FastifyRequest<{ Params: { id: string }; Querystring: Record<string, string | undefined> }>;

/** Seconds of Unix time. */
export const seconds = (date: Date | null) => date && Math.floor(date.getTime() / 1000);

/** Who asks. */
export function callerOf({ caller }: FastifyRequest): Caller {
  if (caller === null) throw new Error('a route was reached without a caller');
  return caller;
}

/** A page of a list. */
export function page(data: readonly JsonObject[], hasMore: boolean): JsonObject {
  const idOf = (entry: JsonObject | undefined) => entry?.['id'] ?? null;
  return { object: 'list', data, first_id: idOf(data[0]), last_id: idOf(data.at(-1)), has_more: hasMore };
}

const PREFIX = '/openai';

/** A route of the face as it is described, its path without the prefix. */
export type FaceOperation = Omit<Operation, 'tag' | 'access' | 'rendersRefusal'>;

/** Mounts a route; what the document says of it stands under the prefix, as all of this API's routes do there. */
export function mount(
  scope: FastifyInstance,
  described: FaceOperation,
  handle: (request: Asked, reply: FastifyReply) => unknown,
): void {
  const { method, path, bodies, isUpload = false } = described;
  const operation: Operation = {
    ...described,
    path: `${PREFIX}${path}`,
    tag: DIALECT_TAGS.openai,
    access: 'caller',
    rendersRefusal: (kind) => openai.renderRefusal(new Refusal(kind, REFUSALS[kind].meaning)),
  };
  scope.route<{ Params: { id: string }; Querystring: Asked['query'] }>({
    method,
    url: path,
    config: { isUpload, ...(bodies && { takes: Object.keys(bodies) }), ...(scope.prefix === PREFIX && { operation }) },
    preHandler: refuseNul,
    handler: async (request, reply) => await handle(request, reply),
  });
}

/** A plugin that mounts routes at their paths and under the prefix, with refusals in OpenAI's shape. */
export function openaiFace(mountAll: (scope: FastifyInstance) => void): FastifyPluginAsync {
  return async (app) => {
    app.addHook('onRequest', async (request, reply) => {
      request.dialect = openai;
      await request.server.requestRates.count(await request.server.authenticate(request), reply);
    });
    for (const prefix of ['', PREFIX]) await app.register(async (scope) => mountAll(scope), { prefix });
  };
}
