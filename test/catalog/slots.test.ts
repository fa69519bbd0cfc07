/** Slots: how many, to whom, in which order, and what becomes of a place in the queue. */

import { eq } from 'drizzle-orm';
import { pauseAccount, suspend, suspendModel } from '../../src/catalog/account-health.ts';
import { syncAccounts } from '../../src/catalog/accounts.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { inTransaction } from '../../src/catalog/driver/database.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { replacePublishedModels } from '../../src/catalog/models.ts';
import { bookOrphan, endOrphan } from '../../src/catalog/orphans.ts';
import { queuePositions, readTurn } from '../../src/catalog/queue-order.ts';
import { enterReopenings, leaveReopenings, noteListsRead } from '../../src/catalog/reopenings.ts';
import {
  grantSlots,
  listStranded,
  listUntakenGrants,
  listWaitingPools,
  requestSlot,
  returnToQueue,
  takeBackGrant,
} from '../../src/catalog/slots.ts';
import {
  beginSending,
  closeSubmission,
  findCurrentSubmission,
  findSubmission,
  markRunning,
  takeBack,
} from '../../src/catalog/submissions.ts';
import { accounts } from '../../src/catalog/tables/accounts.ts';
import { pools, waiting } from '../../src/catalog/tables/queue.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { lockVideo, toVideo } from '../../src/catalog/videos.ts';
import { readWaits } from '../../src/catalog/waiting-reasons.ts';
import type { Grant } from '../../src/domain/slot.ts';
import type { ProviderName } from '../../src/domain/vendor.ts';
import { makeOffer } from '../builders.ts';
import { accept, insertCaller, offerModel, winners } from '../model/scene.ts';
import { insertSubmission, makeAccount, queuePosition } from './rows.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

const MODEL = 'wan-2.6';
const WIDE = makeAccount({ singleLane: false });

async function furnish(db: Db, configured = [WIDE]): Promise<void> {
  await syncAccounts(db, configured);
  await offerModel(
    db,
    MODEL,
    configured.map(({ id }) => id),
  );
  await insertCaller(db, 'caller_1');
}

/** Accepts videos and queues them one after the other; who was granted, in order. */
async function queue(db: Db, ids: readonly string[], of: Parameters<typeof accept>[2] = {}) {
  const granted: Grant[] = [];
  for (const id of ids) {
    const { request } = await accept(db, id, of);
    const taken = await inTransaction(db, (tx) => requestSlot(tx, id, request.model));
    if (taken.kind !== 'queued') throw new Error(`${id}: ${taken.kind}`);
    granted.push(...taken.grants);
  }
  return granted;
}

const grant = (db: Db, pool = 'main') => inTransaction(db, (tx) => grantSlots(tx, pool));

/** The create was sent and the task is known. */
async function start(db: Db, { submissionId, videoId }: Grant): Promise<void> {
  await beginSending(db, submissionId, 60_000);
  await markRunning(db, submissionId, `task of ${videoId}`);
}

/** Runs a granted video to its task's end, and returns whom its slot goes to. */
async function finish(db: Db, granted: Grant): Promise<readonly Grant[]> {
  await start(db, granted);
  const taskEnd = { kind: 'failed', upstream: {} } as const;
  await closeSubmission(db, granted.submissionId, { taskEnd, costMicroUsd: 0 });
  return await grant(db);
}

