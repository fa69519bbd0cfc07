/** Rows of videos that ended long ago go, piece by piece; money adds up as before, and whatever is not over stays. */

import { eq, sql } from 'drizzle-orm';
import { syncAccounts } from '../../src/catalog/accounts.ts';
import { balance, listEntries } from '../../src/catalog/balance.ts';
import { type CostGroup, costs } from '../../src/catalog/costs.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { credit, refund, release, settle } from '../../src/catalog/ledger.ts';
import { accounts, orphans } from '../../src/catalog/tables/accounts.ts';
import { ledger } from '../../src/catalog/tables/callers.ts';
import { costLines } from '../../src/catalog/tables/costs.ts';
import { inputImageUses } from '../../src/catalog/tables/input-images.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { events, idempotencyKeys, videos } from '../../src/catalog/tables/videos.ts';
import { findVideo } from '../../src/catalog/videos.ts';
import { removeOld } from '../../src/recovery/retention.ts';
import { hold } from '../catalog/hold.ts';
import { insertSubmission, insertVideo, makeAccount } from '../catalog/rows.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { insertCaller, Scene } from '../model/scene.ts';

const DAY_MS = 86_400_000;
const KEEP_DAYS = 30;
const CALLER = 'caller_1';

/** So many whole days ago. */
function daysAgo(days: number): Date {
  return new Date((Math.floor(Date.now() / DAY_MS) - days) * DAY_MS);
}

const LONG_AGO = daysAgo(KEEP_DAYS + 5);

async function join(db: Db, callerId: string): Promise<void> {
  await insertCaller(db, callerId, { creditMicroUsd: 0 });
  await db.transaction((tx) => credit(tx, { callerId, amountMicroUsd: 1_000_000 }));
}

interface Past {
  readonly endedAt?: Date;
  readonly purgedAt?: Date | null;
  /** Null: its hold is kept for review. */
  readonly settledMicroUsd?: number | null;
  readonly callerId?: string;
}

/** A video that was made, settled for 90 of 100, and is over since long ago, with a row in every table. */
async function insertPast(db: Db, id: string, past: Past = {}): Promise<void> {
  const { endedAt = LONG_AGO, settledMicroUsd = 90, purgedAt = endedAt, callerId = CALLER } = past;
  const money = { callerId, videoId: id };
  await insertVideo(db, {
    id,
    callerId,
    account: 'airforce-1',
    state: 'completed',
    createdAt: endedAt,
    expiresAt: endedAt,
    endedAt,
    purgedAt,
    settledMicroUsd,
  });
  await db.transaction(async (tx) => {
    await hold(tx, { ...money, amountMicroUsd: 100 });
    if (settledMicroUsd !== null) await settle(tx, { ...money, amountMicroUsd: settledMicroUsd });
  });
  await insertSubmission(db, { id: `s-${id}`, videoId: id, state: 'ended', taskId: `task-${id}`, costMicroUsd: 95 });
  await db.insert(events).values({ id: `e-${id}`, callerId, videoId: id, type: 'video.completed', createdAt: endedAt });
  await db.insert(idempotencyKeys).values({ callerId, key: id, bodyHash: 'h', videoId: id, createdAt: endedAt });
  await db.insert(inputImageUses).values({ sha256: 'image', videoId: id });
}

async function countRows(db: Db) {
  const tables = { videos, submissions, ledger, events, idempotencyKeys, inputImageUses, orphans, costLines };
  const counts = Object.entries(tables).map(async ([name, table]) => [name, await db.$count(table)] as const);
  return Object.fromEntries(await Promise.all(counts));
}

async function sumOfEntries(db: Db, callerId = CALLER): Promise<number> {
  const { items } = await listEntries(db, { callerId, limit: 200 });
  return items.reduce((sum, { amountMicroUsd }) => sum + amountMicroUsd, 0);
}

