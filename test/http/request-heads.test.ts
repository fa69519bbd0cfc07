/** Requests that are wrong by their heads alone: answered like every other, with a request id. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { problemAnswer } from '../../src/wire/clipyard/problem.ts';
import { makeVideo } from '../builders.ts';
import { AUTHORIZATION, makeApp, type TestApp } from './test-app.ts';

let made: TestApp;
let app: FastifyInstance;
let port = 0;

beforeAll(async () => {
  made = makeApp();
  app = made.app;
  port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
});
afterAll(() => app.close());

/** The whole answer to these lines. */
async function answerTo(...lines: readonly string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port });
  let text = '';
  socket.on('data', (piece) => {
    text += piece.toString('latin1');
  });
  socket.write([...lines, 'connection: close', '', ''].join('\r\n'));
  await once(socket, 'close');
  return text;
}

test.each([
  ['without a host', ['GET /healthz HTTP/1.1'], 400],
  ['that expects something else', ['POST /v1/videos HTTP/1.1', 'host: a', 'expect: a-miracle'], 417],
  ['that is no HTTP', ['NONSENSE'], 400],
  ['with two hosts', ['GET /healthz HTTP/1.1', 'host: a', 'Host: b'], 400],
  ['with headers beyond all bounds', ['GET /healthz HTTP/1.1', 'host: a', `a: ${'b'.repeat(20_000)}`], 431],
])('one %s is told with a request id', async (_which, lines, status) => {
  const answer = await answerTo(...lines);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer.toLowerCase()).toMatch(/\r\nx-request-id: [\w-]+\r\n/);
  expect(answer.toLowerCase()).toContain('content-type: application/problem+json');
  const body = problemAnswer.parse(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))));
  expect(body).toMatchObject({ status, detail: expect.not.stringMatching(body.title) });
});

describe('what is no request, behind one', () => {
  /** All that comes on a connection on which these are sent, each once something has come for the one before. */
  async function answersTo(...pieces: readonly string[]): Promise<{ readonly text: string; readonly socket: Socket }> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
    });
    const ended = Promise.race([once(socket, 'end'), once(socket, 'close')]);
    for (const piece of pieces) {
      const came = once(socket, 'data');
      socket.write(piece);
      if (piece !== pieces.at(-1)) await came;
    }
    await ended;
    return { text, socket };
  }
  const HEAD = ['host: a', `authorization: ${AUTHORIZATION.authorization}`].join('\r\n');

  test('is not answered within an answer that has begun', async () => {
    made.gateway.put(makeVideo());
    const { text } = await answersTo(
      `GET /v1/video/tasks/video_1/stream HTTP/1.1\r\n${HEAD}\r\n\r\n`,
      'NONSENSE\r\n\r\n',
    );
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
  });

  test('is not answered where it is the body of a request that has its answer', async () => {
    const head = `POST /v1/videos HTTP/1.1\r\n${HEAD}\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked`;
    const { text } = await answersTo(`${head}\r\n\r\n`, 'no chunk\r\n\r\n');
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 415']);
  });

  test('is answered behind an answer that is whole, and its connection closed whether its client closes it or not', async () => {
    const { text, socket } = await answersTo(`GET /healthz HTTP/1.1\r\n${HEAD}\r\n\r\n`, 'NONSENSE\r\n\r\n');
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400']);
    const countOpen = () =>
      new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)));
    while ((await countOpen()) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    socket.destroy();
  }, 10_000);
});

const MANY_HEADERS = Array.from({ length: 1100 }, () => 'a:');

test('no header is left out behind many others', async () => {
  const authorization = `authorization: ${AUTHORIZATION.authorization}`;
  const answer = await answerTo('GET /openai/v1/models HTTP/1.1', 'host: a', ...MANY_HEADERS, authorization);
  expect(answer).toMatch(/^HTTP\/1.1 200 /);
  expect(await answerTo('GET /healthz HTTP/1.1', 'host: a', ...MANY_HEADERS, 'host: b')).toMatch(/^HTTP\/1.1 400 /);
});

test('HTTP/1.0 needs no host', async () => {
  expect(await answerTo('GET /healthz HTTP/1.0')).toMatch(/^HTTP\/1.1 200 /);
});

test.each([
  ['POST', '/openai/v1/videos', 'text/plain', 'application/json or multipart/form-data'],
  ['POST', '/airforce/v1/video/generations', 'application/x-www-form-urlencoded', 'application/json'],
  ['POST', '/airforce/v1/video/generations', 'multipart/form-data; boundary=b', 'application/json'],
  ['POST', '/infrai/v1/video/generate', 'nonsense', 'application/json'],
  ['POST', '/a4f/v1/video/generations', undefined, 'application/json'],
] as const)('%s %s with a body of another type is told what the route takes', async (method, url, type, takes) => {
  const headers = { ...AUTHORIZATION, ...(type !== undefined && { 'content-type': type }) };
  const answer = await app.inject({ method, url, headers, payload: Buffer.from('prompt=a+fox') });
  expect(answer.statusCode).toBe(415);
  const sent = type?.split(';')[0] ?? 'a body without Content-Type';
  expect(answer.body).toContain(`this route takes ${takes}, not ${sent}`);
  expect(made.gateway.orders).toEqual([]);
});

describe('a body under Content-Encoding', () => {
  const payload = gzipSync(JSON.stringify({ model: 'wan-2.6', prompt: 'a fox' }));
  const post = (encoding: string, type: string) =>
    app.inject({
      method: 'POST',
      url: '/openai/v1/videos',
      headers: { ...AUTHORIZATION, 'content-type': type, 'content-encoding': encoding },
      payload,
    });

  test.each(['gzip', 'br', 'deflate, gzip', 'GZIP'])(
    'of %s is 415, and what is taken instead is told',
    async (encoding) => {
      for (const type of ['application/json', 'multipart/form-data; boundary=b']) {
        const answer = await post(encoding, type);
        expect(answer.statusCode).toBe(415);
        expect(answer.headers['accept-encoding']).toBe('identity');
        expect(answer.json()).toMatchObject({ error: { message: expect.stringContaining('Content-Encoding') } });
      }
      expect(made.gateway.orders).toEqual([]);
    },
  );

  test('of identity is as without it', async () => {
    const answer = await app.inject({
      method: 'POST',
      url: '/openai/v1/videos',
      headers: { ...AUTHORIZATION, 'content-encoding': 'identity' },
      payload: { model: 'wan-2.6', prompt: 'a fox' },
    });
    expect(answer.statusCode).toBe(200);
  });
});
