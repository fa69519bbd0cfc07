/** Our own routes for money: balance, ledger, costs, refunds and decided costs. */

import { settle } from '../../../src/catalog/ledger.ts';
import { hold } from '../../catalog/hold.ts';
import { insertSubmission, insertVideo } from '../../catalog/rows.ts';
import { type OwnApp, openOwnApp } from './own-app.ts';

const ENDED = new Date('2026-03-01T12:00:00.000Z');

describe('our own routes for money', () => {
  let own: OwnApp;

  beforeAll(async () => {
    own = await openOwnApp();
  });
  beforeEach(() => own.reset());
  afterAll(() => own.close());

  /** A completed video that cost 90 of the 100 held, or is held for review. */
  async function insertEnded(callerId: string, videoId: string, settledMicroUsd: number | null): Promise<void> {
    const { db } = own.database;
    const account = 'airforce-1';
    await insertVideo(db, { id: videoId, callerId, account, state: 'completed', endedAt: ENDED, settledMicroUsd });
    await insertSubmission(db, {
      id: `of_${videoId}`,
      videoId,
      account,
      taskId: `task_${videoId}`,
      state: 'ended',
      costMicroUsd: settledMicroUsd,
    });
    await db.transaction(async (tx) => {
      await hold(tx, { callerId, videoId, amountMicroUsd: 100 });
      if (settledMicroUsd !== null) await settle(tx, { callerId, videoId, amountMicroUsd: settledMicroUsd });
    });
  }

  test('show balance and entries that add up to it', async () => {
    const { ask } = own;
    const { id, key } = await own.join('studio', 1000);
    await insertEnded(id, 'video_1', 90);
    expect((await ask({ url: '/clipyard/v1/balance', key })).body).toEqual({
      creditMicroUsd: 1000,
      heldMicroUsd: 0,
      spentMicroUsd: 90,
      availableMicroUsd: 910,
    });
    const { body } = await ask({ url: '/clipyard/v1/ledger', key });
    const entry = (kind: string, amountMicroUsd: number, videoId: string | null = 'video_1') => {
      return { id: expect.stringMatching(/^entry_/), videoId, kind, amountMicroUsd, at: expect.stringMatching(/Z$/) };
    };
    expect(body).toEqual({
      items: [entry('settle', -90), entry('release', 100), entry('hold', -100), entry('credit', 1000, null)],
      nextCursor: null,
    });
  });

  test('page and filter the ledger', async () => {
    const { ask } = own;
    const { id, key } = await own.join('studio', 1000);
    await insertEnded(id, 'video_1', 90);
    await insertEnded('root', 'video_2', 90);
    const first = await ask({ url: '/clipyard/v1/ledger?limit=3&videoId=video_1', key });
    expect(first.body).toMatchObject({ items: [{}, {}, {}], nextCursor: null });
    const paged = await ask({ url: '/clipyard/v1/ledger?limit=3', key });
    const { nextCursor } = paged.body as { nextCursor: string };
    expect((await ask({ url: `/clipyard/v1/ledger?limit=3&cursor=${nextCursor}`, key })).body).toMatchObject({
      items: [{ kind: 'credit' }],
    });
    expect((await ask({ url: '/clipyard/v1/ledger?to=2020-01-01', key })).body).toMatchObject({ items: [] });
    expect((await ask({ url: '/clipyard/v1/ledger?videoId=video_2', key })).body).toMatchObject({ items: [] });
    expect((await ask({ url: '/clipyard/v1/ledger?videoId=video_1' })).body).toMatchObject({ items: [{}, {}, {}] });
    const years = ['from=0000-01-01', 'from=0001-01-01T00:00:00%2B14:00', 'to=9999-12-31T23:59:59-14:00'];
    for (const query of ['cursor=x', 'from=yesterday', 'limit=999', 'kind=hold', 'videoId=%00', ...years]) {
      expect((await ask({ url: `/clipyard/v1/ledger?${query}`, key })).status).toBe(400);
    }
    for (const query of years) expect((await ask({ url: `/clipyard/v1/costs?${query}`, key })).status).toBe(400);
  });

  test('sum costs for a caller, and for root all', async () => {
    const { ask } = own;
    const { id, key } = await own.join('studio', 1000);
    await insertEnded(id, 'video_1', 90);
    await insertEnded('root', 'video_2', 10);
    expect((await ask({ url: '/clipyard/v1/costs?groupBy=day,model', key })).body).toEqual({
      items: [
        {
          day: '2026-03-01',
          model: 'wan-2.6',
          videos: 1,
          settledMicroUsd: 90,
          upstreamMicroUsd: 90,
          lostMicroUsd: 0,
        },
      ],
    });
    expect((await ask({ url: '/clipyard/v1/costs' })).body).toMatchObject({ items: [{ videos: 2 }] });
    expect((await ask({ url: '/clipyard/v1/costs?groupBy=caller&from=2026-03-01T12:00:00Z' })).body).toMatchObject({
      items: [
        { caller: id, settledMicroUsd: 90 },
        { caller: 'root', settledMicroUsd: 10 },
      ],
    });
    expect((await ask({ url: '/clipyard/v1/costs?groupBy=weekday' })).status).toBe(400);
    expect((await ask({ url: '/clipyard/v1/costs?caller=root', key })).status).toBe(403);
  });

  test('give a settled cost back once', async () => {
    const { ask } = own;
    const { id, key } = await own.join('studio', 1000);
    await insertEnded(id, 'video_1', 90);
    const refund = (as: string) => ask({ method: 'POST', url: '/clipyard/v1/videos/video_1/refund', key: as });
    expect(await refund(key)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await refund('root-key')).toMatchObject({ status: 200, body: { id: 'video_1' } });
    expect(await refund('root-key')).toMatchObject({ status: 409, body: { code: 'conflict' } });
    expect((await ask({ url: '/clipyard/v1/balance', key })).body).toMatchObject({ availableMicroUsd: 1000 });
  });

  test('decide a cost that was held for review', async () => {
    const { ask } = own;
    const { id, key } = await own.join('studio', 1000);
    await insertEnded(id, 'video_1', null);
    const decide = (payload: object, as = 'root-key') =>
      ask({ method: 'POST', url: '/clipyard/v1/videos/video_1/settle', payload, key: as });
    expect((await decide({ amountMicroUsd: 40 }, key)).status).toBe(403);
    for (const payload of [{}, { amountMicroUsd: -1 }, { amountMicroUsd: 0.5 }, { amountMicroUsd: 1, x: 1 }]) {
      expect((await decide(payload)).status).toBe(400);
    }
    expect(await decide({ amountMicroUsd: 40 })).toMatchObject({
      status: 200,
      body: { cost: { settledMicroUsd: 40 } },
    });
    expect((await decide({ amountMicroUsd: 40 })).status).toBe(409);
    expect((await ask({ url: '/clipyard/v1/balance', key })).body).toMatchObject({ availableMicroUsd: 960 });
  });

  test('know no money of unknown videos', async () => {
    const { ask } = own;
    expect((await ask({ method: 'POST', url: '/clipyard/v1/videos/none/refund' })).status).toBe(404);
    const payload = { amountMicroUsd: 1 };
    expect((await ask({ method: 'POST', url: '/clipyard/v1/videos/none/settle', payload })).status).toBe(404);
  });
});
