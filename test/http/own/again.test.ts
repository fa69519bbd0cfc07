/** Our own routes for making videos again and for one action on many of them. */

import { eq } from 'drizzle-orm';
import { syncAccounts } from '../../../src/catalog/accounts.ts';
import { replacePublishedModels } from '../../../src/catalog/models.ts';
import { videos } from '../../../src/catalog/tables/videos.ts';
import { BulkRunner } from '../../../src/gateway/bulk.ts';
import { makeArchive, makeOffer, makeRequest } from '../../builders.ts';
import { insertVideo, makeAccount } from '../../catalog/rows.ts';
import { type OwnApp, openOwnApp } from './own-app.ts';

const CREATED = new Date('2026-03-01T12:00:00.000Z');
let own: OwnApp;
let studio: { readonly id: string; readonly key: string };

beforeAll(async () => {
  own = await openOwnApp();
});
beforeEach(async () => {
  await own.reset();
  const { db } = own.database;
  await syncAccounts(db, [makeAccount()]);
  await replacePublishedModels(db, 'airforce-1', [makeOffer({ upstreamModel: 'wan-2.6' })]);
  studio = await own.join('studio', 100_000_000);
});
afterAll(() => own.close());

const post = (url: string, payload?: object, headers: Record<string, string> = {}, key = studio.key) =>
  own.ask({ method: 'POST', url: `/clipyard/v1/videos/${url}`, key, headers, ...(payload && { payload }) });

const add = (id: string, more: Partial<typeof videos.$inferInsert> = {}) =>
  insertVideo(own.database.db, { id, callerId: studio.id, createdAt: CREATED, ...more });

const failed = { state: 'failed', endedAt: CREATED } as const;

async function copiesOf(id: string): Promise<readonly string[]> {
  const rows = await own.database.db.select().from(videos);
  return rows.filter(({ request }) => request.againOf === id).map((row) => row.id);
}

describe('a video made again', () => {
  const request = makeRequest({ quality: null, extra: { seed: 7 }, remixOf: 'video_0', againOf: 'video_00' });

  test('has the same request, and says what it was made from', async () => {
    await add('video_1', { ...failed, request, dialect: 'openai', batchId: 'batch_1' });
    const { status, body } = await post('video_1/again');
    expect(status).toBe(201);
    const { remixOf: _remixOf, ...settings } = request;
    expect(body).toMatchObject({
      state: 'queued',
      dialect: 'openai',
      againOf: 'video_1',
      batchId: null,
      // The model's default, as it was asked for.
      request: { ...settings, quality: expect.any(String), againOf: 'video_1' },
    });
    expect(body).not.toMatchObject({ request: { remixOf: 'video_0' } });
  });

  test('takes members of the body in place of its own', async () => {
    await add('video_1', { ...failed, request });
    const { body } = await post('video_1/again', { prompt: 'at night', durationSeconds: 5, model: null, extra: {} });
    expect(body).toMatchObject({ request: { prompt: 'at night', durationSeconds: 5, model: 'wan-2.6', extra: {} } });
  });

  test('is one for each idempotency key', async () => {
    await add('video_1', { ...failed, request });
    const key = { 'idempotency-key': 'k1' };
    const first = await post('video_1/again', {}, key);
    expect((await post('video_1/again', undefined, key)).body).toEqual(first.body);
    expect(await post('video_1/again', { prompt: 'other' }, key)).toMatchObject({ status: 422 });
    expect(await copiesOf('video_1')).toHaveLength(1);
  });

  test.each([
    [{ prompt: ' ' }],
    [{ seed: 7 }],
    [{ durationSeconds: 5.5 }],
    [{ durationSeconds: 99 }],
    [{ model: 'none' }],
    [{ prompt: 'a\0b' }],
    [{ extra: { a: 'b\0' } }],
    [{ images: [{ kind: 'url', url: 'http://127.0.0.1/a.png' }], mode: 'image' }],
    [{ images: [{ kind: 'stored', sha256: 'a'.repeat(64) }] }],
    [{ mode: 'image' }],
    [{ mode: 'reference' }],
    [{ images: [{ kind: 'url', url: 'https://example.com/a.png' }] }],
  ])('is refused for %j', async (payload) => {
    await add('video_1', { ...failed, request });
    expect((await post('video_1/again', payload)).status).toBe(400);
    expect(await copiesOf('video_1')).toEqual([]);
  });

  test("is none of another caller's, nor of one without credit", async () => {
    await add('video_1', { ...failed, request });
    const poor = await own.join('poor', 0);
    expect((await post('video_1/again', {}, {}, poor.key)).status).toBe(404);
    await own.database.db.update(videos).set({ callerId: poor.id }).where(eq(videos.id, 'video_1'));
    expect((await post('video_1/again', {}, {}, poor.key)).status).toBe(402);
  });
});

test.each(['video_1/again', 'bulk'])('a form to %s is refused, and not taken for no body', async (url) => {
  await add('video_1', failed);
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  const payload = '--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nother\r\n--b--\r\n';
  const asked = { method: 'POST', url: `/clipyard/v1/videos/${url}`, key: studio.key, headers, payload } as const;
  const answer = await own.ask(asked);
  expect(answer).toMatchObject({
    status: 415,
    body: { detail: 'this route takes application/json, not multipart/form-data', param: 'content-type' },
  });
  expect(await copiesOf('video_1')).toEqual([]);
});

test('a member named like a method is named as any other that is not known', async () => {
  await add('video_1', failed);
  expect(await post('video_1/again', { constructor: 1 })).toMatchObject({
    status: 400,
    body: { detail: 'constructor: is not known here', param: 'constructor' },
  });
});

