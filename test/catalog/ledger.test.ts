/** The ledger: money is reserved, settled, released and refunded once, and the columns are the entries' sums. */

import { asc, eq } from 'drizzle-orm';
import fc from 'fast-check';
import { balance, listEntries } from '../../src/catalog/balance.ts';
import { createCaller } from '../../src/catalog/callers.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { credit, refund, release, setCredit, settle } from '../../src/catalog/ledger.ts';
import { ledger } from '../../src/catalog/tables/callers.ts';
import { Refusal } from '../../src/domain/failure.ts';
import { randomRuns } from '../random-runs.ts';
import { hold } from './hold.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

async function makeCaller(db: Db, creditMicroUsd: number | null): Promise<string> {
  const { caller } = await createCaller(db, { name: 'studio', creditMicroUsd });
  return caller.id;
}

async function entriesOf(db: Db, callerId: string) {
  const rows = await db.select().from(ledger).where(eq(ledger.callerId, callerId)).orderBy(asc(ledger.id));
  return rows.map(({ kind, amountMicroUsd }) => [kind, amountMicroUsd]);
}

/** The kind of the refusal that a transaction ends with. */
async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Refusal) return error.kind;
    throw error;
  }
  return 'none';
}

describeOnBothCatalogs('the ledger', (catalog) => {
  test('settles a held video at its actual cost', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, 1000);
    const videoId = 'video_1';
    await db.transaction((tx) => hold(tx, { callerId, videoId, amountMicroUsd: 300 }));
    expect(await balance(db, callerId)).toEqual({
      creditMicroUsd: 1000,
      heldMicroUsd: 300,
      spentMicroUsd: 0,
      availableMicroUsd: 700,
    });
    await db.transaction((tx) => settle(tx, { callerId, videoId, amountMicroUsd: 250 }));
    expect(await balance(db, callerId)).toEqual({
      creditMicroUsd: 1000,
      heldMicroUsd: 0,
      spentMicroUsd: 250,
      availableMicroUsd: 750,
    });
    expect(await entriesOf(db, callerId)).toEqual([
      ['credit', 1000],
      ['hold', -300],
      ['release', 300],
      ['settle', -250],
    ]);
  });

  test('does each thing only once per video', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, 1000);
    const one = { callerId, videoId: 'video_1' };
    const two = { callerId, videoId: 'video_2' };
    for (const video of [one, one, two]) await db.transaction((tx) => hold(tx, { ...video, amountMicroUsd: 100 }));
    expect((await balance(db, callerId)).heldMicroUsd).toBe(200);
    expect(await db.transaction((tx) => settle(tx, { ...one, amountMicroUsd: 90 }))).toBe(true);
    expect(await db.transaction((tx) => settle(tx, { ...one, amountMicroUsd: 90 }))).toBe(false);
    expect(await db.transaction((tx) => release(tx, one))).toBe(false);
    expect(await db.transaction((tx) => release(tx, two))).toBe(true);
    expect(await db.transaction((tx) => release(tx, two))).toBe(false);
    expect(await db.transaction((tx) => settle(tx, { ...two, amountMicroUsd: 90 }))).toBe(false);
    expect(await balance(db, callerId)).toMatchObject({ heldMicroUsd: 0, spentMicroUsd: 90, availableMicroUsd: 910 });
  });

  test('tells spent credit from credit that is held', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, 100);
    await db.transaction((tx) => hold(tx, { callerId, videoId: 'video_1', amountMicroUsd: 80 }));
    const holdMore = (videoId: string, amountMicroUsd: number) =>
      refusalOf(db.transaction((tx) => hold(tx, { callerId, videoId, amountMicroUsd })));
    expect(await holdMore('video_2', 60)).toBe('credit_held');
    expect(await holdMore('video_3', 101)).toBe('insufficient_credit');
    expect(await holdMore('video_4', 20)).toBe('none');
    expect((await entriesOf(db, callerId)).length).toBe(3);
  });

  test('lets a caller without a limit hold anything', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, null);
    await db.transaction((tx) => hold(tx, { callerId, videoId: 'video_1', amountMicroUsd: 5_000_000_000 }));
    expect(await balance(db, callerId)).toEqual({
      creditMicroUsd: null,
      heldMicroUsd: 5_000_000_000,
      spentMicroUsd: 0,
      availableMicroUsd: -5_000_000_000,
    });
  });

  test('settles once when many try at once', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, 1000);
    const video = { callerId, videoId: 'video_1' };
    await db.transaction((tx) => hold(tx, { ...video, amountMicroUsd: 100 }));
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        db.transaction((tx) => (index % 2 ? release(tx, video) : settle(tx, { ...video, amountMicroUsd: 100 }))),
      ),
    );
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    const { heldMicroUsd, spentMicroUsd, availableMicroUsd } = await balance(db, callerId);
    expect(heldMicroUsd).toBe(0);
    expect(spentMicroUsd + availableMicroUsd).toBe(1000);
  });

  test('gives a settled cost back once', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, 1000);
    const video = { callerId, videoId: 'video_1' };
    await db.transaction((tx) => hold(tx, { ...video, amountMicroUsd: 100 }));
    expect(await refusalOf(db.transaction((tx) => refund(tx, video)))).toBe('conflict');
    await db.transaction((tx) => settle(tx, { ...video, amountMicroUsd: 120 }));
    await db.transaction((tx) => refund(tx, video));
    expect(await refusalOf(db.transaction((tx) => refund(tx, video)))).toBe('conflict');
    expect(await balance(db, callerId)).toMatchObject({ spentMicroUsd: 0, availableMicroUsd: 1000 });
  });

  test('adds credit only where there is a limit', async () => {
    const { db } = catalog.database;
    const limited = await makeCaller(db, 0);
    const unlimited = await makeCaller(db, null);
    await credit(db, { callerId: limited, amountMicroUsd: 50 });
    expect(await balance(db, limited)).toMatchObject({ creditMicroUsd: 50, availableMicroUsd: 50 });
    expect(await refusalOf(credit(db, { callerId: unlimited, amountMicroUsd: 50 }))).toBe('conflict');
    expect(await refusalOf(credit(db, { callerId: 'caller_none', amountMicroUsd: 50 }))).toBe('not_found');
    for (const amountMicroUsd of [0, -1, 0.5, Number.NaN, Number.MAX_SAFE_INTEGER]) {
      expect(await refusalOf(credit(db, { callerId: limited, amountMicroUsd }))).toBe('invalid_request');
    }
  });

  test('enters the difference when a limit changes', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, null);
    await db.transaction((tx) => hold(tx, { callerId, videoId: 'video_1', amountMicroUsd: 30 }));
    await setCredit(db, { callerId, creditMicroUsd: 100 });
    expect(await balance(db, callerId)).toMatchObject({ creditMicroUsd: 100, availableMicroUsd: 70 });
    await setCredit(db, { callerId, creditMicroUsd: 40 });
    expect(await balance(db, callerId)).toMatchObject({ creditMicroUsd: 40, availableMicroUsd: 10 });
    await setCredit(db, { callerId, creditMicroUsd: null });
    expect(await balance(db, callerId)).toMatchObject({ creditMicroUsd: null, availableMicroUsd: -30 });
  });

  test('lists entries newest first, page by page', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, 1000);
    const other = await makeCaller(db, 5);
    for (let n = 1; n <= 5; n++) {
      await db.transaction((tx) => hold(tx, { callerId, videoId: `video_${n}`, amountMicroUsd: n }));
    }
    const seen: number[] = [];
    let cursor: string | undefined;
    do {
      const page = await listEntries(db, { callerId, limit: 2, cursor });
      seen.push(...page.items.map(({ amountMicroUsd }) => amountMicroUsd));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual([-5, -4, -3, -2, -1, 1000]);
    expect((await listEntries(db, { callerId: null, limit: 200 })).items).toHaveLength(7);
    expect((await listEntries(db, { callerId: other, limit: 200, videoId: 'video_1' })).items).toEqual([]);
    const { items } = await listEntries(db, { callerId, limit: 200, videoId: 'video_3' });
    expect(items).toMatchObject([{ kind: 'hold', videoId: 'video_3', amountMicroUsd: -3 }]);
    const at = items[0]?.at ?? new Date(0);
    expect((await listEntries(db, { callerId, limit: 200, from: at, to: at })).items).toEqual([]);
  });

  const forged = ['99999999999999999 a', '999999999999999 a', '253402300800000 a', '1 \0'];
  test.each(['', 'x', 'MTIz', ...forged.map((text) => Buffer.from(text).toString('base64url'))])(
    'refuses %p as a cursor',
    async (cursor) => {
      const { db } = catalog.database;
      expect(await refusalOf(listEntries(db, { callerId: null, limit: 1, cursor }))).toBe('invalid_request');
    },
  );

  test('keeps columns and entries equal in any order of steps', async () => {
    const { db } = catalog.database;
    const amountMicroUsd = fc.integer({ min: 0, max: 200 });
    const videoId = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.record({ act: fc.constant('hold' as const), videoId, amountMicroUsd }),
      fc.record({ act: fc.constant('settle' as const), videoId, amountMicroUsd }),
      fc.record({ act: fc.constant('release' as const), videoId, amountMicroUsd }),
      fc.record({ act: fc.constant('refund' as const), videoId, amountMicroUsd }),
      fc.record({ act: fc.constant('credit' as const), videoId, amountMicroUsd }),
    );
    const acts = { hold, settle, release, refund, credit };
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.option(fc.nat(500)), fc.array(step, { maxLength: 15 }), async (limit, steps) => {
        run += 1;
        const callerId = await makeCaller(db, limit);
        for (const { act, videoId: name, amountMicroUsd: amount } of steps) {
          const money = { callerId, videoId: `${run}-${name}`, amountMicroUsd: amount };
          await refusalOf(db.transaction(async (tx) => await acts[act](tx, money)));
        }
        const { creditMicroUsd, heldMicroUsd, spentMicroUsd, availableMicroUsd } = await balance(db, callerId);
        const entries = await db.select().from(ledger).where(eq(ledger.callerId, callerId));
        expect(availableMicroUsd).toBe(entries.reduce((sum, entry) => sum + entry.amountMicroUsd, 0));
        expect((creditMicroUsd ?? 0) - heldMicroUsd - spentMicroUsd).toBe(availableMicroUsd);
        const released = new Set(entries.filter(({ kind }) => kind === 'release').map((entry) => entry.videoId));
        const open = entries.filter((entry) => entry.kind === 'hold' && !released.has(entry.videoId));
        expect(heldMicroUsd).toBe(open.reduce((sum, entry) => sum - entry.amountMicroUsd, 0));
      }),
      randomRuns(40),
    );
  });
});
