/** How long a body may take to arrive, over real connections. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { BodyTimes } from '../../src/http/body-time.ts';
import { makeApp } from './test-app.ts';

/** Never reached. */
const LONG_MS = 600_000;

let app: FastifyInstance;
let socket: Socket;
let answer = '';

afterEach(async () => {
  socket.destroy();
  await app.close();
});

/** Begins a body of ten bytes at a route that stores it, or at one that does not. */
async function begin(path: '/file' | '/other', bodyTimes: Partial<BodyTimes>): Promise<void> {
  const routes = async (scope: FastifyInstance) => {
    scope.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, body, done) => done(null, body));
    scope.post('/file', { config: { isUpload: true } }, async ({ body }) => ({ body }));
    scope.post('/other', async ({ body }) => ({ body }));
  };
  ({ app } = makeApp({ bodyTimes, plugins: [routes] }));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  if (address === null || typeof address === 'string') throw new Error('the application does not listen');
  socket = connect(address.port, '127.0.0.1');
  answer = '';
  socket.setEncoding('utf8').on('data', (text) => {
    answer += text;
  });
  await once(socket, 'connect');
  const head = [`POST ${path} HTTP/1.1`, 'host: here', 'content-type: text/plain', 'content-length: 10'];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
}

test('a body that is not there in time is answered 408', async () => {
  await begin('/other', { totalMs: 100, idleMs: LONG_MS });
  socket.write('abc');
  await once(socket, 'close');
  expect(answer).toContain('HTTP/1.1 408');
});

test('an upload takes as long as it does while bytes keep coming', async () => {
  await begin('/file', { totalMs: 50, idleMs: LONG_MS });
  for (const letter of 'abcdefghij') {
    socket.write(letter);
    await wait(20);
  }
  while (!answer.includes('abcdefghij')) await once(socket, 'data');
  expect(answer).toContain('HTTP/1.1 200');
});

test('an upload in which no byte comes for long is answered 408', async () => {
  await begin('/file', { totalMs: LONG_MS, idleMs: 100 });
  socket.write('abc');
  await once(socket, 'close');
  expect(answer).toContain('HTTP/1.1 408');
});
