/** One JSON exchange with a configured host: what is sent, what is read, and how far a failed one had come. */

import { readFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { UpstreamError } from '../../../src/domain/upstream-error.ts';
import {
  type JsonRequest,
  requestJson,
  unexpectedAnswer,
  upstreamWords,
} from '../../../src/net/trusted/request-json.ts';
import { USER_AGENT } from '../../../src/net/user-agent.ts';
import {
  cut,
  json,
  type ScriptedServer,
  silence,
  startScriptedServer,
  text,
  useScriptedServer,
} from '../scripted-server.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const API_KEY = 'sk-air-0123456789';

let server: ScriptedServer;
useScriptedServer((started) => {
  server = started;
});

function call(overrides: Partial<JsonRequest> = {}) {
  const { signal } = new AbortController();
  return requestJson({
    method: 'GET',
    url: `${server.origin}/v1/thing`,
    apiKey: API_KEY,
    timeoutMs: 10_000,
    signal,
    ...overrides,
  });
}

async function failure(exchange: Promise<unknown>): Promise<UpstreamError> {
  const error = await exchange.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof UpstreamError)) throw new Error(`expected an UpstreamError, got ${String(error)}`);
  return error;
}

describe('what is sent', () => {
  test('carries key, name, body and idempotency key', async () => {
    server.script = json(200, {});
    await call({ method: 'POST', body: { a: 'ü' }, idempotencyKey: 'key-1' });
    const [received] = server.received;
    expect(received?.headers).toMatchObject({
      'accept-encoding': 'identity',
      authorization: `Bearer ${API_KEY}`,
      'user-agent': `clipyard/${version}`,
      'content-type': 'application/json',
      'idempotency-key': 'key-1',
    });
    expect(received).toMatchObject({ method: 'POST', path: '/v1/thing', body: '{"a":"ü"}' });
    expect(USER_AGENT).toBe(`clipyard/${version}`);
  });

  test('is a large body as it stands, with its length', async () => {
    server.script = json(200, {});
    const body = { prompt: 'ü', images: ['QUJD'.repeat(1024 * 1024), 'a "fox"\n'.repeat(100_000)], n: 1 };
    await call({ method: 'POST', body });
    const written = JSON.stringify(body);
    expect(server.received[0]?.body === written).toBe(true);
    expect(server.received[0]?.headers['content-length']).toBe(String(Buffer.byteLength(written)));
  });

  test('uses a connection of its own when asked', async () => {
    server.script = json(200, {});
    await call();
    await call({ method: 'POST', freshConnection: true });
    await call({ method: 'POST', freshConnection: true });
    const ports = server.received.map(({ remotePort }) => remotePort);
    expect(new Set(ports).size).toBe(3);
    expect(server.received[1]?.headers.connection).toBe('close');
  });

  test('keeps connections from one read to another', async () => {
    server.script = json(200, {});
    for (let reads = 0; reads < 5; reads += 1) await call();
    expect(new Set(server.received.map(({ remotePort }) => remotePort)).size).toBeLessThan(5);
  });
});

