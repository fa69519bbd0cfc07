/** How many connections a gateway has at once: files that its process needs are kept from them. */

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { boundConnections, mostConnections, openFilesOfProcess } from '../../src/process/connections.ts';

test.each([
  [1_048_576, 1_048_064],
  [1024, 512],
  [256, 64],
])('of %d open files leave some to the process', (openFiles, connections) => {
  expect(mostConnections(openFiles)).toBe(connections);
});

test('the process knows how many files it may have open', () => {
  expect(openFilesOfProcess()).toBeGreaterThan(64);
});

describe('beyond that', () => {
  let server: Server;
  const sockets: Socket[] = [];
  const logged: object[] = [];

  afterEach(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  test('they are closed at once, and others go on', async () => {
    server = createServer((socket) => socket.write('hello'));
    boundConnections(server, 8, { warn: (fields) => void logged.push(fields) });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const open = () => {
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
      sockets.push(socket);
      return socket;
    };
    for (let n = 0; n < 2; n++) await once(open(), 'data');
    for (let n = 0; n < 2; n++) await once(open(), 'close');
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false, true, true]);
    expect(logged).toEqual([{ connections: 2, openFiles: 8 }]);
  });
});
