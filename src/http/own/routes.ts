/** Our own routes under /clipyard/v1: what the documented APIs have no words for. */

import type { FastifyPluginAsync } from 'fastify';
import { accountRoutes } from './accounts.ts';
import { againRoutes } from './again.ts';
import { batchRoutes } from './batches.ts';
import { callerRoutes } from './callers.ts';
import { eventRoutes } from './events.ts';
import { filmRoutes } from './films.ts';
import { modelRoutes } from './models.ts';
import { moneyRoutes } from './money.ts';
import type { OwnRoutesOptions } from './options.ts';
import { videoRoutes } from './videos.ts';
import { webhookRoutes } from './webhooks.ts';

/** A plugin with all of them; errors are left to the application, which answers them as problem details. */
export function ownRoutes(options: OwnRoutesOptions): FastifyPluginAsync {
  return async (app) => {
    const all = [
      videoRoutes,
      againRoutes,
      modelRoutes,
      moneyRoutes,
      callerRoutes,
      accountRoutes,
      batchRoutes,
      eventRoutes,
      filmRoutes,
      webhookRoutes,
    ];
    for (const mount of all) mount(app, options);
  };
}
