/** Our own routes for operators: callers and upstream accounts; root's alone. */

import type { FastifyInstance } from 'fastify';
import { type ById, requireRoot } from './access.ts';
import { changeCallerBody, creditBody, newCallerBody, noQuery, read } from './requests.ts';
import type { OwnRoutesOptions } from './routes.ts';

/** Mounts the routes. */
export function operatorRoutes(app: FastifyInstance, { administration }: OwnRoutesOptions): void {
  app.addHook('preHandler', requireRoot);

  app.get('/callers', async (request) => {
    read(noQuery, request.query);
    return { items: await administration.listCallers() };
  });

  app.post('/callers', async (request, reply) => {
    const { caller, key } = await administration.createCaller(read(newCallerBody, request.body));
    const { id, ...rest } = caller;
    return await reply.code(201).send({ id, key, ...rest });
  });

  app.patch<ById>('/callers/:id', async (request) => {
    const { disabled, ...chosen } = read(changeCallerBody, request.body);
    return await administration.updateCaller(request.params.id, chosen, disabled);
  });

  app.post<ById>('/callers/:id/credit', async (request) => {
    const { amountMicroUsd } = read(creditBody, request.body);
    return await administration.creditCaller(request.params.id, amountMicroUsd);
  });

  app.get('/accounts', async (request) => {
    read(noQuery, request.query);
    return { items: await administration.listAccounts() };
  });

  app.post<ById>('/accounts/:id/pause', (request) => administration.pauseAccount(request.params.id));
  app.post<ById>('/accounts/:id/resume', (request) => administration.resumeAccount(request.params.id));
}
