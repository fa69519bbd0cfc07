/** Callbacks in every dialect: where they are named, what the upstream is kept from, and what is refused in whose shape. */

import { DIALECTS } from '../../../src/dialects/index.ts';
import { type DialectName, DIALECTS as NAMES } from '../../../src/domain/vendor.ts';
import { AUTHORIZATION, makeApp } from '../test-app.ts';

const URL = 'https://hooks.example/1';
/** What each dialect wants beside a prompt. */
const CREATE: Readonly<Record<DialectName, object>> = {
  airforce: { model: 'wan-2.6' },
  'airforce-2024': { model: 'wan-2.6' },
  infrai: { model: 'wan-2.6' },
  openai: { model: 'wan-2.6' },
  a4f: { model: 'wan-2.6', quality: '720p', duration: 5 },
  'ai-gateway': {},
};

function createOf(name: DialectName) {
  const route = DIALECTS[name].routes.find(({ kind }) => ['create', 'createAndWait', 'createMany'].includes(kind));
  return `/${name}${route?.path}`;
}

async function create(name: DialectName, body: object = {}, headers: object = {}) {
  const { app, gateway } = makeApp({ syncWaitSeconds: 0.001 });
  const answer = await app.inject({
    method: 'POST',
    url: createOf(name),
    headers: { ...AUTHORIZATION, 'ai-model-id': 'wan-2.6', ...headers },
    payload: { ...CREATE[name], prompt: 'a fox', ...body },
  });
  return { answer, order: gateway.orders[0] };
}

describe.each(NAMES)('%s', (name) => {
  test.each([
    ['the body', { callback_url: URL }, {}],
    ['a header', {}, { 'x-callback-url': URL }],
    ['both', { callback_url: URL }, { 'x-callback-url': URL }],
  ])('takes a callback from %s, which no upstream sees', async (_where, body, headers) => {
    const { order } = await create(name, body, headers);
    expect(order?.callback).toEqual({ url: URL, tells: 'each clip' });
    expect(JSON.stringify(order?.draft)).not.toContain('callback');
  });

  test('has none where none is named', async () => {
    expect((await create(name, { callback_url: null })).order).not.toHaveProperty('callback');
  });

  test.each([
    ['callback_url', { callback_url: 'http://hooks.example/1' }, {}],
    ['callback_url', { callback_url: 'https://10.0.0.1/1' }, {}],
    ['callback_url', { callback_url: 'https://user:word@hooks.example' }, {}],
    ['callback_url', { callback_url: 'ftp://hooks.example' }, {}],
    ['callback_url', { callback_url: 'nonsense' }, {}],
    ['callback_url', { callback_url: 1 }, {}],
    ['callback_url', { callback_url: `${URL}?${'x'.repeat(2048)}` }, {}],
    ['x-callback-url', {}, { 'x-callback-url': 'https://localhost/1' }],
    ['x-callback-url', { callback_url: URL }, { 'x-callback-url': `${URL}2` }],
  ])('refuses a bad %s in its own shape: %j', async (param, body, headers) => {
    const { answer, order } = await create(name, body, headers);
    expect({ status: answer.statusCode, order }).toEqual({ status: 400, order: undefined });
    expect(JSON.stringify(answer.json().error)).toContain(param);
  });
});

describe("the AI SDK's callbackUrl (GW-02)", () => {
  test('is told of the job, and the start shows what signs', async () => {
    const { answer, order } = await create('ai-gateway', { callbackUrl: URL, n: 2 });
    expect(order?.callback).toEqual({ url: URL, tells: 'the job' });
    const { asyncJob } = answer.json().providerMetadata.gateway;
    expect(asyncJob).toEqual({ jobId: 'job_1', status: 'pending', webhookSigningSecret: 'secret of job_1' });
  });

  test('is refused where it is bad', async () => {
    const { answer } = await create('ai-gateway', { callbackUrl: 'http://10.0.0.1' });
    expect(answer.json().error).toMatchObject({ type: 'invalid_request_error', param: 'callbackUrl' });
  });
});
