/** The sandbox's own routes: its bill, its faults, its health. */

import type { FastifyInstance } from 'fastify';
import { billOf } from './bill.ts';
import type { SandboxContext } from './context.ts';
import { conditionsBody } from './fault-kinds.ts';
import { readBody } from './read-body.ts';

export function registerControlRoutes(app: FastifyInstance, { store, conditions, log }: SandboxContext): void {
  app.get('/_sandbox/health', () => ({ status: 'ok' }));

  app.get('/_sandbox/bill', () => {
    const nowMs = Date.now();
    return billOf(store.all(nowMs), nowMs);
  });

  app.get('/_sandbox/faults', () => conditions.view());

  app.post('/_sandbox/faults', (request) => {
    conditions.change(readBody(conditionsBody, request.body).parsed);
    const view = conditions.view();
    log(`speed ${view.speed}, faults: ${view.faults.map(({ kind }) => kind).join(', ') || 'none'}`);
    return view;
  });

  app.delete('/_sandbox/faults', () => {
    conditions.clear();
    return conditions.view();
  });
}
