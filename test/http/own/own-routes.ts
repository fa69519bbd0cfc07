/** Our own routes as the gateway mounts them, for the documents to be held against. */

import { type FastifyPluginAsync, type FastifyPluginCallback, fastify } from 'fastify';
import { agentRoutes } from '../../../src/http/agents/routes.ts';
import { consoleSessionRoutes } from '../../../src/http/console/session-routes.ts';
import { healthRoutes } from '../../../src/http/health.ts';
import { mediaRoutes } from '../../../src/http/media/routes.ts';
import { openApiRoutes } from '../../../src/http/openapi/routes.ts';
import { collectOperations, type Operation } from '../../../src/http/own/operation.ts';
import { ownRoutes } from '../../../src/http/own/routes.ts';
import { temporalCodecRoutes } from '../../../src/http/temporal-codec.ts';

/** Nothing is asked of what stands behind the routes: they are only mounted. */
const absent = {} as never;

const PLUGINS: readonly (FastifyPluginAsync | FastifyPluginCallback)[] = [
  healthRoutes({ checks: absent, isDraining: absent }),
  mediaRoutes({ store: absent, links: absent, findVideo: absent, findFilm: absent, findInputImage: absent }),
  ownRoutes({
    ...{
      gateway: absent,
      administration: absent,
      batches: absent,
      files: absent,
      films: absent,
      filmUrl: absent,
      webhooks: absent,
    },
    ...{ trustedHosts: absent, links: absent, streamTokens: absent, workflowUrl: absent },
  }),
  temporalCodecRoutes(absent),
  agentRoutes({ open: () => absent, publicUrl: absent, origins: [] }),
  consoleSessionRoutes({ gateway: absent, sessions: absent, codes: absent, publicUrl: absent }),
  openApiRoutes({ publicUrl: absent, version: absent }),
];

/** `GET /path/{id}` of each, HEAD only where a route names it itself; and what they say of themselves. */
export async function mountOwnRoutes(): Promise<{
  readonly routes: readonly string[];
  readonly operations: readonly Operation[];
}> {
  const app = fastify({ exposeHeadRoutes: false });
  const routes: string[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    const path = url.replace(/:(\w+)/g, '{$1}');
    routes.push(...[method].flat().map((name) => `${name} ${path}`));
  });
  collectOperations(app);
  for (const plugin of PLUGINS) app.register(plugin);
  await app.ready();
  await app.close();
  return { routes, operations: [...app.operations] };
}
