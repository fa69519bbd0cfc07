/** Delivery of clips in every dialect: where the target is named, what the upstream is kept from, and what is refused in whose shape. */

import { DIALECTS as NAMES } from '../../../src/domain/vendor.ts';
import { create } from './create-in.ts';

const URL = 'https://bucket.example/clip.mp4?signature=secret';
describe.each(NAMES)('%s', (name) => {
  test.each([
    ['a URL in the body', { deliver_to: URL }, {}, {}],
    ['a URL in a header', {}, { 'x-deliver-to': URL }, {}],
    ['a URL beside an empty header', { deliver_to: URL }, { 'x-deliver-to': '' }, {}],
    [
      'headers that were signed with it',
      { deliver_to: { url: URL, headers: { 'X-MS-Blob-Type': 'BlockBlob', 'content-type': 'video/quicktime' } } },
      {},
      { 'x-ms-blob-type': 'BlockBlob', 'content-type': 'video/quicktime' },
    ],
  ])('takes %s, which no upstream sees', async (_what, body, given, headers) => {
    const { order } = await create(name, body, given);
    expect(order?.deliverTo).toEqual({ url: URL, headers });
    expect(JSON.stringify(order?.draft)).not.toContain('deliver');
  });

  test.each([
    ['deliver_to', { deliver_to: 'http://bucket.example/clip' }, {}],
    ['deliver_to', { deliver_to: 'https://10.0.0.1/clip' }, {}],
    ['deliver_to', { deliver_to: 'https://user:word@bucket.example' }, {}],
    ['deliver_to', { deliver_to: 's3://bucket/clip' }, {}],
    ['deliver_to', { deliver_to: 1 }, {}],
    ['deliver_to', { deliver_to: [URL] }, {}],
    ['deliver_to', { deliver_to: { headers: {} } }, {}],
    ['deliver_to', { deliver_to: { url: URL, method: 'DELETE' } }, {}],
    ['deliver_to', { deliver_to: { url: URL, headers: { authorization: 'Bearer x' } } }, {}],
    ['deliver_to', { deliver_to: { url: URL, headers: { 'content-type': 'a\r\nb' } } }, {}],
    ['deliver_to', { deliver_to: { url: URL, headers: { 'content-type': 1 } } }, {}],
    ['deliver_to', { deliver_to: { url: URL, headers: ['x'] } }, {}],
    ['deliver_to', { deliver_to: `${URL}${'x'.repeat(8192)}` }, {}],
    ['x-deliver-to', {}, { 'x-deliver-to': 'https://localhost/1' }],
    ['x-deliver-to', { deliver_to: URL }, { 'x-deliver-to': URL }],
  ])('refuses a bad %s in its own shape: %j', async (param, body, headers) => {
    const { answer, order } = await create(name, body, headers);
    expect({ status: answer.statusCode, order }).toEqual({ status: 400, order: undefined });
    expect(JSON.stringify(answer.json().error)).toContain(param);
    expect(answer.body).not.toContain('secret');
  });
});

test('an empty header names no place, as an empty member of the body does', async () => {
  const { answer, order } = await create('airforce', { deliver_to: '' }, { 'x-deliver-to': '' });
  expect(answer.statusCode).toBe(200);
  expect(order).not.toHaveProperty('deliverTo');
});

test('several clips are not put into one place', async () => {
  const { answer, order } = await create('ai-gateway', { deliver_to: URL, n: 2 });
  expect({ status: answer.statusCode, order }).toEqual({ status: 400, order: undefined });
  expect((await create('ai-gateway', { deliver_to: URL, n: 1 })).order?.deliverTo).toEqual({ url: URL, headers: {} });
});
