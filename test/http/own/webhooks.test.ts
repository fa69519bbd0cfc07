/** Our own routes of webhooks: what is refused of a URL, the secret that signs callbacks, and what is told of deliveries. */

import { syncAccounts } from '../../../src/catalog/accounts.ts';
import { replacePublishedModels } from '../../../src/catalog/models.ts';
import { events } from '../../../src/catalog/tables/videos.ts';
import { deliveryAttempts } from '../../../src/catalog/tables/webhooks.ts';
import { makeOffer } from '../../builders.ts';
import { insertVideo, makeAccount } from '../../catalog/rows.ts';
import { type OwnApp, openOwnApp } from './own-app.ts';

const SECRET = /^whsec_[A-Za-z0-9+/]{43}=$/;

let own: OwnApp;
beforeAll(async () => {
  own = await openOwnApp();
});
beforeEach(() => own.reset());
afterAll(() => own.close());

const post = (url: string, payload?: object, key?: string) =>
  own.ask({ method: 'POST', url: `/clipyard/v1/${url}`, ...(payload && { payload }), ...(key && { key }) });

test.each([
  'http://studio.example/hook',
  'https://127.0.0.1/hook',
  'https://[::1]/hook',
  'https://user:word@studio.example/hook',
  'https://',
  'nonsense',
])('an endpoint at %s is refused by the name of the field', async (url) => {
  const { status, body } = await post('webhook-endpoints', { url });
  expect({ status, body }).toMatchObject({ status: 400, body: { detail: expect.stringContaining('url') } });
});

test('a caller is shown the secret of its callbacks when it is made, and another one when it asks', async () => {
  const { body } = await post('callers', { name: 'studio' });
  const { key, callbackSecret } = body as { readonly key: string; readonly callbackSecret: string };
  expect(callbackSecret).toMatch(SECRET);
  const hint = async () => (await own.ask({ url: '/clipyard/v1/callback-secret', key })).body;
  expect(await hint()).toEqual({ secretHint: `whsec_…${callbackSecret.slice(-4)}` });
  const { body: renewed } = await post('callback-secret', { keepOldHours: 1 }, key);
  const { callbackSecret: newer } = renewed as { readonly callbackSecret: string };
  expect(newer).toMatch(SECRET);
  expect(newer).not.toBe(callbackSecret);
  expect(await hint()).toEqual({ secretHint: `whsec_…${newer.slice(-4)}` });
});

test('root has none until it asks', async () => {
  const { body } = await own.ask({ url: '/clipyard/v1/callback-secret' });
  expect(body).toEqual({ secretHint: null });
  expect((await post('callback-secret')).body).toEqual({ callbackSecret: expect.stringMatching(SECRET) });
});

test('a delivery shows what is sent and each answer to its own caller, and a video what was to be told of it', async () => {
  const { db } = own.database;
  const { body: made } = await post('webhook-endpoints', { url: 'https://studio.example/hook' });
  const { id: endpoint } = made as { readonly id: string };
  const { body: test } = await post(`webhook-endpoints/${endpoint}/test`);
  const { deliveryId } = test as { readonly deliveryId: string };
  const attempt = { deliveryId, at: new Date(), elapsedMs: 12, error: null };
  await db.insert(deliveryAttempts).values({ ...attempt, n: 1, status: 500, answer: 'not now' });
  await db.insert(deliveryAttempts).values({ ...attempt, n: 2, status: 204, answer: '' });
  const url = `/clipyard/v1/deliveries/${deliveryId}`;
  const { body } = await own.ask({ url });
  const log = [{ status: 500, answer: 'not now' }, { status: 204 }];
  expect(body).toMatchObject({ id: deliveryId, body: expect.stringContaining('video_test'), log });
  const other = await own.join('other');
  expect((await own.ask({ url, key: other.key })).status).toBe(404);

  await insertVideo(db, { id: 'video_1', callerId: 'root' });
  await db.update(events).set({ videoId: 'video_1' });
  const ofVideo = { url: '/clipyard/v1/videos/video_1/deliveries' };
  expect((await own.ask(ofVideo)).body).toMatchObject({ items: [{ id: deliveryId }], nextCursor: null });
  expect((await own.ask({ ...ofVideo, key: other.key })).status).toBe(404);
});

test('nothing is sent again to an endpoint that is disabled or gone, and who asks for it is told', async () => {
  const { body: made } = await post('webhook-endpoints', { url: 'https://studio.example/hook' });
  const endpoint = `webhook-endpoints/${(made as { readonly id: string }).id}`;
  const change = (enabled: boolean) =>
    own.ask({ method: 'PATCH', url: `/clipyard/v1/${endpoint}`, payload: { enabled } });
  const { body: test } = await post(`${endpoint}/test`);
  const replay = `deliveries/${(test as { readonly deliveryId: string }).deliveryId}/replay`;
  const range = { from: '2020-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z' };

  await change(false);
  const refused = await Promise.all([post(`${endpoint}/test`), post(replay), post(`${endpoint}/replay`, range)]);
  expect(refused).toMatchObject(
    refused.map(() => ({ status: 409, body: { detail: expect.stringMatching(/disabled/) } })),
  );
  await change(true);
  expect(await post(`${endpoint}/replay`, range)).toMatchObject({ status: 200, body: { replayed: 1 } });
  expect(await post(replay)).toMatchObject({ status: 200, body: { state: 'waiting' } });

  await own.ask({ method: 'DELETE', url: `/clipyard/v1/${endpoint}` });
  expect((await post(replay)).status).toBe(409);
});

describe('a batch', () => {
  const manifest = (line: object) => ({
    method: 'POST' as const,
    headers: { 'content-type': 'application/jsonl' },
    payload: JSON.stringify({ model: 'wan-2.6', prompt: 'a fox', ...line }),
  });
  beforeEach(async () => {
    const { db } = own.database;
    await syncAccounts(db, [makeAccount({ id: 'airforce-1' })]);
    await replacePublishedModels(db, 'airforce-1', [makeOffer({ upstreamModel: 'sandbox-mini' })]);
  });

  test('is refused for a callback at a private address', async () => {
    const url = '/clipyard/v1/batches?callbackUrl=https%3A%2F%2F10.0.0.1%2Fhook';
    const { status, body } = await own.ask({ ...manifest({}), url });
    expect({ status, body }).toMatchObject({ status: 400, body: { detail: expect.stringContaining('callbackUrl') } });
  });

  test('is refused for a line with a callback of its own', async () => {
    const url = '/clipyard/v1/batches?dryRun=true';
    const { body } = await own.ask({ ...manifest({ callback_url: 'https://hooks.example/1' }), url });
    expect(body).toMatchObject({ invalid: [{ line: 1, message: expect.stringContaining('callback_url') }] });
  });
});
