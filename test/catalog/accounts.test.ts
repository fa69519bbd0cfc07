/** Upstream accounts: as configured, as operators want them, and as the upstream lets us know. */

import { isNotNull } from 'drizzle-orm';
import {
  liftSuspension,
  listSuspendedAccounts,
  pauseAccount,
  pauseUntil,
  recover,
  resumeAccount,
  suspend,
  suspendModel,
} from '../../src/catalog/account-health.ts';
import { listAccounts } from '../../src/catalog/account-views.ts';
import { syncAccounts, withFormerIds } from '../../src/catalog/accounts.ts';
import { readClock } from '../../src/catalog/clock.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { listOffers, replacePublishedModels } from '../../src/catalog/models.ts';
import { accountModels, accounts } from '../../src/catalog/tables/accounts.ts';
import { pools, waiting } from '../../src/catalog/tables/queue.ts';
import { accountNamed } from '../../src/domain/account.ts';
import { makeOffer } from '../builders.ts';
import { insertSubmission, makeAccount } from './rows.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

const BOUNDS = { shortestMs: 5000, longestMs: 60_000 };
const troubled = (error: string) => ({ ...BOUNDS, retryAfterMs: undefined, error });
/** How far the clocks of test and database may lie apart. */
const CLOCK_MS = 20_000;

