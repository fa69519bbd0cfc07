/** Costs: what was settled, billed and lost, by day, model, caller and account; and what operators correct. */

import { balance } from '../../src/catalog/balance.ts';
import { createCaller } from '../../src/catalog/callers.ts';
import { refundVideo, settleReviewed } from '../../src/catalog/corrections.ts';
import { costs } from '../../src/catalog/costs.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { settle } from '../../src/catalog/ledger.ts';
import { orphans } from '../../src/catalog/tables/accounts.ts';
import { findVideo } from '../../src/catalog/videos.ts';
import { hold } from './hold.ts';
import { insertSubmission, insertVideo } from './rows.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

const DAY_1 = new Date('2026-03-01T23:59:59.999Z');
const DAY_2 = new Date('2026-03-02T00:00:00.000Z');

/** Four ended videos: settled exactly, failed although billed, paid twice upstream, and never submitted; one runs. */
async function insertHistory(db: Db): Promise<void> {
  const ended = { account: 'airforce-1', endedAt: DAY_1 };
  await insertVideo(db, { id: 'v1', ...ended, state: 'completed', settledMicroUsd: 300 });
  await insertSubmission(db, { id: 's1', videoId: 'v1', state: 'ended', costMicroUsd: 300 });
  await insertVideo(db, { id: 'v2', ...ended, state: 'failed', settledMicroUsd: 0, model: 'other' });
  await insertSubmission(db, { id: 's2', videoId: 'v2', state: 'ended', costMicroUsd: 50 });
  const moved = { account: 'airforce-2', endedAt: DAY_2, callerId: 'caller_2' };
  await insertVideo(db, { id: 'v3', ...moved, state: 'completed', settledMicroUsd: 20 });
  await insertSubmission(db, { id: 's3', videoId: 'v3', state: 'ended', costMicroUsd: 15 });
  await insertSubmission(db, {
    id: 's4',
    videoId: 'v3',
    n: 2,
    account: 'airforce-2',
    state: 'ended',
    costMicroUsd: 20,
  });
  await insertVideo(db, { id: 'v4', state: 'expired', endedAt: DAY_2, settledMicroUsd: 0 });
  await insertVideo(db, { id: 'v5', state: 'generating', account: 'airforce-1' });
  await insertSubmission(db, { id: 's5', videoId: 'v5', costMicroUsd: 999 });
}

