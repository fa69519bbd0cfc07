/** `Expect: 100-continue`: a body is asked for once its request was admitted, and not sent for an answer that is known. */

import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Has an app's clients that wait with their bodies told to go on after their keys were checked. */
export function continueOnceAdmitted(app: FastifyInstance): void {
  const waiting = new WeakSet<FastifyRequest['raw']>();
  app.server.on('checkContinue', (request, response) => {
    waiting.add(request);
    app.server.emit('request', request, response);
  });
  app.addHook('preParsing', async (request, reply, payload) => {
    if (waiting.delete(request.raw)) reply.raw.writeContinue();
    return payload;
  });
  app.addHook('onSend', async (request, reply) => {
    // Whether the body follows all the same is not known: what comes next on the connection could be taken for it.
    if (waiting.has(request.raw)) reply.header('connection', 'close');
  });
}
