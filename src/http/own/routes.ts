/** Our own routes under /clipyard/v1: what the documented APIs have no words for. */

import type { FastifyPluginAsync } from 'fastify';
import type { Administration } from '../../gateway/administration.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import type { VideoLinks } from '../dialects/exchange.ts';
import { requireCaller } from './access.ts';
import { moneyRoutes } from './money.ts';
import { operatorRoutes } from './operators.ts';
import { videoRoutes } from './videos.ts';

export interface OwnRoutesOptions {
  readonly gateway: Gateway;
  readonly administration: Administration;
  readonly links: VideoLinks;
  /** Where a video's workflow can be looked at; null without a Temporal UI. */
  readonly workflowUrl: (videoId: string) => string | null;
}

/** A plugin with all of them; errors are left to the application, which answers them as problem details. */
export function ownRoutes(options: OwnRoutesOptions): FastifyPluginAsync {
  return async (app) => {
    await app.register(
      async (scope) => {
        requireCaller(scope);
        scope.addHook('onSend', async (_request, reply) => {
          reply.header('cache-control', 'no-store');
        });
        videoRoutes(scope, options);
        moneyRoutes(scope, options);
        await scope.register(async (operators) => operatorRoutes(operators, options));
      },
      { prefix: '/clipyard/v1' },
    );
  };
}
