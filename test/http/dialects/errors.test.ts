/** Bad input on every route: always a 4xx in the right shape, never a 5xx, always with a request id. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import type { FastifyInstance } from 'fastify';
import { DIALECTS } from '../../../src/dialects/index.ts';
import { makeCaller, makeVideo } from '../../builders.ts';
import { randomRuns } from '../../random-runs.ts';
import { KEY } from '../fake-gateway.ts';
import { AUTHORIZATION, makeApp } from '../test-app.ts';

const CREATE = '/v1/video/generations';
const JSON_TYPE = { 'content-type': 'application/json' };
const AIRFORCE_ERROR = { error: expect.any(String), code: expect.any(String) };

function post(payload: string | Buffer, headers: Record<string, string> = JSON_TYPE, url = CREATE) {
  return makeApp().app.inject({ method: 'POST', url, headers: { ...AUTHORIZATION, ...headers }, payload });
}

test.each([
  ['no key', {}],
  ['an unknown key', { authorization: 'Bearer stranger' }],
  ['another scheme', { authorization: 'Basic Y2tfdGVzdA==' }],
  ['two keys', { authorization: 'Bearer ck_test ck_test' }],
  ['an empty key', { authorization: 'Bearer ' }],
])('%s is answered 401 on every route (AF-07)', async (_, headers: Record<string, string>) => {
  const { app } = makeApp();
  for (const { method, path } of DIALECTS.airforce.routes) {
    const answer = await app.inject({ method, url: path.replace(':id', 'video_1'), headers });
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.json()).toEqual({ error: expect.any(String), code: 'unauthenticated' });
  }
});

test('strangers are turned away with any body', async () => {
  const answer = await makeApp().app.inject({ method: 'POST', url: CREATE, headers: JSON_TYPE, payload: '{not json' });
  expect(answer.statusCode).toBe(401);
});

test.each([
  ['the words of one API', '{"duration":5}', { error: expect.objectContaining({ code: 'invalid_api_key' }) }],
  ['the words of the other', '{"mode":"text"}', { error: expect.any(String), code: 'unauthenticated' }],
  ['the words of both', '{"duration":5,"mode":"text"}', { error: expect.any(String), code: 'unauthenticated' }],
  ['too much', `{"duration":5}${' '.repeat(65_536)}`, { error: expect.any(String), code: 'unauthenticated' }],
])('a stranger who sends %s is told so in its shape (A4-23, X1)', async (_, payload, body) => {
  const answer = await makeApp().app.inject({ method: 'POST', url: CREATE, headers: JSON_TYPE, payload });
  expect([answer.statusCode, answer.json()]).toEqual([401, body]);
});

test('a caller who asks too often is told so in the words of the body (A4-25, X1)', async () => {
  const { app, gateway } = makeApp({ syncWaitSeconds: 0.001 });
  gateway.callers.set(KEY, makeCaller({ maxRequestsPerMinute: 1 }));
  const payload = { model: 'm', prompt: 'p', quality: '720p', duration: 5 };
  const ask = () => app.inject({ method: 'POST', url: CREATE, headers: AUTHORIZATION, payload });
  await ask();
  const refused = await ask();
  expect(refused.statusCode).toBe(429);
  expect(refused.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
});

test('a stranger’s long body is not waited for', async () => {
  const { app } = makeApp();
  const { hostname, port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const socket = connect(Number(port), hostname);
  socket.write(
    `POST ${CREATE} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 70000\r\n\r\n{`,
  );
  const [head] = await once(socket, 'data');
  expect(String(head)).toMatch(/^HTTP\/1.1 401 /);
  socket.destroy();
  await app.close();
});

test.each([
  ['malformed JSON', '{"model":', 400],
  ['nothing', '', 400],
  ['a list', '[]', 400],
  ['a text', '"x"', 400],
  ['invalid UTF-8', Buffer.from('7b226d6f64656c223a22ff227d', 'hex'), 400],
  ['NUL in a text', '{"model":"m","prompt":"a\\u0000b"}', 400],
  ['NUL in a key', '{"model":"m","prompt":"p","a\\u0000":1}', 400],
  ['half a surrogate pair', '{"model":"m","prompt":"\\ud83e"}', 400],
  ['half a pair in a forwarded key', '{"model":"m","prompt":"p","x":{"y":["\\udd8a"]}}', 400],
  ['a number out of range', '{"model":"m","prompt":"p","seed":1e999}', 400],
  ['a whole number that would lose digits', '{"model":"m","prompt":"p","a":[{"seed":-9007199254740993}]}', 400],
  ['a key __proto__', '{"model":"m","prompt":"p","__proto__":{"mode":"image"}}', 400],
  ['65 levels', `{"model":"m","prompt":"p","x":${'['.repeat(65)}${']'.repeat(65)}}`, 400],
  ['a million levels', `${'['.repeat(1e6)}${']'.repeat(1e6)}`, 400],
  ['a million images', `{"model":"m","prompt":"p","input_images":[${'0,'.repeat(1e6)}0]}`, 400],
  ['16 MiB and more', Buffer.alloc(16 * 1024 * 1024 + 1, 0x20), 413],
])('a body of %s is refused (AF-08, X22)', async (_, payload, status) => {
  const answer = await post(payload);
  expect(answer.statusCode).toBe(status);
  expect(answer.json()).toEqual(AIRFORCE_ERROR);
});

describe.each(['keep-alive', 'close'])('a body that is too large, on a connection to %s,', (connection) => {
  test.each([
    ['with its length told', `content-length: ${17 * 1024 * 1024}`, (chunk: Buffer) => [chunk]],
    ['in chunks', 'transfer-encoding: chunked', (chunk: Buffer) => [`${chunk.length.toString(16)}\r\n`, chunk, '\r\n']],
  ])('can be sent to its end %s, and the answer read then (X22)', async (_, framing, wrap) => {
    const { app } = makeApp();
    const { hostname, port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
    const socket = connect(Number(port), hostname);
    socket.pause();
    const send = async (part: string | Buffer) => {
      if (!socket.write(part)) await once(socket, 'drain');
    };
    try {
      await send(
        `POST ${CREATE} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\nconnection: ${connection}\r\n`,
      );
      await send(`authorization: ${AUTHORIZATION.authorization}\r\n${framing}\r\n\r\n`);
      for (let sent = 0; sent < 17; sent++) {
        for (const part of wrap(Buffer.alloc(1024 * 1024, 0x20))) await send(part);
      }
      if (framing.includes('chunked')) await send('0\r\n\r\n');
      const [head] = await once(socket.resume(), 'data');
      expect(String(head)).toMatch(/^HTTP\/1.1 413 /);
    } finally {
      socket.destroy();
      await app.close();
    }
  });
});

test('a whole surrogate pair and constructor keys are fine', async () => {
  const answer = await post('{"model":"m","prompt":"\\ud83e\\udd8a 🦊","constructor":{"prototype":1},"x":[[[[1]]]]}');
  expect(answer.statusCode).toBe(200);
});

test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense', 'application/jsonp'])(
  'content type %s is answered 415 (AF-08, X22)',
  async (type) => {
    const answer = await post('{"model":"m","prompt":"p"}', { 'content-type': type });
    expect(answer.statusCode).toBe(415);
    expect(answer.json()).toEqual({ error: expect.any(String), code: 'unsupported_media_type' });
  },
);

test('hostile ids and queries never cause a 5xx', async () => {
  const { app } = makeApp();
  const hostile = [
    '%00',
    '%ff',
    '%zz',
    '%',
    "'--",
    '..%2f..%2fetc',
    '%ED%A0%80',
    '__proto__',
    'undefined',
    '%0d%0ax:1',
  ];
  for (const { method, path } of DIALECTS.airforce.routes) {
    for (const text of hostile) {
      for (const prefix of ['', '/airforce']) {
        const url = `${prefix}${path.replace(':id', text)}?limit=${text}&${text}=1`;
        const answer = await app.inject({ method, url, headers: AUTHORIZATION });
        expect({ url, isServerError: answer.statusCode >= 500 }).toEqual({ url, isServerError: false });
      }
    }
  }
});

test.each(['/v1/video/tasks/%zz', '/airforce/v1/video/tasks/%zz'])('%s is answered 400', async (url) => {
  const answer = await makeApp().app.inject({ url, headers: AUTHORIZATION });
  expect(answer.statusCode).toBe(400);
  expect(answer.headers['x-request-id']).toEqual(expect.any(String));
  expect(answer.json()).toEqual({ error: expect.any(String), code: 'invalid_request' });
});

test.each([
  ['/v1/video/generations', 'GET', 'POST'],
  ['/airforce/v1/video/generations', 'PUT', 'POST'],
  ['/v1/video/tasks', 'POST', 'GET, HEAD'],
  ['/v1/video/tasks/video_1', 'PATCH', 'GET, HEAD, DELETE'],
  ['/v1/video/tasks/video_1', 'OPTIONS', 'GET, HEAD, DELETE'],
  ['/v1/video/tasks/video_1/stream', 'HEAD', 'GET'],
  ['/v1/models', 'DELETE', 'GET, HEAD'],
] as const)('%s with %s is answered 405', async (url, method, allow) => {
  const payload = method === 'PUT' ? '<xml/>' : undefined;
  const headers = payload === undefined ? {} : { 'content-type': 'text/xml' };
  const answer = await makeApp().app.inject({ method, url, headers, ...(payload !== undefined && { payload }) });
  expect(answer.statusCode).toBe(405);
  expect(answer.headers['allow']).toBe(allow);
  if (method !== 'HEAD') expect(answer.json()).toMatchObject({ code: 'method_not_allowed' });
});

test.each(['/airforce', '/airforce/v1/nothing', '/airforce/v1/video/tasks/a/b'])(
  'unknown %s is a 404 in the dialect’s shape',
  async (url) => {
    const answer = await makeApp().app.inject({ url });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({ error: expect.any(String), code: 'not_found' });
  },
);

test('elsewhere errors are problem details', async () => {
  const { app } = makeApp({
    plugins: [
      async (plugin: FastifyInstance) => {
        plugin.post('/clipyard/v1/echo', async (request) => request.body);
      },
    ],
  });
  const unknown = await app.inject({ url: '/nothing', headers: { 'x-request-id': 'r-1' } });
  expect(unknown.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(unknown.json()).toEqual({
    type: 'about:blank',
    title: expect.any(String),
    status: 404,
    detail: expect.stringMatching(/^there is no such route/),
    code: 'not_found',
    requestId: 'r-1',
  });
  const malformed = await app.inject({ method: 'POST', url: '/clipyard/v1/echo', headers: JSON_TYPE, payload: '{' });
  expect(malformed.json()).toMatchObject({ status: 400, code: 'invalid_request' });
});

test.each([
  ['req-1.A_b', true],
  ['x'.repeat(64), true],
  ['x'.repeat(65), false],
  ['a b', false],
  ['<script>', false],
])('request id %s is honoured: %s', async (id, isHonoured) => {
  const { app, gateway } = makeApp();
  gateway.put(makeVideo());
  for (const url of ['/v1/video/tasks/video_1', '/v1/models', '/nothing', '/healthz']) {
    const answer = await app.inject({ url, headers: { ...AUTHORIZATION, 'x-request-id': id } });
    expect(answer.headers['x-request-id']).toEqual(isHonoured ? id : expect.stringMatching(/^[0-9a-f-]{36}$/));
  }
});

test('a create from any JSON is answered with 2xx or 4xx', async () => {
  const { app } = makeApp();
  const known = fc.record(
    {
      model: fc.oneof(fc.constant('wan-2.6'), fc.jsonValue()),
      prompt: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
      mode: fc.oneof(fc.constantFrom('text', 'image', 'reference', null), fc.jsonValue()),
      duration_seconds: fc.oneof(fc.integer(), fc.double(), fc.jsonValue()),
      input_images: fc.oneof(fc.array(fc.dictionary(fc.constantFrom('url', 'b64_json'), fc.string())), fc.jsonValue()),
    },
    { requiredKeys: [] },
  );
  const body = fc.oneof(
    known,
    fc.tuple(known, fc.dictionary(fc.string(), fc.jsonValue())).map(([a, b]) => ({ ...b, ...a })),
  );
  const answersWell = async (value: unknown) => {
    const headers = { ...AUTHORIZATION, ...JSON_TYPE };
    const answer = await app.inject({ method: 'POST', url: CREATE, headers, payload: JSON.stringify(value) });
    expect([200, 400]).toContain(answer.statusCode);
    if (answer.statusCode === 400) expect(answer.json()).toEqual(AIRFORCE_ERROR);
  };
  await fc.assert(fc.asyncProperty(body, answersWell), randomRuns(300));
});

test.each([
  ['nonsense', 'nonsense\r\n\r\n', 400],
  ['headers beyond their bound', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
])('%s on the wire is answered with a request id', async (_, sent, status) => {
  const { app } = makeApp();
  const address = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const socket = connect(Number(address.port), address.hostname);
  await once(socket, 'connect');
  socket.write(sent);
  const received = await text(socket);
  expect(received).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(received).toMatch(/x-request-id: [0-9a-f-]{36}/);
  await app.close();
});
