/** URLs from others: which are followed, which are refused, and that no key leaves its origin. */

import { fetchUntrusted, type UntrustedRequest, UnusableUrl, withScheme } from '../../../src/net/untrusted/fetch.ts';
import { BlockedAddress } from '../../../src/net/untrusted/guarded-connector.ts';
import { closeLentConnections } from '../../../src/net/untrusted/lent-answer.ts';
import { readText } from '../read-body.ts';
import { cut, type ScriptedServer, silence, startScriptedServer, text } from '../scripted-server.ts';

let trusted: ScriptedServer;
let other: ScriptedServer;
beforeAll(async () => {
  trusted = await startScriptedServer();
  other = await startScriptedServer();
});
beforeEach(() => {
  trusted.received.length = 0;
  other.received.length = 0;
});
afterAll(async () => {
  await closeLentConnections();
  await trusted.close();
  await other.close();
});

function fetchIt(url: string, overrides: Partial<UntrustedRequest> = {}) {
  const { signal } = new AbortController();
  return fetchUntrusted({ url, trustedHosts: [trusted.hostAndPort], signal, timeoutMs: 10_000, ...overrides });
}

const redirectTo = (location: string, status = 302) => text(status, 'moved', { location });

describe('addresses', () => {
  test('a trusted private host is fetched', async () => {
    trusted.script = text(206, 'part', { etag: '"1"' });
    const answer = await fetchIt(`${trusted.origin}/clip.mp4`, { headers: { range: 'bytes=0-3' } });
    expect(answer.status).toBe(206);
    expect(trusted.received[0]?.path).toBe('/clip.mp4');
    expect(answer.headers['etag']).toBe('"1"');
    expect(await readText(answer.body)).toBe('part');
    expect(trusted.received[0]?.headers).toMatchObject({ range: 'bytes=0-3', 'accept-encoding': 'identity' });
  });

  test.each([
    ['loopback', (port: string) => `http://127.0.0.1:${port}/`],
    ['loopback as one number', (port: string) => `http://2130706433:${port}/`],
    ['loopback in IPv6', (port: string) => `http://[::1]:${port}/`],
    ['loopback mapped into IPv6', (port: string) => `http://[::ffff:127.0.0.1]:${port}/`],
    ['loopback as compatible IPv6', (port: string) => `http://[::127.0.0.1]:${port}/`],
    ['IPv6 that was never handed out', () => 'http://[4000::1]/'],
    ['a name that resolves to loopback', (port: string) => `http://localhost:${port}/`],
    ['loopback behind TLS', (port: string) => `https://127.0.0.1:${port}/`],
    ['the metadata address of clouds', () => 'http://169.254.169.254/latest/meta-data'],
  ])('%s is refused without a request', async (_name, urlAt) => {
    const { port } = new URL(other.origin);
    await expect(fetchIt(urlAt(port))).rejects.toBeInstanceOf(BlockedAddress);
    expect(other.received).toHaveLength(0);
  });

  test('a refusal does not say which address a name has', async () => {
    const { port } = new URL(other.origin);
    const refusal = fetchIt(`http://localhost:${port}/`);
    await expect(refusal).rejects.toThrow(/localhost is not at a public address/);
    await expect(refusal).rejects.not.toThrow(/127\.0\.0\.1|::1/);
  });

  test('trust in one port is not trust in another', async () => {
    trusted.script = text(200, 'ok');
    const answer = await fetchIt(trusted.origin);
    answer.body.drop();
    await expect(fetchIt(other.origin)).rejects.toBeInstanceOf(BlockedAddress);
  });

  test('a trusted name may resolve to loopback', async () => {
    trusted.script = text(200, 'ok');
    const { port } = new URL(trusted.origin);
    const answer = await fetchIt(`http://LOCALHOST:${port}/`, { trustedHosts: [`LocalHost:${port}`] });
    expect(await readText(answer.body)).toBe('ok');
  });
});

