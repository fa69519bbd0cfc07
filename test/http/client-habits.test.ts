/** What clients of other APIs do with keys and paths. */

import { KEY } from './fake-gateway.ts';
import { AUTHORIZATION, makeApp } from './test-app.ts';

const CREATE = { model: 'wan-2.6', prompt: 'a fox' };

test.each([
  ['x-api-key', { 'x-api-key': KEY }, 200],
  ['api-key', { 'api-key': ` ${KEY} ` }, 200],
  ['one that is not known', { 'x-api-key': 'stranger' }, 401],
  ['an empty one', { 'x-api-key': '' }, 401],
  ['another scheme beside it', { authorization: 'Basic Y2tfdGVzdA==', 'x-api-key': KEY }, 401],
])('a key may stand in another header: %s', async (_name, headers, status) => {
  const { app } = makeApp();
  expect((await app.inject({ method: 'GET', url: '/v1/models', headers })).statusCode).toBe(status);
});

test.each(['//v1/videos', '/v1/videos/', '/v1//videos//', '/openai//v1/videos/'])(
  'slashes at %s are one, and none at the end',
  async (url) => {
    const { app, gateway } = makeApp();
    const answer = await app.inject({ method: 'POST', url, headers: AUTHORIZATION, payload: CREATE });
    expect({ status: answer.statusCode, orders: gateway.orders.length }).toEqual({ status: 200, orders: 1 });
    const refused = await app.inject({ method: 'PUT', url, headers: AUTHORIZATION, payload: CREATE });
    expect({ status: refused.statusCode, allow: refused.headers.allow }).toMatchObject({
      status: 405,
      allow: expect.stringContaining('POST'),
    });
  },
);

test.each(['/v1/videos/generations', '/v1/video/create', '/v2/videos'])(
  'a create at %s is told where videos are made',
  async (url) => {
    const { app } = makeApp();
    const answer = await app.inject({ method: 'POST', url, headers: AUTHORIZATION, payload: CREATE });
    expect(answer.body).toContain('POST /v1/videos makes a video');
    expect([404, 405]).toContain(answer.statusCode);
  },
);
