/** Connections that close: Node tells it to the answer that is being sent, and to none that waits behind it. */

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/** Closes the answers to pipelined requests with their connection: what is held until then would be held for ever. */
export function closeAnswersWithConnection(app: FastifyInstance): void {
  const openAnswers = new WeakMap<Socket, Set<ServerResponse>>();
  app.addHook('onRequest', async ({ raw: { socket } }, { raw: answer }) => {
    const ofConnection = openAnswers.get(socket) ?? new Set();
    if (!openAnswers.has(socket)) {
      openAnswers.set(socket, ofConnection);
      socket.once('close', () => {
        for (const waiting of ofConnection) waiting.destroy().emit('close');
      });
    }
    ofConnection.add(answer);
    answer.once('close', () => ofConnection.delete(answer));
  });
}