describe('URLs', () => {
  test.each([
    'file:///etc/passwd',
    'ftp://example.com/x',
    'data:text/plain,x',
    'not a url',
    'http://user:pw@example.com/',
  ])('%s is not followed', async (url) => {
    await expect(fetchIt(url)).rejects.toBeInstanceOf(UnusableUrl);
  });

  test.each([
    ['/b', '/b'],
    ['b/c?d=1', '/a/b/c?d=1'],
  ])('%s is read against the base', async (url, path) => {
    trusted.script = text(200, 'ok');
    const answer = await fetchIt(url, { baseUrl: `${trusted.origin}/a` });
    expect(await readText(answer.body)).toBe('ok');
    expect(trusted.received.map((request) => request.path)).toEqual([path]);
  });

  test('a base allows nothing that is not trusted', async () => {
    await expect(fetchIt('/b', { baseUrl: other.origin })).rejects.toBeInstanceOf(BlockedAddress);
    expect(other.received).toHaveLength(0);
  });

  test('without a scheme are https, even where their base is not', async () => {
    const link = fetchIt(`//${trusted.hostAndPort}/b`, { baseUrl: trusted.origin });
    await expect(link).rejects.toMatchObject({ code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
    expect(trusted.received).toHaveLength(0);
  });
});

test.each([
  ['//cdn.example/c.mp4', 'https://cdn.example/c.mp4'],
  ['cdn.example/c.mp4', 'https://cdn.example/c.mp4'],
  [' s3.eu-1.cdn.example:8443/c.mp4?sig=1', 'https://s3.eu-1.cdn.example:8443/c.mp4?sig=1'],
  ['files/c.mp4', 'files/c.mp4'],
  ['v1.2/c.mp4', 'v1.2/c.mp4'],
  ['c.mp4', 'c.mp4'],
  ['./c.mp4', './c.mp4'],
  ['/files/c.mp4', '/files/c.mp4'],
  ['https://cdn.example/c.mp4', 'https://cdn.example/c.mp4'],
])('the link %s is taken for %s', (link, url) => {
  expect(withScheme(link)).toBe(url);
});

describe('redirects', () => {
  test('are followed to the last answer', async () => {
    trusted.script = (response, request) =>
      (request.path === '/a' ? redirectTo('/b?x=1') : text(200, 'end'))(response, request);
    const answer = await fetchIt(`${trusted.origin}/a`);
    expect(trusted.received.map(({ path }) => path)).toEqual(['/a', '/b?x=1']);
    expect(await readText(answer.body)).toBe('end');
  });

  test('to a private address are refused', async () => {
    trusted.script = redirectTo(other.origin);
    await expect(fetchIt(trusted.origin)).rejects.toBeInstanceOf(BlockedAddress);
    expect(other.received).toHaveLength(0);
  });

  test('to a URL with credentials are refused', async () => {
    trusted.script = redirectTo(`http://user:pw@${trusted.hostAndPort}/`);
    await expect(fetchIt(trusted.origin)).rejects.toBeInstanceOf(UnusableUrl);
    expect(trusted.received).toHaveLength(1);
  });

  test('end after five of them', async () => {
    trusted.script = redirectTo('/again', 307);
    await expect(fetchIt(trusted.origin)).rejects.toThrow('redirects more than 5 times');
    expect(trusted.received).toHaveLength(6);
  });

  test('without a location are an answer', async () => {
    trusted.script = text(304, '');
    const answer = await fetchIt(trusted.origin);
    answer.body.drop();
    expect(answer.status).toBe(304);
  });
});

describe('keys', () => {
  const trustedHosts = () => [trusted.hostAndPort, other.hostAndPort];
  const keysOf = (server: ScriptedServer) => server.received.map(({ headers }) => headers.authorization);

  test('go to their own origin on every hop', async () => {
    trusted.script = (response, request) =>
      (request.path === '/a' ? redirectTo('/b') : text(200, ''))(response, request);
    const authorise = { origin: trusted.origin, apiKey: 'k1' };
    const answer = await fetchIt(`${trusted.origin}/a`, { authorise });
    answer.body.drop();
    expect(keysOf(trusted)).toEqual(['Bearer k1', 'Bearer k1']);
  });

  test('go to no other origin, nor back again', async () => {
    trusted.script = (response, request) =>
      (request.path === '/a' ? redirectTo(other.origin) : text(200, ''))(response, request);
    other.script = redirectTo(`${trusted.origin}/b`);
    const authorise = { origin: trusted.origin, apiKey: 'k1' };
    const answer = await fetchIt(`${trusted.origin}/a`, { authorise, trustedHosts: trustedHosts() });
    answer.body.drop();
    expect(keysOf(trusted)).toEqual(['Bearer k1', undefined]);
    expect(keysOf(other)).toEqual([undefined]);
  });

  test('in other headers are dropped', async () => {
    trusted.script = text(200, '');
    const answer = await fetchIt(trusted.origin, {
      headers: { Authorization: 'Bearer k1', Cookie: 'a=b', accept: 'video/mp4' },
    });
    answer.body.drop();
    expect(trusted.received[0]?.headers).not.toHaveProperty('authorization');
    expect(trusted.received[0]?.headers).not.toHaveProperty('cookie');
    expect(trusted.received[0]?.headers.accept).toBe('video/mp4');
  });
});

describe('time and failure', () => {
  test('an answer that does not begin is given up', async () => {
    trusted.script = silence;
    await expect(fetchIt(trusted.origin, { timeoutMs: 50 })).rejects.toThrow('within 50 ms');
  });

  test('the bound to the head spares the body', async () => {
    let finish = () => {};
    trusted.script = (response) => {
      response.writeHead(200).write('first ');
      finish = () => response.end('last');
    };
    jest.useFakeTimers({ now: Date.now(), doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      const answer = await fetchIt(trusted.origin, { timeoutMs: 10_000 });
      jest.advanceTimersByTime(20_000);
      finish();
      expect(await readText(answer.body)).toBe('first last');
    } finally {
      jest.useRealTimers();
    }
  });

  test('a body that is dropped closes its connection', async () => {
    const closed = new Promise((resolve) => {
      trusted.script = (response) => response.once('close', resolve).writeHead(200).write('first');
    });
    const answer = await fetchIt(trusted.origin);
    answer.body.drop();
    await closed;
    await expect(readText(answer.body)).rejects.toThrow('not wanted');
  });

  test('the signal ends a body that is running', async () => {
    const abort = new AbortController();
    trusted.script = (response) => response.writeHead(200).write('first');
    const answer = await fetchIt(trusted.origin, { signal: abort.signal });
    const body = readText(answer.body);
    abort.abort(new Error('cancelled'));
    await expect(body).rejects.toThrow('cancelled');
  });

  test('a body that is cut is an error', async () => {
    trusted.script = cut(200);
    const answer = await fetchIt(trusted.origin);
    await expect(readText(answer.body)).rejects.toThrow();
  });

  test('a HEAD request brings no body', async () => {
    trusted.script = text(200, '', { 'content-length': '12' });
    const answer = await fetchIt(trusted.origin, { method: 'HEAD' });
    expect(answer.headers['content-length']).toBe('12');
    expect(await readText(answer.body)).toBe('');
    expect(trusted.received[0]?.method).toBe('HEAD');
  });
});