describeOnBothCatalogs('rows of long ago', (catalog) => {
  let db: Db;
  const sweep = () => removeOld({ db, keepDays: KEEP_DAYS });

  beforeEach(async () => {
    db = catalog.database.db;
    await join(db, CALLER);
  });

  test('go with their videos, and money adds up as before', async () => {
    for (const id of ['v1', 'v2']) await insertPast(db, id);
    await insertPast(db, 'v3', { endedAt: daysAgo(KEEP_DAYS - 1) });
    await db.transaction((tx) => refund(tx, { callerId: CALLER, videoId: 'v2' }));
    const groups: readonly CostGroup[] = ['day', 'model', 'caller', 'account'];
    const sums = async () => await costs(db, { callerId: null, groupBy: groups });
    const before = { balance: await balance(db, CALLER), costs: await sums() };
    expect(await sweep()).toBe(2);
    expect({ balance: await balance(db, CALLER), costs: await sums() }).toEqual(before);
    expect(before.balance.availableMicroUsd).toBe(await sumOfEntries(db));
    expect(await findVideo(db, 'v1')).toBeNull();
    // Of the ledger: three entries of the one that stays, one for each kind of those that went, and the credit.
    expect(await countRows(db)).toEqual({
      videos: 1,
      submissions: 1,
      ledger: 8,
      events: 1,
      idempotencyKeys: 1,
      inputImageUses: 1,
      orphans: 0,
      costLines: 1,
    });
  });

  test('stand in the ledger as one entry for each caller and kind, without a video', async () => {
    await join(db, 'caller_2');
    await insertPast(db, 'v1', { endedAt: daysAgo(KEEP_DAYS + 9) });
    await insertPast(db, 'v2');
    await insertPast(db, 'v3', { callerId: 'caller_2', settledMicroUsd: 70 });
    expect(await sweep()).toBe(3);
    await insertPast(db, 'v4', { settledMicroUsd: 10 });
    expect(await sweep()).toBe(1);
    const older = async (callerId: string) => {
      const { items } = await listEntries(db, { callerId, limit: 200 });
      return Object.fromEntries(
        items.flatMap(({ kind, amountMicroUsd, videoId }) => {
          expect(videoId).toBeNull();
          return kind === 'credit' ? [] : [[kind, amountMicroUsd]];
        }),
      );
    };
    expect(await older(CALLER)).toEqual({ hold: -300, release: 300, settle: -190 });
    expect(await older('caller_2')).toEqual({ hold: -100, release: 100, settle: -70 });
    // Page by page they are the same as at once, for all callers too.
    const pages: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const { items, nextCursor } = await listEntries(db, { callerId: null, limit: 2, cursor });
      pages.push(...items.map(({ id }) => id));
      if (nextCursor === null) break;
      cursor = nextCursor;
    }
    const { items } = await listEntries(db, { callerId: null, limit: 200 });
    expect(pages).toEqual(items.map(({ id }) => id));
  });

  test('stay while a task, a hold or media are left', async () => {
    await insertPast(db, 'held', { settledMicroUsd: null });
    await insertPast(db, 'not purged', { purgedAt: null });
    await insertPast(db, 'watched');
    await insertSubmission(db, { id: 'open', videoId: 'watched', n: 2, state: 'running' });
    await insertVideo(db, { id: 'waiting', createdAt: LONG_AGO });
    expect(await sweep()).toBe(0);
    expect(await db.$count(videos)).toBe(4);
    // What the row says of money is not believed where the ledger says otherwise.
    await db.update(videos).set({ settledMicroUsd: 0 }).where(eq(videos.id, 'held'));
    expect(await sweep()).toBe(0);
    await db.transaction((tx) => release(tx, { callerId: CALLER, videoId: 'held' }));
    await db.update(submissions).set({ state: 'ended' }).where(eq(submissions.id, 'open'));
    expect(await sweep()).toBe(2);
    expect((await db.select().from(videos)).map(({ id }) => id).sort()).toEqual(['not purged', 'waiting']);
  });

  test('of orphans go when these have ended, and what they cost stays in the sums', async () => {
    const orphan = {
      account: 'airforce-1',
      credential: 'airforce-1',
      model: null,
      costMicroUsd: 7,
      createdAt: LONG_AGO,
    };
    await db.insert(orphans).values([
      { ...orphan, taskId: 'over', endedAt: LONG_AGO },
      { ...orphan, taskId: 'over', credential: 'another', endedAt: new Date() },
      { ...orphan, taskId: 'open' },
    ]);
    // It was one until a submission had its task.
    await insertPast(db, 'v1');
    await db.insert(orphans).values({ ...orphan, taskId: 'task-v1' });
    const sums = async () => await costs(db, { callerId: null, groupBy: [] });
    const before = await sums();
    expect(before).toMatchObject([{ videos: 1, upstreamMicroUsd: 95 + 3 * 7 }]);
    expect(await sweep()).toBe(2);
    const left = (await db.select().from(orphans)).map(({ credential, taskId }) => `${credential} ${taskId}`);
    expect(left.sort()).toEqual(['airforce-1 open', 'another over']);
    expect(await sums()).toEqual(before);
    // What is left still counts once when it changes.
    await db.update(orphans).set({ costMicroUsd: 9 }).where(eq(orphans.credential, 'another'));
    expect(await sums()).toMatchObject([{ upstreamMicroUsd: 95 + 2 * 7 + 9 }]);
  });

  test('are no reason to take their tasks for orphans where an upstream still lists them', async () => {
    await syncAccounts(db, [makeAccount()]);
    await db.update(accounts).set({ firstUsedAt: daysAgo(KEEP_DAYS + 50) });
    await insertPast(db, 'v1');
    expect(await sweep()).toBe(1);
    expect((await db.select().from(accounts))[0]?.firstUsedAt).toEqual(daysAgo(KEEP_DAYS));
  });

  test('go by the thousand in one sweep, and twice at once each of them once', async () => {
    await db.execute(sql`insert into videos (id, caller_id, dialect, state, request, model, estimate_micro_usd,
        settled_micro_usd, created_at, ended_at, expires_at, queue_deadline_at, purged_at)
      select 'v' || n, ${CALLER}, 'airforce', 'failed', '{}', 'm', 1, 0, at, at, at, at, at
      from generate_series(1, 1100) n, (select ${LONG_AGO.toISOString()}::timestamptz as at) ended`);
    const removed = await Promise.all([sweep(), sweep()]);
    expect(removed[0] + removed[1] + (await sweep())).toBe(1100);
    expect(await db.$count(videos)).toBe(0);
    expect(await costs(db, { callerId: null, groupBy: [] })).toMatchObject([{ videos: 1100 }]);
  });

  test('go with the sweep, which tells how many', async () => {
    await insertPast(db, 'v1');
    const scene = new Scene(db, { dependencies: { keepDays: KEEP_DAYS } });
    expect(await scene.sweep()).toMatchObject({ removed: 1, errors: [] });
    expect(await scene.sweep()).toMatchObject({ removed: 0, errors: [] });
  });

  test('stay for ever where no days are given', async () => {
    await insertPast(db, 'v1');
    expect(await removeOld({ db })).toBe(0);
    await db.transaction((tx) => credit(tx, { callerId: CALLER, amountMicroUsd: 1 }));
    expect(await findVideo(db, 'v1')).not.toBeNull();
  });
});