/** Who is granted next, one after the other, each slot being freed at once by the video that got it. */
async function grantOrder(db: Db, running: readonly Grant[], count: number): Promise<readonly string[]> {
  const open = [...running];
  const order: string[] = [];
  while (order.length < count) {
    const oldest = open.shift();
    if (!oldest) break;
    const next = await finish(db, oldest);
    open.push(...next);
    order.push(...winners(next));
  }
  return order;
}

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${prefix}${String(i + 1).padStart(3, '0')}`);

async function cancel(db: Db, id: string): Promise<void> {
  await endVideo(db, id, { state: 'cancelled', failure: null, archive: null });
}

describeOnBothCatalogs('slots', (catalog) => {
  test('are granted up to the limit of the account', async () => {
    const { db } = catalog.database;
    await furnish(db);
    expect(winners(await queue(db, names('a', 6)))).toEqual(names('a', 4));
    expect(await db.select().from(waiting)).toHaveLength(2);
    expect(await grant(db)).toEqual([]);
  });

  test('of a single lane are granted one create at a time', async () => {
    const { db } = catalog.database;
    await furnish(db, [makeAccount()]);
    const [first, ...others] = await queue(db, names('a', 3));
    if (!first) throw new Error('nothing was granted');
    expect(others).toEqual([]);
    expect(await grant(db)).toEqual([]);
    await start(db, first);
    expect(winners(await grant(db))).toEqual(['a002']);
    expect(await grant(db)).toEqual([]);
  });

  test('freeze what the account and its model were', async () => {
    const { db } = catalog.database;
    await furnish(db);
    await queue(db, ['a001']);
    await syncAccounts(db, [makeAccount({ baseUrl: 'https://elsewhere.example' })]);
    expect(await db.select().from(submissions)).toMatchObject([
      { account: 'airforce-1', baseUrl: 'https://api.example', upstreamModel: MODEL, n: 1, state: 'granted' },
    ]);
  });

  test('go first in first out within a caller', async () => {
    const { db } = catalog.database;
    await furnish(db);
    const running = await queue(db, names('a', 20));
    expect(await grantOrder(db, running, 16)).toEqual(names('a', 20).slice(4));
  });

  test('go in the order of creation within a caller, in any order they were asked for', async () => {
    const { db } = catalog.database;
    await furnish(db);
    const running = await queue(db, names('a', 4));
    const created = names('b', 6);
    for (const [n, id] of created.entries()) {
      await accept(db, id);
      await db
        .update(videos)
        .set({ createdAt: new Date(Date.now() + n) })
        .where(eq(videos.id, id));
    }
    for (const id of created.toReversed()) await inTransaction(db, (tx) => requestSlot(tx, id, MODEL));
    expect(await Promise.all(created.map((id) => queuePosition(db, id)))).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await grantOrder(db, running, 6)).toEqual(created);
  });

  test('are shared between a caller with forty and one with four', async () => {
    const { db } = catalog.database;
    await furnish(db);
    await insertCaller(db, 'caller_2');
    const running = await queue(db, names('a', 40));
    expect(await queue(db, names('b', 4), { callerId: 'caller_2' })).toEqual([]);
    const order = await grantOrder(db, running, 8);
    expect(order.filter((id) => id.startsWith('b'))).toEqual(names('b', 4));
  });

  test('are shared by weight', async () => {
    const { db } = catalog.database;
    await furnish(db);
    await insertCaller(db, 'caller_3', { weight: 3 });
    const running = await queue(db, names('a', 40));
    await queue(db, names('c', 40), { callerId: 'caller_3' });
    const order = await grantOrder(db, running, 32);
    expect(order.filter((id) => id.startsWith('c'))).toHaveLength(24);
  });

  test('are not held against a caller who gave its places up', async () => {
    const { db } = catalog.database;
    await furnish(db);
    await insertCaller(db, 'caller_2');
    const running = await queue(db, names('a', 4));
    const given = names('x', 50);
    await queue(db, given, { callerId: 'caller_2' });
    for (const id of given) await cancel(db, id);
    await queue(db, names('b', 20));
    await queue(db, ['y001'], { callerId: 'caller_2' });
    expect((await grantOrder(db, running, 2)).includes('y001')).toBe(true);
  });

  test('are not earned by a caller who comes back from idleness', async () => {
    const { db } = catalog.database;
    await furnish(db);
    await insertCaller(db, 'caller_2');
    const running = await queue(db, names('a', 40));
    const order = await grantOrder(db, running, 20);
    expect(order).toHaveLength(20);
    await queue(db, names('b', 20), { callerId: 'caller_2' });
    const open = await db.select().from(submissions).where(eq(submissions.state, 'granted'));
    const rest = await grantOrder(
      db,
      open.map((row) => ({ ...row, submissionId: row.id })),
      16,
    );
    expect(rest.filter((id) => id.startsWith('b'))).toHaveLength(8);
  });

  test('are taken at the preferred account and then the freest', async () => {
    const { db } = catalog.database;
    const second = makeAccount({ id: 'b', maxConcurrentTasks: 1, singleLane: false });
    await furnish(db, [makeAccount({ id: 'a', maxConcurrentTasks: 2, singleLane: false }), second]);
    const granted = await queue(db, names('a', 4));
    expect(granted.map(({ account }) => account)).toEqual(['a', 'a', 'b']);
  });

  test('are not granted where the account or the model is out', async () => {
    const { db } = catalog.database;
    const ids = ['paused', 'resting', 'suspended', 'model', 'removed'];
    const configured = ids.map((id) => makeAccount({ id, singleLane: false }));
    await furnish(db, configured);
    const later = new Date(Date.now() + 60_000);
    await pauseAccount(db, 'paused');
    await db.update(accounts).set({ pausedUntil: later }).where(eq(accounts.id, 'resting'));
    await suspend(db, 'suspended', { error: 'no', retryAfterMs: undefined, shortestMs: 0, longestMs: 0 });
    await suspendModel(db, { account: 'model', model: MODEL, forMs: 60_000, error: 'no' });
    await syncAccounts(db, configured.slice(0, 4));
    expect(await queue(db, ['a001'])).toEqual([]);
  });

  test('pass over a video that no account can take now', async () => {
    const { db } = catalog.database;
    await furnish(db, [WIDE, makeAccount({ id: 'other', singleLane: false })]);
    await offerModel(db, 'elsewhere', ['other']);
    await pauseAccount(db, 'other');
    expect(winners(await queue(db, ['x001'], { model: 'elsewhere' }))).toEqual([]);
    expect(winners(await queue(db, ['a001']))).toEqual(['a001']);
  });

  test('are granted where as many input images are taken', async () => {
    const { db } = catalog.database;
    const at = (id: string, provider: ProviderName) => makeAccount({ id, provider, singleLane: false });
    await furnish(db, [at('a', 'a4f'), at('b', 'openai'), at('c', 'airforce')]);
    const image = { kind: 'url', url: 'https://example.com/a.png' } as const;
    const taken = [];
    for (const count of [0, 1, 2]) {
      const images = Array(count).fill(image);
      taken.push(...(await queue(db, [`with ${count}`], { images })).map(({ account }) => account));
    }
    expect(taken).toEqual(['a', 'b', 'c']);
  });

  test('are not granted where no account takes the input images', async () => {
    const { db } = catalog.database;
    await furnish(db, [makeAccount({ provider: 'a4f', singleLane: false })]);
    const images = [{ kind: 'url', url: 'https://example.com/a.png' }] as const;
    expect(await queue(db, ['with an image'], { images })).toEqual([]);
    expect(winners(await queue(db, ['without']))).toEqual(['without']);
  });

  test('stay within a limit that was lowered', async () => {
    const { db } = catalog.database;
    await furnish(db);
    const [first] = await queue(db, names('a', 6));
    await syncAccounts(db, [{ ...WIDE, maxConcurrentTasks: 2 }]);
    if (!first) throw new Error('nothing was granted');
    expect(await finish(db, first)).toEqual([]);
  });
});

describeOnBothCatalogs('the queue', (catalog) => {
  test('takes a video once, and not where none is needed', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    await queue(db, ['a001', 'a002']);
    const ask = (id: string) => inTransaction(db, (tx) => requestSlot(tx, id, MODEL));
    expect(await ask('a002')).toEqual({ kind: 'queued', grants: [] });
    expect(await ask('a001')).toEqual({ kind: 'not needed' });
    await cancel(db, 'a002');
    expect(await ask('a002')).toEqual({ kind: 'not needed' });
    expect(await ask('unknown')).toEqual({ kind: 'not needed' });
    expect(await db.select().from(waiting)).toEqual([]);
  });

  test('says when no configured account offers the model', async () => {
    const { db } = catalog.database;
    await furnish(db);
    await accept(db, 'a001', { model: 'unheard-of' });
    expect(await inTransaction(db, (tx) => requestSlot(tx, 'a001', 'unheard-of'))).toEqual({ kind: 'no account' });
  });

  test('says that a video waits for a model that no configured account offers any more', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    await queue(db, ['a001', 'a002']);
    const waitsFor = async () => {
      const [row] = await db.select().from(videos).where(eq(videos.id, 'a002'));
      return row && (await readWaits(db, [toVideo({ ...row, openedAt: new Date() })])).get('a002');
    };
    expect(await waitsFor()).toMatchObject({ kind: 'slot', detail: 'no account that may make it has a free slot' });
    await syncAccounts(db, []);
    expect(await waitsFor()).toMatchObject({ kind: 'slot', detail: 'no configured account offers its model now' });
  });

  test('puts a video that lost its slot at its head', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    const [first] = await queue(db, ['a001', 'a002', 'a003']);
    if (!first) throw new Error('nothing was granted');
    await beginSending(db, first.submissionId, 60_000);
    await inTransaction(db, async (tx) => {
      await takeBack(tx, first.submissionId, { status: 429 });
      const video = await lockVideo(tx, 'a001');
      if (video) await returnToQueue(tx, video, { to: 'head' });
    });
    expect(await queuePosition(db, 'a001')).toBe(1);
    expect(await queuePosition(db, 'a003')).toBe(3);
    expect(winners(await grant(db))).toEqual(['a001']);
    expect(await queuePosition(db, 'a001')).toBeNull();
  });

  test('follows the accounts of its model to another pool', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    await queue(db, ['a001', 'a002']);
    expect(await listStranded(db, 10)).toEqual([]);
    await syncAccounts(db, [{ ...WIDE, pool: 'other' }]);
    expect(await grant(db)).toEqual([]);
    expect(await listStranded(db, 10)).toEqual([{ videoId: 'a002', model: MODEL }]);
    const moved = await inTransaction(db, (tx) => requestSlot(tx, 'a002', MODEL));
    expect(moved.kind === 'queued' && winners(moved.grants)).toEqual(['a002']);
    expect(await listWaitingPools(db)).toEqual([]);
  });

  test('is that of the account which is offered first, where upstreams of two pools publish a model', async () => {
    const { db } = catalog.database;
    const others = { ...WIDE, id: 'airforce-2', credential: 'another key', pool: 'other' };
    await syncAccounts(db, [WIDE, others]);
    await insertCaller(db, 'caller_1');
    const { capabilities, pricePerSecondMicroUsd } = makeOffer();
    const published = [{ upstreamModel: MODEL, pricePerSecondMicroUsd, capabilities }];
    const asked: string[] = [];
    // The order in which their rows were written last says nothing.
    for (const [id, order] of [
      ['a001', [others, WIDE]],
      ['a002', [WIDE, others]],
    ] as const) {
      for (const { id: account } of order) await replacePublishedModels(db, account, published);
      await accept(db, id);
      const [place] = await db.select().from(waiting);
      const taken = await inTransaction(db, (tx) => requestSlot(tx, id, MODEL));
      asked.push(`${place?.pool}: ${taken.kind === 'queued' && taken.grants.map(({ account }) => account)}`);
    }
    expect(asked).toEqual(['main: airforce-1', 'main: airforce-1']);
  });

  test('leaves a video alone whose accounts have all vanished', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    await queue(db, ['a001', 'a002']);
    await syncAccounts(db, []);
    expect(await listStranded(db, 10)).toEqual([]);
    expect(await listWaitingPools(db)).toEqual(['main']);
  });

  test('goes on behind a video whose task runs already', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    await queue(db, ['a001', 'a002', 'a003']);
    await insertSubmission(db, { id: 'healed', videoId: 'a002', account: 'gone', singleLane: false, taskId: 't' });
    await cancel(db, 'a001');
    const open = await db.select().from(submissions).where(eq(submissions.state, 'granted'));
    expect(open.map(({ videoId }) => videoId)).toEqual(['a003']);
    expect(await db.select().from(waiting)).toEqual([]);
  });

  test('gives up the place of a video that ends', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    await queue(db, ['a001', 'a002', 'a003']);
    await cancel(db, 'a002');
    const failure = null;
    const { grants } = await endVideo(db, 'a001', { state: 'cancelled', failure, archive: null });
    expect(winners(grants)).toEqual(['a003']);
  });

  test('has its head ask again when a pause ends', async () => {
    const { db } = catalog.database;
    await furnish(db);
    const until = new Date(Date.now() + 60_000);
    await db.update(accounts).set({ pausedUntil: until });
    await queue(db, ['a001', 'a002']);
    const { askAgainMs } = (await readTurn(db, 'a001')) ?? {};
    expect(askAgainMs).toBeGreaterThan(50_000);
    expect(askAgainMs).toBeLessThanOrEqual(60_000);
    expect(await readTurn(db, 'a002')).toEqual({ askAgainMs: null });
    expect(await readTurn(db, 'elsewhere')).toBeNull();
  });

  test('moves its time with what it grants and never back', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    const running = await queue(db, names('a', 3));
    const time = async () => (await db.select().from(pools))[0]?.virtualTime;
    expect(await time()).toBe(1);
    await grantOrder(db, running, 2);
    expect(await time()).toBe(3);
  });

  test('shows grants that were not begun to send', async () => {
    const { db } = catalog.database;
    await furnish(db);
    const [first, second] = await queue(db, ['a001', 'a002']);
    if (!first || !second) throw new Error('nothing was granted');
    await start(db, second);
    expect(await listUntakenGrants(db, -1000)).toMatchObject([{ videoId: 'a001' }]);
    expect(await listUntakenGrants(db, 60_000)).toEqual([]);
  });

  test('takes a slot back that was not taken, and puts its video behind the others', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    const [first] = await queue(db, ['a001', 'a002', 'a003']);
    if (!first) throw new Error('nothing was granted');
    const untaken = await findSubmission(db, first.submissionId);
    if (!untaken) throw new Error('the grant is lost');
    const takeBack = () => inTransaction(db, (tx) => takeBackGrant(tx, untaken));
    expect(winners((await takeBack()) ?? [])).toEqual(['a002']);
    expect(await queuePosition(db, 'a003')).toBe(1);
    expect(await queuePosition(db, 'a001')).toBe(2);
    expect(await takeBack()).toBeNull();
  });

  test('keeps a video from its turn until its time', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    const [first] = await queue(db, ['a001', 'a002']);
    if (!first) throw new Error('nothing was granted');
    await beginSending(db, first.submissionId, 60_000);
    await inTransaction(db, async (tx) => {
      await takeBack(tx, first.submissionId, { status: 403 });
      const video = await lockVideo(tx, 'a001');
      if (video) await returnToQueue(tx, video, { to: 'head', notBeforeMs: 60_000 });
    });
    const { askAgainMs } = (await readTurn(db, 'a001')) ?? {};
    expect(askAgainMs).toBeGreaterThan(50_000);
    expect(askAgainMs).toBeLessThanOrEqual(60_000);
    expect(winners(await grant(db))).toEqual(['a002']);
    await db.update(waiting).set({ notBefore: new Date(Date.now() - 1000) });
    // From then on it is told, as all others are.
    expect(await readTurn(db, 'a001')).toEqual({ askAgainMs: null });
    await cancel(db, 'a002');
    expect((await findCurrentSubmission(db, 'a001'))?.state).toBe('granted');
  });

  test("orders a caller's own by priority", async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    await queue(db, ['a001', 'a002']);
    await queue(db, ['a003'], { priority: 1 });
    await queue(db, ['a004'], { priority: -1 });
    const places = ['a003', 'a002', 'a004'].map((id) => queuePosition(db, id));
    expect(await Promise.all(places)).toEqual([1, 2, 3]);
    await cancel(db, 'a001');
    expect((await findCurrentSubmission(db, 'a003'))?.state).toBe('granted');
  });

  test('tells the places of many at once as those of each', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    await insertCaller(db, 'caller_2', { weight: 2 });
    const [first] = await queue(db, ['a001', 'a002', 'a003', 'a004']);
    await queue(db, names('b', 5), { callerId: 'caller_2' });
    await queue(db, ['a005', 'a006'], { priority: 1 });
    if (!first) throw new Error('nothing was granted');
    await beginSending(db, first.submissionId, 60_000);
    await inTransaction(db, async (tx) => {
      await takeBack(tx, first.submissionId, { status: 429 });
      const video = await lockVideo(tx, 'a001');
      if (video) await returnToQueue(tx, video, { to: 'head' });
    });
    const asked = [...names('a', 6), ...names('b', 5), 'none'];
    const each = await Promise.all(asked.map(async (id) => [id, await queuePosition(db, id)] as const));
    const waits = each.filter((entry): entry is readonly [string, number] => entry[1] !== null);
    expect(await queuePositions(db, asked)).toEqual(new Map(waits));
    expect(waits).toHaveLength(11);
    expect(await queuePositions(db, ['a003'])).toEqual(new Map(waits.filter(([id]) => id === 'a003')));
    expect(await queuePositions(db, [])).toEqual(new Map());
  });

  test('grants nothing to a video whose time to begin has passed, or that is to be cancelled', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 1 }]);
    await queue(db, ['a001', 'a002', 'a003', 'a004']);
    await db
      .update(videos)
      .set({ queueDeadlineAt: new Date(Date.now() - 1000) })
      .where(eq(videos.id, 'a002'));
    await db.update(videos).set({ cancelRequestedAt: new Date() }).where(eq(videos.id, 'a003'));
    await cancel(db, 'a001');
    const open = await db.select().from(submissions).where(eq(submissions.state, 'granted'));
    expect(open.map(({ videoId }) => videoId)).toEqual(['a004']);
  });

  test('grants nothing while videos open again', async () => {
    const { db } = catalog.database;
    await furnish(db);
    await enterReopenings(db, ['a009']);
    expect(await queue(db, ['a001'])).toEqual([]);
    await leaveReopenings(db, ['a009']);
    expect(await grant(db)).toEqual([]);
    await noteListsRead(db);
    expect(winners(await grant(db))).toEqual(['a001']);
  });
});

describeOnBothCatalogs('the slots of one key', (catalog) => {
  const twins = [
    { ...WIDE, credential: 'one key', maxConcurrentTasks: 2 },
    makeAccount({ id: 'airforce-2', credential: 'one key', singleLane: false, maxConcurrentTasks: 2, pool: 'other' }),
  ];

  test('are counted together over all its accounts', async () => {
    const { db } = catalog.database;
    await syncAccounts(db, twins);
    await offerModel(db, MODEL, ['airforce-1']);
    await offerModel(db, 'other-model', ['airforce-2']);
    await insertCaller(db, 'caller_1');
    expect(winners(await queue(db, ['a001', 'a002', 'a003']))).toEqual(['a001', 'a002']);
    expect(await queue(db, ['b001'], { model: 'other-model' })).toEqual([]);
  });

  test('are taken by tasks that belong to no submission', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 2 }]);
    const found = { account: 'airforce-1', credential: 'airforce-1', upstreamModel: MODEL, createdAt: new Date() };
    await bookOrphan(db, { ...found, taskId: 'stray', costMicroUsd: null });
    expect(winners(await queue(db, ['a001', 'a002']))).toEqual(['a001']);
    await endOrphan(db, { credential: 'airforce-1', taskId: 'stray' }, 0);
    expect(winners(await grant(db))).toEqual(['a002']);
  });

  test('are taken once by a task that a submission has after all', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, maxConcurrentTasks: 2 }]);
    const [first] = await queue(db, ['a001']);
    if (!first) throw new Error('nothing was granted');
    await start(db, first);
    const { taskId } = (await findSubmission(db, first.submissionId)) ?? {};
    const found = { account: 'airforce-1', credential: 'airforce-1', upstreamModel: MODEL, createdAt: new Date() };
    await bookOrphan(db, { ...found, taskId: taskId ?? '', costMicroUsd: null });
    expect(winners(await queue(db, ['a002', 'a003']))).toEqual(['a002']);
  });

  test('stay the same when the account gets another id', async () => {
    const { db } = catalog.database;
    await furnish(db, [{ ...WIDE, credential: 'one key', maxConcurrentTasks: 1 }]);
    await queue(db, ['a001', 'a002']);
    await syncAccounts(db, [
      makeAccount({ id: 'renamed', credential: 'one key', singleLane: false, maxConcurrentTasks: 1 }),
    ]);
    await offerModel(db, MODEL, ['renamed']);
    expect(await grant(db)).toEqual([]);
    await cancel(db, 'a001');
    expect(await findCurrentSubmission(db, 'a002')).toMatchObject({ state: 'granted', account: 'renamed' });
  });
});
