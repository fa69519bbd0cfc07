/** What pages of other origins may do: preflights, answers, errors, streams of bytes; never with cookies. */

import type { AppOptions } from '../../src/http/app.ts';
import { AUTHORIZATION, makeApp } from './test-app.ts';

const PAGE = 'https://app.example';

const appFor = (...corsOrigins: string[]) => makeApp({ corsOrigins } satisfies Partial<AppOptions>).app;

function preflight(app: ReturnType<typeof appFor>, url: string, origin = PAGE) {
  return app.inject({
    method: 'OPTIONS',
    url,
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,idempotency-key',
    },
  });
}

test.each(['/v1/videos', '/airforce/v1/video/generations', '/clipyard/v1/balance', '/media/video_1/clip.mp4'])(
  'a preflight of %s is answered without a key',
  async (url) => {
    const { statusCode, headers, body } = await preflight(appFor(PAGE), url);
    expect([statusCode, body]).toEqual([204, '']);
    expect(headers).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': 'authorization,content-type,idempotency-key',
      vary: 'origin',
    });
    expect(headers['access-control-allow-credentials']).toBeUndefined();
  },
);

test('answers and errors alike may be read by the page', async () => {
  const app = appFor(PAGE, 'https://other.example');
  const asked = { url: '/openai/v1/models', headers: { origin: PAGE, ...AUTHORIZATION } };
  const answer = await app.inject(asked);
  const refused = await app.inject({ url: '/openai/v1/models', headers: { origin: PAGE } });
  const missing = await app.inject({ url: '/nowhere', headers: { origin: PAGE } });
  expect([answer, refused, missing].map(({ statusCode }) => statusCode)).toEqual([200, 401, 404]);
  for (const { headers } of [answer, refused, missing]) {
    expect(headers['access-control-allow-origin']).toBe(PAGE);
    expect(headers['access-control-expose-headers']).toBe('*');
  }
});

test('a page of an origin that is not named is told nothing', async () => {
  const app = appFor(PAGE);
  const { headers } = await app.inject({ url: '/healthz', headers: { origin: 'https://app.example.evil' } });
  expect(headers['access-control-allow-origin']).toBeUndefined();
  expect(headers['vary']).toBe('origin');
  const asked = await preflight(app, '/v1/videos', 'null');
  expect(asked.statusCode).toBe(405);
  expect(asked.headers['access-control-allow-origin']).toBeUndefined();
});

test('any origin is let in as any, which browsers take without cookies alone', async () => {
  const { headers } = await appFor('*').inject({ url: '/healthz', headers: { origin: 'https://any.example' } });
  expect(headers['access-control-allow-origin']).toBe('*');
  expect(headers['access-control-allow-credentials']).toBeUndefined();
});

test('without origins nothing is said of them, and OPTIONS is no method of ours', async () => {
  const app = appFor();
  const { headers } = await app.inject({ url: '/healthz', headers: { origin: PAGE } });
  expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  expect((await preflight(app, '/v1/videos')).statusCode).toBe(405);
});

test('what is no preflight is answered as before', async () => {
  const answer = await appFor(PAGE).inject({ method: 'OPTIONS', url: '/v1/videos', headers: { origin: PAGE } });
  expect(answer.statusCode).toBe(405);
});
