/** A receiver of what is told of ends, for the programs beside it: raw bodies with their headers, in the order they come. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

/** Listens at a port of this machine; the server is closed by the one who has it. */
export async function openReceiver(port) {
  const received = [];
  const server = createServer(async (request, reply) => {
    const body = await text(request);
    received.push({ path: request.url, headers: request.headers, body });
    reply.writeHead(204).end();
    server.emit('received');
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    /** What came at a path, once so much of it has come. */
    async at(path, count) {
      for (;;) {
        const those = received.filter((each) => each.path === path);
        if (those.length >= count) return those;
        await once(server, 'received', { signal: AbortSignal.timeout(60_000) });
      }
    },
    close: () => server.close(),
  };
}