describeOnBothCatalogs('accounts', (catalog) => {
  async function only() {
    const [view] = await listAccounts(catalog.database.db);
    if (!view) throw new Error('there is no account');
    return view;
  }

  async function pauseLengthMs(): Promise<number> {
    return ((await only()).pausedUntil?.getTime() ?? 0) - Date.now();
  }

  test('follow the configuration and stay when they vanish', async () => {
    const { db } = catalog.database;
    const second = makeAccount({ id: 'airforce-2', pool: 'other' });
    await Promise.all([1, 2, 3].map(() => syncAccounts(db, [makeAccount(), second])));
    expect((await db.select().from(pools)).map(({ id }) => id).sort()).toEqual(['main', 'other']);
    await syncAccounts(db, [makeAccount({ maxConcurrentTasks: 2 })]);
    expect(await listAccounts(db)).toMatchObject([
      { id: 'airforce-1', provider: 'airforce', state: 'active', limit: 2, inUse: 0, waiting: 0, pausedUntil: null },
      { id: 'airforce-2', state: 'removed', limit: 4 },
    ]);
    await syncAccounts(db, []);
    expect((await listAccounts(db)).map(({ state }) => state)).toEqual(['removed', 'removed']);
    await syncAccounts(db, [second]);
    expect((await listAccounts(db)).map(({ state }) => state)).toEqual(['removed', 'active']);
  });

  test('keep their health when the configuration is read again', async () => {
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount()]);
    await suspend(db, 'airforce-1', troubled('bad key'));
    await syncAccounts(db, [makeAccount()]);
    expect(await only()).toMatchObject({ state: 'suspended', lastError: 'bad key' });
  });

  test('know the ids under which their key was configured for the same API before', async () => {
    const { db } = catalog.database;
    const before = [
      makeAccount({ id: 'first', credential: 'one' }),
      makeAccount({ id: 'second', credential: 'one' }),
      makeAccount({ id: 'of another API', credential: 'one', provider: 'openai' }),
      makeAccount({ id: 'of another key', credential: 'two' }),
    ];
    await syncAccounts(db, before);
    const now = ['second', 'third'].map((id) => makeAccount({ id, credential: 'one' }));
    await syncAccounts(db, now);
    const known = await withFormerIds(db, now);
    expect(known.map(({ id, formerIds }) => ({ id, formerIds }))).toEqual([
      { id: 'second', formerIds: ['first'] },
      { id: 'third', formerIds: ['first'] },
    ]);
    expect(accountNamed(known, 'first')?.id).toBe('second');
    expect(accountNamed(known, 'third')?.id).toBe('third');
    expect(accountNamed(known, 'of another key')).toBeNull();
  });

  test('show slots in use and videos that wait', async () => {
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount(), makeAccount({ id: 'airforce-2' })]);
    const { capabilities, pricePerSecondMicroUsd } = makeOffer();
    const published = { upstreamModel: 'wan-2.6', pricePerSecondMicroUsd, capabilities };
    await replacePublishedModels(db, 'airforce-1', [published]);
    await insertSubmission(db, { id: 's1', videoId: 'v1' });
    await insertSubmission(db, { id: 's2', videoId: 'v2', state: 'granted' });
    await insertSubmission(db, { id: 's3', videoId: 'v3', state: 'ended' });
    await insertSubmission(db, { id: 's4', videoId: 'v4', state: 'void' });
    const place = { pool: 'main', callerId: 'caller_1', place: 1, queuedAt: new Date() };
    await db.insert(waiting).values([
      { ...place, videoId: 'v5', model: 'wan-2.6' },
      { ...place, videoId: 'v6', model: 'another' },
      { ...place, videoId: 'v7', model: 'wan-2.6', pool: 'other' },
    ]);
    expect(await listAccounts(db)).toMatchObject([
      { id: 'airforce-1', inUse: 2, waiting: 1 },
      { id: 'airforce-2', inUse: 0, waiting: 0 },
    ]);
  });

  test('are paused and resumed by operators', async () => {
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount()]);
    await pauseAccount(db, 'airforce-1');
    expect(await only()).toMatchObject({ state: 'paused', pausedUntil: null });
    await recover(db, 'airforce-1', null);
    expect((await only()).state).toBe('paused');
    await suspend(db, 'airforce-1', troubled('bad key'));
    await resumeAccount(db, 'airforce-1');
    expect(await only()).toMatchObject({ state: 'active', lastError: null });
    await expect(pauseAccount(db, 'none')).rejects.toMatchObject({ kind: 'not_found' });
    await expect(resumeAccount(db, 'none')).rejects.toMatchObject({ kind: 'not_found' });
  });

  test('are paused as long as the upstream asks', async () => {
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount()]);
    await pauseUntil(db, 'airforce-1', { ...BOUNDS, retryAfterMs: 600_000, error: 'slow down' });
    expect(await only()).toMatchObject({ state: 'paused', lastError: 'slow down' });
    expect(Math.abs((await pauseLengthMs()) - 600_000)).toBeLessThan(CLOCK_MS);
    await pauseUntil(db, 'airforce-1', { ...BOUNDS, retryAfterMs: undefined, error: 'again' });
    expect(Math.abs((await pauseLengthMs()) - 600_000)).toBeLessThan(CLOCK_MS);
  });

  test('are paused longer with each trouble in a row', async () => {
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount()]);
    const bounds = { shortestMs: 1_000_000, longestMs: 3_000_000 };
    const expected = [1_000_000, 2_000_000, 3_000_000];
    for (const [before, lengthMs] of expected.entries()) {
      await pauseUntil(db, 'airforce-1', { ...bounds, retryAfterMs: undefined, error: 'down' });
      // What others report meanwhile is the same trouble.
      await pauseUntil(db, 'airforce-1', { ...bounds, retryAfterMs: undefined, error: 'down' });
      expect(Math.abs((await pauseLengthMs()) - lengthMs)).toBeLessThan(CLOCK_MS);
      expect(await db.select().from(accounts)).toMatchObject([{ troubles: before + 1 }]);
      await db.update(accounts).set({ pausedUntil: new Date(Date.now() - 3_600_000) });
      expect(await only()).toMatchObject({ state: 'active', pausedUntil: null });
    }
    await recover(db, 'airforce-1', null);
    expect(await db.select().from(accounts)).toMatchObject([{ troubles: 0, pausedUntil: null, lastError: null }]);
  });

  test('are listed for probing while their key is refused', async () => {
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount(), makeAccount({ id: 'airforce-2' })]);
    await suspend(db, 'airforce-2', troubled('bad key'));
    const [first] = await listSuspendedAccounts(db);
    await suspend(db, 'airforce-2', troubled('bad key still'));
    expect(await listSuspendedAccounts(db)).toMatchObject([{ id: 'airforce-2', suspendedAt: first?.suspendedAt }]);
    expect(await liftSuspension(db, 'airforce-2')).toBe(true);
    expect(await liftSuspension(db, 'airforce-2')).toBe(false);
    expect(await listSuspendedAccounts(db)).toEqual([]);
    await suspend(db, 'airforce-2', troubled('bad key'));
    await syncAccounts(db, [makeAccount()]);
    expect(await listSuspendedAccounts(db)).toEqual([]);
  });

  test('are paused longer with each create that is refused after a probe found nothing wrong', async () => {
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount()]);
    const bounds = { shortestMs: 1_000_000, longestMs: 3_000_000 };
    for (const lengthMs of [1_000_000, 2_000_000, 3_000_000]) {
      await suspend(db, 'airforce-1', { ...bounds, retryAfterMs: undefined, error: 'nothing there' });
      await liftSuspension(db, 'airforce-1');
      expect(await only()).toMatchObject({ state: 'paused', lastError: 'nothing there' });
      expect(Math.abs((await pauseLengthMs()) - lengthMs)).toBeLessThan(CLOCK_MS);
      await db.update(accounts).set({ pausedUntil: new Date(Date.now() - 3_600_000) });
    }
    await recover(db, 'airforce-1', null);
    expect(await db.select().from(accounts)).toMatchObject([{ troubles: 0, pausedUntil: null, lastError: null }]);
  });

  test('are suspended no longer with another base URL or key', async () => {
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount()]);
    await suspend(db, 'airforce-1', troubled('nothing there'));
    await syncAccounts(db, [makeAccount()]);
    expect(await only()).toMatchObject({ state: 'suspended', lastError: 'nothing there' });
    await syncAccounts(db, [makeAccount({ credential: 'of another base URL' })]);
    expect(await only()).toMatchObject({ state: 'active', lastError: null });
  });

  test.each<[string, (db: Db) => Promise<void>]>([
    ['suspended', (db) => suspend(db, 'airforce-1', troubled('bad key'))],
    ['paused', (db) => pauseUntil(db, 'airforce-1', { ...BOUNDS, retryAfterMs: 600_000, error: 'slow down' })],
  ])('stay %s by what came after a create that ended well was sent', async (state, trouble) => {
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount()]);
    await trouble(db);
    const nowMs = (await readClock(db)).getTime();
    await recover(db, 'airforce-1', new Date(nowMs - 60_000));
    expect(await only()).toMatchObject({ state });
    await recover(db, 'airforce-1', new Date(nowMs + 1000));
    expect(await only()).toMatchObject({ state: 'active', pausedUntil: null });
  });

  test('may lose one model and keep the others', async () => {
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount()]);
    const { capabilities, pricePerSecondMicroUsd } = makeOffer();
    const published = ['a', 'b'].map((upstreamModel) => ({ upstreamModel, pricePerSecondMicroUsd, capabilities }));
    await replacePublishedModels(db, 'airforce-1', published);
    await suspendModel(db, { account: 'airforce-1', model: 'a', forMs: 600_000, error: 'not in your plan' });
    await replacePublishedModels(db, 'airforce-1', published);
    const rows = await db.select().from(accountModels).orderBy(accountModels.model);
    expect(rows.map(({ suspendedUntil }) => suspendedUntil)).toEqual([expect.any(Date), null]);
    expect((await listOffers(db)).map(({ model }) => model)).toEqual(['a', 'b']);
    expect(await only()).toMatchObject({ state: 'active', lastError: 'not in your plan' });
    // An operator has seen to it.
    await resumeAccount(db, 'airforce-1');
    expect(await db.$count(accountModels, isNotNull(accountModels.suspendedUntil))).toBe(0);
    expect(await only()).toMatchObject({ state: 'active', lastError: null });
  });
});
