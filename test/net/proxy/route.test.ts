/** Requests through a proxy: what it is asked for, what it is shown, and what follows when it takes nothing. */

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Passage } from '../../../src/domain/passage.ts';
import { closeUpstreamConnections, requestJson } from '../../../src/net/trusted/request-json.ts';
import { requestStream } from '../../../src/net/trusted/request-stream.ts';
import { fetchUntrusted } from '../../../src/net/untrusted/fetch.ts';
import { BlockedAddress } from '../../../src/net/untrusted/guarded-connector.ts';
import { closeLentConnections } from '../../../src/net/untrusted/lent-answer.ts';
import { readText } from '../read-body.ts';

/** What the proxy was asked, with the credentials that it was shown. */
const asked: string[] = [];
/** The first bytes that came through its tunnels. */
const tunnelled: string[] = [];
let status = 200;
let shownHeaders: NodeJS.Dict<string | string[]> = {};
let proxy: Server;
let passage: Passage;

beforeAll(async () => {
  proxy = createServer(({ method, url, headers }, response) => {
    asked.push(`${method} ${url} ${headers['proxy-authorization']} ${headers.host}`);
    shownHeaders = headers;
    response.writeHead(status, { 'content-type': 'application/json' }).end('{"said":"secret-value"}');
  });
  proxy.on('connect', ({ url, headers }, socket) => {
    asked.push(`CONNECT ${url} ${headers['proxy-authorization']} ${headers.host}`);
    socket.write(`HTTP/1.1 ${status} Said\r\n\r\n`);
    socket.once('data', (bytes: Buffer) => {
      tunnelled.push(bytes.toString('latin1'));
      socket.destroy();
    });
    socket.on('error', () => undefined);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const at = `http://us%40er:pw@127.0.0.1:${(proxy.address() as AddressInfo).port}/`;
  const headers = { 'x-tenant': 'one', 'x-secret': 'secret-value' };
  passage = { headers, secrets: ['secret-value'], proxies: { http: at, https: at, except: [] } };
});

beforeEach(() => {
  asked.length = 0;
  tunnelled.length = 0;
  status = 200;
});

afterAll(async () => {
  await closeUpstreamConnections();
  await closeLentConnections();
  proxy.closeAllConnections();
  proxy.close();
});

const CREDENTIALS = `Basic ${Buffer.from('us@er:pw').toString('base64')}`;
const exchange = () => ({ apiKey: 'key', passage, signal: AbortSignal.timeout(10_000) });
const get = (url: string, freshConnection: boolean) =>
  requestJson({ ...exchange(), method: 'GET', url, timeoutMs: 10_000, freshConnection });

describe.each([true, false])('an exchange on a connection of its own: %p', (fresh) => {
  test('of plain HTTP is asked of the proxy, with the headers of the account', async () => {
    const reply = await get('http://api.example:8080/v1/videos?limit=1', fresh);
    expect(asked).toEqual([`GET http://api.example:8080/v1/videos?limit=1 ${CREDENTIALS} api.example:8080`]);
    expect(shownHeaders).toMatchObject({ 'x-tenant': 'one', authorization: 'Bearer key' });
    // What the environment holds is not shown, wherever it is quoted.
    expect(reply).toMatchObject({ status: 200, body: { said: '[key]' } });
  });

  test('of HTTPS shows the proxy the host alone', async () => {
    await expect(get('https://api.example/v1/videos', fresh)).rejects.toMatchObject({ phase: 'not sent' });
    expect(asked).toEqual([`CONNECT api.example:443 ${CREDENTIALS} api.example:443`]);
    expect(tunnelled[0]).toContain('api.example');
    expect(tunnelled[0]).not.toContain('Bearer');
  });

  test.each([
    ['https', 407],
    ['https', 503],
    ['http', 407],
  ])('of %s that the proxy answers with %i has sent nothing', async (scheme, answered) => {
    status = answered;
    const failed = get(`${scheme}://api.example/v1/videos`, fresh);
    await expect(failed).rejects.toMatchObject({
      phase: 'not sent',
      message: expect.stringContaining('the proxy 127.0.0.1'),
    });
    await expect(failed).rejects.not.toThrow('pw');
  });
});

test('streams go the same way', async () => {
  const asks = (scheme: string) => {
    const url = `${scheme}://api.example/v1/events`;
    return requestStream({ ...exchange(), method: 'GET', url, accept: 'text/event-stream' });
  };
  const answer = await asks('http');
  expect(answer.status).toBe(200);
  await answer.close();
  await expect(asks('https')).rejects.toMatchObject({ phase: 'not sent' });
  status = 407;
  await expect(asks('http')).rejects.toMatchObject({ phase: 'not sent' });
  expect(asked.map((line) => line.split(' ')[1])).toEqual([
    'http://api.example/v1/events',
    'api.example:443',
    'http://api.example/v1/events',
  ]);
});

describe('a result link', () => {
  const fetchIt = (url: string, trustedHosts: readonly string[] = []) => {
    const { proxies, headers } = passage;
    const authorise = { origin: 'http://93.184.216.34', apiKey: 'key', headers };
    return fetchUntrusted({
      url,
      trustedHosts,
      proxies,
      authorise,
      signal: AbortSignal.timeout(10_000),
      timeoutMs: 10_000,
    });
  };

  test('is fetched through the proxy, and the headers go to their own origin alone', async () => {
    const answer = await fetchIt('http://93.184.216.34/clip.mp4?sig=1');
    expect(await readText(answer.body)).toContain('said');
    expect(asked).toEqual([`GET http://93.184.216.34/clip.mp4?sig=1 ${CREDENTIALS} 93.184.216.34`]);
    expect(shownHeaders).toMatchObject({ 'x-tenant': 'one', authorization: 'Bearer key' });
    (await fetchIt('http://93.184.216.35/clip.mp4')).body.drop();
    expect(shownHeaders['x-tenant']).toBeUndefined();
    expect(shownHeaders['authorization']).toBeUndefined();
  });

  test('by HTTPS goes through a tunnel', async () => {
    await expect(fetchIt('https://93.184.216.34/clip.mp4')).rejects.toThrow();
    expect(asked).toEqual([`CONNECT 93.184.216.34:443 ${CREDENTIALS} 93.184.216.34:443`]);
  });

  test.each(['http://10.0.0.7/clip.mp4', 'https://169.254.169.254/', 'http://127.0.0.1:9/'])(
    'to a private address is refused before the proxy is asked: %s',
    async (url) => {
      await expect(fetchIt(url)).rejects.toBeInstanceOf(BlockedAddress);
      expect(asked).toEqual([]);
    },
  );

  test('to a host that is trusted goes through the proxy wherever it is', async () => {
    (await fetchIt('http://10.0.0.7/clip.mp4', ['10.0.0.7:80'])).body.drop();
    expect(asked).toHaveLength(1);
  });
});
