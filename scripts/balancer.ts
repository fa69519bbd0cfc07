/** One address before several gateways, as a load balancer is: each connection goes to one of those that listen, in turn. */

import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

/** Passes bytes both ways with the first of these ports that takes a connection. */
function pass(client: Socket, [port, ...others]: readonly number[]): void {
  if (port === undefined) {
    client.destroy();
    return;
  }
  const upstream = createConnection(port, '127.0.0.1');
  const tryNext = () => pass(client, others);
  upstream.once('error', tryNext);
  upstream.once('connect', () => {
    upstream.off('error', tryNext);
    pipeline(client, upstream, client, () => undefined);
  });
}

/** Listens on a free port of this machine. */
export async function startBalancer(ports: readonly number[]): Promise<{ readonly url: string; close(): void }> {
  let turn = 0;
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client.on('close', () => clients.delete(client)).on('error', () => undefined));
    const first = turn++ % ports.length;
    pass(client, [...ports.slice(first), ...ports.slice(0, first)]);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the balancer has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    close() {
      server.close();
      for (const client of clients) client.destroy();
    },
  };
}
