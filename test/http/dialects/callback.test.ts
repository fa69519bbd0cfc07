/** Callbacks in every dialect: where they are named, what the upstream is kept from, and what is refused in whose shape. */

import { DIALECTS as NAMES } from '../../../src/domain/vendor.ts';
import { create } from './create-in.ts';

const URL = 'https://hooks.example/1';
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
    const { order } = await create(name, { callback_url: '', deliver_to: '' });
    expect(order).toBeDefined();
    expect(order).not.toHaveProperty('callback');
    expect(order).not.toHaveProperty('deliverTo');
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
