/** Our own routes for money: balance, ledger, costs, and root's decisions about a video's cost. */

import type { FastifyInstance } from 'fastify';
import { type ById, callerOf, requireRoot, scopeOf } from './access.ts';
import { costsQuery, ledgerQuery, noQuery, read, settleBody } from './requests.ts';
import type { OwnRoutesOptions } from './routes.ts';
import { takeSnapshot } from './videos.ts';

/** Mounts the routes. */
export function moneyRoutes(app: FastifyInstance, options: OwnRoutesOptions): void {
  const { gateway, administration } = options;

  app.get('/balance', async (request) => {
    read(noQuery, request.query);
    return await administration.balance(callerOf(request).id);
  });

  app.get('/ledger', async (request) => {
    const { caller, ...filter } = read(ledgerQuery, request.query);
    return await administration.listEntries({ ...filter, callerId: scopeOf(request, caller) });
  });

  app.get('/costs', async (request) => {
    const { caller, ...filter } = read(costsQuery, request.query);
    return { items: await administration.costs({ ...filter, callerId: scopeOf(request, caller) }) };
  });

  const show = async (request: Parameters<typeof callerOf>[0], id: string) =>
    await takeSnapshot(options, await gateway.read(callerOf(request), id, { includeHidden: true }));

  app.post<ById>('/videos/:id/refund', { preHandler: requireRoot }, async (request) => {
    await administration.refundVideo(request.params.id);
    return await show(request, request.params.id);
  });

  app.post<ById>('/videos/:id/settle', { preHandler: requireRoot }, async (request) => {
    const { amountMicroUsd } = read(settleBody, request.body);
    await administration.settleVideo(request.params.id, amountMicroUsd);
    return await show(request, request.params.id);
  });
}