describe('one action on many videos', () => {
  test('cancels those that a filter finds, and leaves the others', async () => {
    await add('video_1');
    await add('video_2', { model: 'other', batchId: 'batch_1' });
    await add('video_3', failed);
    await add('video_4', { callerId: 'someone' });
    const filter = { state: 'queued', to: '2027-01-01' };
    expect(await post('bulk', { action: 'cancel', filter: { ...filter, batchId: 'batch_1' } })).toMatchObject({
      status: 200,
      body: { matched: 1, done: 1, failed: [] },
    });
    expect(own.told).toEqual(['cancel video_2']);
    const before = { ...filter, to: CREATED.toISOString() };
    expect(await post('bulk', { action: 'cancel', filter: before })).toMatchObject({ body: { matched: 0, done: 0 } });
    expect(await post('bulk', { action: 'cancel', filter })).toMatchObject({ body: { matched: 1, done: 1 } });
    expect(own.told).toEqual(['cancel video_2', 'cancel video_1']);
  });

  test('names what failed by its id, and does the rest', async () => {
    await add('video_1', { state: 'completed', archive: makeArchive(), endedAt: CREATED });
    await add('video_2');
    await add('video_3', { callerId: 'someone' });
    const ids = ['video_1', 'video_2', 'video_3', 'video_1', 'video_9'];
    const { body } = await post('bulk', { action: 'delete', ids });
    expect(body).toMatchObject({ matched: 4, done: 1 });
    expect((body as { failed: unknown[] }).failed).toHaveLength(3);
    expect(body).toMatchObject({
      failed: expect.arrayContaining([
        { id: 'video_2', code: 'conflict' },
        { id: 'video_3', code: 'not_found' },
        { id: 'video_9', code: 'not_found' },
      ]),
    });
    expect((await own.ask({ url: '/clipyard/v1/videos/video_1', key: studio.key })).status).toBe(404);
  });

  test('makes each again once for a key', async () => {
    await add('video_1', failed);
    await add('video_2', { ...failed, state: 'expired' });
    await add('video_3');
    const order = { action: 'again', filter: { state: ['failed', 'expired'], to: '2026-06-01' } };
    const key = { 'idempotency-key': 'k1' };
    for (let n = 0; n < 2; n++) expect((await post('bulk', order, key)).body).toMatchObject({ matched: 2, done: 2 });
    expect(await copiesOf('video_1')).toHaveLength(1);
    expect(await copiesOf('video_2')).toHaveLength(1);
    const other = { ...order, ids: ['video_1'], filter: undefined };
    expect((await post('bulk', other, key)).body).toMatchObject({
      failed: [{ id: 'video_1', code: 'idempotency_mismatch' }],
    });
    expect((await post('bulk', order)).body).toMatchObject({ done: 2 });
    expect(await copiesOf('video_1')).toHaveLength(2);
  });

  test("is for root a matter of all callers', or of one", async () => {
    await add('video_1');
    await add('video_2', { callerId: 'someone' });
    const cancel = (filter: object, key?: string) => post('bulk', { action: 'cancel', filter }, {}, key);
    expect((await cancel({ caller: 'someone' })).status).toBe(403);
    expect((await cancel({ caller: 'someone' }, 'root-key')).body).toMatchObject({ matched: 1, done: 1 });
    expect((await cancel({ state: 'queued' }, 'root-key')).body).toMatchObject({ matched: 1, done: 1 });
  });

  test('is not done to all because nothing was named, and is done to all where that is said', async () => {
    await add('video_1', failed);
    await add('video_2');
    const refused = await post('bulk', { action: 'delete', filter: {} });
    expect(refused).toMatchObject({ status: 400, body: { param: 'filter' } });
    const [all = ''] = /\{.*\}/.exec((refused.body as { detail: string }).detail) ?? [];
    expect(await post('bulk', { action: 'cancel', filter: JSON.parse(all) })).toMatchObject({ body: { matched: 2 } });
  });

  test.each([
    [{ action: 'cancel' }],
    [{ action: 'explode', ids: ['video_1'] }],
    [{ action: 'cancel', ids: [] }],
    [{ action: 'cancel', ids: Array.from({ length: 10_001 }, (_, n) => `video_${n}`) }],
    [{ action: 'cancel', filter: { state: 'running' } }],
    [{ action: 'cancel', filter: {}, ids: ['video_1'] }],
    [{ action: 'cancel', filter: { model: 'a\0b' } }],
  ])('is refused where it is not understood', async (payload) => {
    expect((await post('bulk', payload)).status).toBe(400);
  });
});

test('bulk work that takes long goes on behind its answer, and ends with the process', async () => {
  const runner = new BulkRunner({ log: { warn: () => undefined }, answerAfterMs: 1 });
  const waiting: (() => void)[] = [];
  const act = () => new Promise<void>((resolve) => waiting.push(resolve));
  const ids = Array.from({ length: 9 }, (_, n) => `video_${n}`);
  expect(await runner.run(ids, act)).toEqual({ matched: 9, done: 0, failed: [] });
  for (let n = 0; n < 3; n++) await runner.run(['video_1'], act);
  await expect(runner.run(['video_1'], act)).rejects.toMatchObject({ kind: 'unavailable' });
  const begun = waiting.length;
  expect(begun).toBe(4 + 3);
  const closing = runner.close();
  for (const finish of waiting.splice(0)) finish();
  await closing;
  // No other was begun.
  expect(waiting).toEqual([]);
});
