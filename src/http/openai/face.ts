/** What OpenAI's routes beside its videos have in common: where they are mounted, who asks, pages and instants. */

import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import { openai } from '../../dialects/openai.ts';
import type { Caller } from '../../domain/caller.ts';
import type { JsonObject } from '../../domain/json.ts';

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

/** A plugin that mounts routes at their paths and under the prefix, with refusals in OpenAI's shape. */
export function openaiFace(mount: (scope: FastifyInstance) => void): FastifyPluginAsync {
  return async (app) => {
    app.addHook('onRequest', async (request, reply) => {
      request.dialect = openai;
      await request.server.requestRates.count(await request.server.authenticate(request), reply);
    });
    for (const prefix of ['', '/openai']) await app.register(async (scope) => mount(scope), { prefix });
  };
}
