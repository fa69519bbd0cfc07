/** What clients of other APIs do with keys and paths. */

import { makeOffer, makeVideo } from '../builders.ts';
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

test.each([
  ['/v1/models/vendor/wan-2.6', { video_caps: { min_duration_s: 5 } }],
  ['/v1/models/vendor%2Fwan-2.6', { video_caps: { min_duration_s: 5 } }],
  ['/airforce-2024/v1/models/vendor%2Fwan-2.6', { output_modalities: ['video'] }],
  ['/openai/v1/models/vendor/wan-2.6', { object: 'model', owned_by: 'clipyard' }],
  ['/openai/v1/models/vendor%2Fwan-2.6/', { object: 'model', owned_by: 'clipyard' }],
])('a model is shown at %s', async (url, shown) => {
  const { app, gateway } = makeApp();
  gateway.offered = [makeOffer({ model: 'wan-2.6' }), makeOffer({ model: 'vendor/wan-2.6' })];
  const answer = await app.inject({ method: 'GET', url, headers: AUTHORIZATION });
  expect(answer.statusCode).toBe(200);
  expect(answer.json()).toMatchObject({ id: 'vendor/wan-2.6', ...shown });
});

test.each([
  ['/airforce/v1/models/sora%2F9', { error: 'model sora/9 is not on offer', code: 'model_not_found' }],
  ['/airforce-2024/v1/models/sora-9', { error: { type: 'model_not_found' } }],
  ['/openai/v1/models/sora/9', { error: { type: 'invalid_request_error', code: 'model_not_found', param: 'model' } }],
])('a model that is not on offer is 404 at %s', async (url, body) => {
  const { app } = makeApp();
  const answer = await app.inject({ method: 'GET', url, headers: AUTHORIZATION });
  expect(answer.statusCode).toBe(404);
  expect(answer.json()).toMatchObject(body);
  const refused = await app.inject({ method: 'DELETE', url, headers: AUTHORIZATION });
  expect(refused.statusCode).toBe(405);
});

test.each(['/v1/chat/completions', '/v1/account/topup', '/v1', '/v1/nothing/here'])(
  'what is not at %s is told in the shape that most clients read, whoever asks',
  async (url) => {
    const { app } = makeApp();
    const answer = await app.inject({ method: 'POST', url, payload: {} });
    expect(answer.statusCode).toBe(404);
    expect(answer.json()).toEqual({
      error: {
        message: expect.stringContaining('there is no such route'),
        type: 'invalid_request_error',
        param: null,
        code: 'not_found',
      },
    });
  },
);

test('a remix may be a form, as the SDK for Java sends it', async () => {
  const { app, gateway } = makeApp();
  gateway.put(makeVideo({ id: 'source', state: 'completed' }));
  const payload = '--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nat dawn\r\n--x--\r\n';
  const headers = { ...AUTHORIZATION, 'content-type': 'multipart/form-data; boundary=x' };
  const answer = await app.inject({ method: 'POST', url: '/v1/videos/source/remix', headers, payload });
  expect(answer.statusCode).toBe(200);
  expect(gateway.orders).toMatchObject([{ draft: { prompt: 'at dawn', remixOf: 'source' } }]);
});