describeOnBothCatalogs('costs', (catalog) => {
  test('are summed over all videos that ended', async () => {
    const { db } = catalog.database;
    expect(await costs(db, { callerId: null, groupBy: [] })).toEqual([
      { videos: 0, settledMicroUsd: 0, upstreamMicroUsd: 0, lostMicroUsd: 0 },
    ]);
    await insertHistory(db);
    expect(await costs(db, { callerId: null, groupBy: [] })).toEqual([
      { videos: 4, settledMicroUsd: 320, upstreamMicroUsd: 385, lostMicroUsd: 65 },
    ]);
  });

  test('are grouped as asked', async () => {
    const { db } = catalog.database;
    await insertHistory(db);
    expect(await costs(db, { callerId: null, groupBy: ['day'] })).toMatchObject([
      { day: '2026-03-01', videos: 2, settledMicroUsd: 300, upstreamMicroUsd: 350, lostMicroUsd: 50 },
      { day: '2026-03-02', videos: 2, settledMicroUsd: 20, upstreamMicroUsd: 35, lostMicroUsd: 15 },
    ]);
    expect(await costs(db, { callerId: null, groupBy: ['account'] })).toEqual([
      { account: 'airforce-1', videos: 3, settledMicroUsd: 300, upstreamMicroUsd: 365, lostMicroUsd: 65 },
      { account: 'airforce-2', videos: 1, settledMicroUsd: 20, upstreamMicroUsd: 20, lostMicroUsd: 0 },
      { account: null, videos: 1, settledMicroUsd: 0, upstreamMicroUsd: 0, lostMicroUsd: 0 },
    ]);
    expect(await costs(db, { callerId: null, groupBy: ['caller', 'model'] })).toMatchObject([
      { caller: 'caller_1', model: 'other', videos: 1, lostMicroUsd: 50 },
      { caller: 'caller_1', model: 'wan-2.6', videos: 2, lostMicroUsd: 0 },
      { caller: 'caller_2', model: 'wan-2.6', videos: 1, lostMicroUsd: 15 },
    ]);
  });

  test('are those of one caller and one period', async () => {
    const { db } = catalog.database;
    await insertHistory(db);
    expect(await costs(db, { callerId: 'caller_2', groupBy: [] })).toMatchObject([{ videos: 1, settledMicroUsd: 20 }]);
    expect(await costs(db, { callerId: null, from: DAY_1, to: DAY_2, groupBy: [] })).toMatchObject([{ videos: 2 }]);
    expect(await costs(db, { callerId: 'caller_3', groupBy: ['day'] })).toEqual([]);
    const lastDay = { from: new Date('9999-12-31T12:00:00Z'), to: new Date('9999-12-31T23:59:59Z') };
    for (const { from, to } of [lastDay, { ...lastDay, to: undefined }]) {
      expect(await costs(db, { callerId: null, from, to, groupBy: ['day'] })).toEqual([]);
    }
  });

  test('count orphans as lost, by their creation and with no caller', async () => {
    const { db } = catalog.database;
    await insertHistory(db);
    const orphan = {
      account: 'airforce-2',
      credential: 'airforce-2',
      taskId: 't1',
      model: null,
      costMicroUsd: 7,
      createdAt: DAY_2,
    };
    await db.insert(orphans).values([orphan, { ...orphan, taskId: 't2', costMicroUsd: 30, createdAt: DAY_1 }]);
    const all = { callerId: null, groupBy: [] };
    expect(await costs(db, all)).toEqual([
      { videos: 4, settledMicroUsd: 320, upstreamMicroUsd: 422, lostMicroUsd: 102 },
    ]);
    expect(await costs(db, { ...all, groupBy: ['day', 'model', 'caller', 'account'], from: DAY_2 })).toContainEqual({
      day: '2026-03-02',
      model: null,
      caller: null,
      account: 'airforce-2',
      videos: 0,
      settledMicroUsd: 0,
      upstreamMicroUsd: 7,
      lostMicroUsd: 7,
    });
    expect(await costs(db, { ...all, from: DAY_1, to: DAY_2 })).toMatchObject([{ videos: 2, lostMicroUsd: 80 }]);
    expect(await costs(db, { callerId: 'caller_2', groupBy: [] })).toMatchObject([{ lostMicroUsd: 15 }]);
  });

  test('leave out what an operator has yet to decide', async () => {
    const { db } = catalog.database;
    const { caller } = await createCaller(db, { name: 'studio', creditMicroUsd: 1000 });
    const owned = { id: 'v1', callerId: caller.id, account: 'airforce-1' };
    await db.transaction((tx) => hold(tx, { callerId: caller.id, videoId: 'v1', amountMicroUsd: 100 }));
    await insertVideo(db, { ...owned, state: 'completed', endedAt: DAY_1, upstreamMicroUsd: 400 });
    await insertSubmission(db, { id: 's1', videoId: 'v1', state: 'ended', costMicroUsd: 400 });
    const total = { callerId: null, groupBy: [] };
    expect(await costs(db, total)).toMatchObject([{ settledMicroUsd: 0, upstreamMicroUsd: 400, lostMicroUsd: 0 }]);
    await settleReviewed(db, 'v1', 150);
    expect(await costs(db, total)).toMatchObject([{ settledMicroUsd: 150, upstreamMicroUsd: 400, lostMicroUsd: 250 }]);
    expect((await findVideo(db, 'v1'))?.settledMicroUsd).toBe(150);
    expect(await balance(db, caller.id)).toMatchObject({ heldMicroUsd: 0, spentMicroUsd: 150, availableMicroUsd: 850 });
    await expect(settleReviewed(db, 'v1', 150)).rejects.toMatchObject({ kind: 'conflict' });
  });

  test('are decided only when the task is over', async () => {
    const { db } = catalog.database;
    const { caller } = await createCaller(db, { name: 'studio' });
    const callerId = caller.id;
    await insertVideo(db, { id: 'v1', callerId, state: 'generating' });
    await insertVideo(db, { id: 'v2', callerId, state: 'cancelled', endedAt: DAY_1 });
    await insertSubmission(db, { id: 's2', videoId: 'v2' });
    await insertVideo(db, { id: 'v3', callerId, state: 'completed', endedAt: DAY_1 });
    for (const id of ['v1', 'v2', 'v3']) {
      await expect(settleReviewed(db, id, 10)).rejects.toMatchObject({ kind: 'conflict' });
    }
    await expect(settleReviewed(db, 'none', 10)).rejects.toMatchObject({ kind: 'not_found' });
    await expect(refundVideo(db, 'none')).rejects.toMatchObject({ kind: 'not_found' });
  });

  test('are given back by a refund', async () => {
    const { db } = catalog.database;
    const { caller } = await createCaller(db, { name: 'studio', creditMicroUsd: 1000 });
    const video = { callerId: caller.id, videoId: 'v1' };
    await insertVideo(db, {
      id: 'v1',
      callerId: caller.id,
      account: 'airforce-1',
      state: 'completed',
      endedAt: DAY_1,
      settledMicroUsd: 90,
    });
    await db.transaction(async (tx) => {
      await hold(tx, { ...video, amountMicroUsd: 100 });
      await settle(tx, { ...video, amountMicroUsd: 90 });
    });
    await insertSubmission(db, { id: 's1', videoId: 'v1', state: 'ended', costMicroUsd: 90 });
    const total = { callerId: null, groupBy: [] };
    expect(await costs(db, total)).toMatchObject([{ settledMicroUsd: 90, lostMicroUsd: 0 }]);
    await refundVideo(db, 'v1');
    expect((await balance(db, caller.id)).availableMicroUsd).toBe(1000);
    expect(await costs(db, total)).toMatchObject([{ settledMicroUsd: 0, upstreamMicroUsd: 90, lostMicroUsd: 90 }]);
    await expect(refundVideo(db, 'v1')).rejects.toMatchObject({ kind: 'conflict' });
  });

  test('are lost below zero where the named price was more than the bill (AO-14)', async () => {
    const { db } = catalog.database;
    const ended = { state: 'completed', account: 'airforce-1', endedAt: DAY_1 } as const;
    await insertVideo(db, { id: 'v1', ...ended, settledMicroUsd: 100 });
    await insertSubmission(db, { id: 's1', videoId: 'v1', state: 'ended', costMicroUsd: 60 });
    expect(await costs(db, { callerId: null, groupBy: [] })).toEqual([
      { videos: 1, settledMicroUsd: 100, upstreamMicroUsd: 60, lostMicroUsd: -40 },
    ]);
  });
});