describe('what is read', () => {
  test('returns status, headers, body and upstream clock', async () => {
    server.script = json(202, { id: 1 }, { 'X-Request-Id': 'r1', date: 'Wed, 21 Oct 2026 07:28:00 GMT' });
    const reply = await call();
    expect(reply).toMatchObject({ status: 202, body: { id: 1 }, excerpt: '{"id":1}' });
    expect(reply.headers['x-request-id']).toBe('r1');
    expect(reply.upstreamNowMs).toBe(Date.parse('2026-10-21T07:28:00Z'));
  });

  test.each([
    ['gzip', gzipSync],
    ['X-GZIP', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['gzip', (plain: Buffer) => plain],
    ['unheard-of', (plain: Buffer) => plain],
  ])('reads an answer that is encoded all the same, %#: %s', async (encoding, encode) => {
    server.script = (response) => {
      response.writeHead(200, { 'content-encoding': encoding });
      response.end(encode(Buffer.from('{"id":"ü"}')));
    };
    expect((await call()).body).toEqual({ id: 'ü' });
  });

  test('keeps every digit of whole numbers that JavaScript cannot hold, and changes nothing else', async () => {
    const prompt = 'a "12345678901234567890", \\\\ and [9007199254740993]';
    const body = `{"id":9007199254740993,"ids":[ -12345678901234567890 ],"most":9007199254740991,"cost":0.1234567890123456,
      "large":1e22,"text":"1234567890123456789","prompt":${JSON.stringify(prompt)}}`;
    server.script = text(200, body);
    expect((await call()).body).toEqual({
      id: '9007199254740993',
      ids: ['-12345678901234567890'],
      most: 9007199254740991,
      cost: 0.1234567890123456,
      large: 1e22,
      text: '1234567890123456789',
      prompt,
    });
  });

  test('looks through a text that is never closed once, and not again from each quote in it', async () => {
    // Four times the length would take sixteen times as long: hours, in which nothing else has its turn.
    server.script = text(200, `{"id":9007199254740993,"text":"${'\\"'.repeat(2_000_000)}`);
    expect((await call()).body).toBeUndefined();
  });

  test('takes no encoded answer that is larger than its bound', async () => {
    server.script = (response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' });
      response.end(gzipSync(JSON.stringify('a'.repeat(100_000))));
    };
    expect((await call({ maxBytes: 10_000 })).body).toBeUndefined();
  });

  test('shows garbage as an excerpt without body', async () => {
    server.script = text(200, '<html>maintenance</html>');
    expect(await call()).toMatchObject({ status: 200, body: undefined, excerpt: '<html>maintenance</html>' });
  });

  test('does not follow a redirect anywhere', async () => {
    server.script = text(307, '', { location: '/elsewhere' });
    expect((await call({ method: 'POST', body: {} })).status).toBe(307);
    expect(server.received).toHaveLength(1);
  });

  test('skips informational answers before the real one', async () => {
    server.script = (response, request) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' });
      json(201, { ok: true })(response, request);
    };
    expect(await call()).toMatchObject({ status: 201, body: { ok: true } });
  });

  test('hides our key where an error quotes it', async () => {
    server.script = json(
      401,
      { error: { message: `Incorrect API key: ${API_KEY}`, code: 'bad_key' } },
      { 'retry-after': '3' },
    );
    const error = unexpectedAnswer(await call(), 'a thing');
    expect(error).toMatchObject({ phase: 'answered', status: 401, retryAfterMs: 3000 });
    expect(error.upstream).toEqual({ status: 401, code: 'bad_key', message: 'Incorrect API key: [key]' });
    expect(error.message).not.toContain(API_KEY);
  });

  test.each([
    ['with the escapes of JSON that need not be', (key: string) => key.replaceAll('/', '\\/')],
    ['in code points', (key: string) => Array.from(key, (c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('')],
    ['as in a URL', encodeURIComponent],
    ['in capitals', (key: string) => key.toUpperCase()],
  ])('hides our key where it is quoted %s', async (_how, quote) => {
    const apiKey = 'sk-one/two+three=';
    const body = `{"error": {"message": "no ${quote(apiKey)} here", "code": "bad_key"}}`;
    server.script = text(401, body, { 'x-request-id': `r ${apiKey}` });
    const reply = await call({ apiKey });
    expect(upstreamWords(reply)).toMatchObject({ message: 'no [key] here', requestId: 'r [key]' });
    expect(reply.excerpt).toContain('no [key] here');
  });
});

describe('an exchange that was not sent', () => {
  test('is one whose host has no address', async () => {
    const error = await failure(call({ url: 'http://no-such-host.invalid/v1' }));
    expect(error).toMatchObject({ phase: 'not sent', status: undefined });
    expect(error.cause).toMatchObject({ syscall: 'getaddrinfo' });
  });

  test('is one whose connection is refused', async () => {
    const closed = await startScriptedServer();
    await closed.close();
    for (const freshConnection of [false, true]) {
      const error = await failure(call({ url: closed.origin, freshConnection }));
      expect(error.phase).toBe('not sent');
      expect(error.message).toContain('ECONNREFUSED');
    }
  });

  test('is one whose TLS handshake fails', async () => {
    const url = server.origin.replace('http:', 'https:');
    expect((await failure(call({ url, freshConnection: true }))).phase).toBe('not sent');
    expect(server.received).toHaveLength(0);
  });

  test('is one that was cancelled beforehand', async () => {
    const signal = AbortSignal.abort(new Error('shutting down'));
    expect((await failure(call({ signal }))).message).toContain('shutting down');
    expect(server.received).toHaveLength(0);
  });

  test('is one with an unusable URL or key', async () => {
    expect((await failure(call({ url: 'not a url' }))).phase).toBe('not sent');
    expect((await failure(call({ apiKey: 'two\nlines' }))).phase).toBe('not sent');
  });

  describe('while the handshake hangs', () => {
    let mute: Server;
    let url: string;
    const sockets: Socket[] = [];
    let accepted: Promise<unknown>;

    beforeEach(async () => {
      mute = createServer((socket) => sockets.push(socket.on('error', () => {})));
      accepted = new Promise((resolve) => mute.once('connection', resolve));
      await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
      const address = mute.address();
      url = `https://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    });
    afterEach(async () => {
      for (const socket of sockets.splice(0)) socket.destroy();
      await new Promise((resolve) => mute.close(resolve));
    });

    test('is one that is cancelled meanwhile', async () => {
      const abort = new AbortController();
      const ending = failure(call({ url, freshConnection: true, signal: abort.signal }));
      await accepted;
      abort.abort(new Error('shutting down'));
      expect((await ending).phase).toBe('not sent');
    });

    test('is one that runs out of time', async () => {
      const error = await failure(call({ url, freshConnection: true, timeoutMs: 50 }));
      expect(error.phase).toBe('not sent');
      expect(error.message).toContain('within 50 ms');
    });
  });
});

describe('a lost answer', () => {
  test.each([
    ['a reset connection', cut(), undefined],
    ['an answer cut in its middle', cut(200), 200],
    ['an answer larger than its bound', json(200, { padding: 'x'.repeat(2000) }), 200],
    [
      'an answer that is not HTTP',
      ((response) => response.socket?.end('nonsense\r\n\r\n')) as typeof silence,
      undefined,
    ],
  ])('is %s', async (_name, script, status) => {
    server.script = script;
    const error = await failure(call({ method: 'POST', body: {}, freshConnection: true, maxBytes: 1000 }));
    expect(error).toMatchObject({ phase: 'lost', status });
    expect(server.received).toHaveLength(1);
  });

  test('is one that never comes in time', async () => {
    server.script = silence;
    expect(await failure(call({ timeoutMs: 1000 }))).toMatchObject({ phase: 'lost', status: undefined });
  });

  test('is one whose body never comes in time', async () => {
    server.script = (response) => response.writeHead(200).write('{');
    expect(await failure(call({ timeoutMs: 1000 }))).toMatchObject({ phase: 'lost', status: 200 });
  });

  test('is one that is cancelled after sending', async () => {
    const abort = new AbortController();
    server.script = () => abort.abort(new Error('worker stops'));
    const error = await failure(call({ method: 'POST', body: {}, signal: abort.signal, freshConnection: true }));
    expect(error.phase).toBe('lost');
    expect(error.cause).toMatchObject({ message: 'worker stops' });
  });
});
