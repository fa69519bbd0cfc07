/** Acceptance: row, hold and idempotency key together or not at all, however many come at once. */

import { eq } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import {
  type AcceptanceLimits,
  acceptVideo,
  checkAdmission,
  deleteOldKeys,
  type NewVideo,
  nthKey,
  queueDeadline,
} from '../../src/catalog/acceptance.ts';
import { balance } from '../../src/catalog/balance.ts';
import { createCaller } from '../../src/catalog/callers.ts';
import { findDeliveryTarget } from '../../src/catalog/clip-deliveries.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { enterInputImage } from '../../src/catalog/input-images.ts';
import { ledger } from '../../src/catalog/tables/callers.ts';
import { idempotencyKeys, videos } from '../../src/catalog/tables/videos.ts';
import { findVideo } from '../../src/catalog/videos.ts';
import { Refusal } from '../../src/domain/failure.ts';
import { makeRequest } from '../builders.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

const ESTIMATE = 1000;
const HOUR_MS = 3_600_000;
const LIMITS: AcceptanceLimits = { maxQueuedVideos: 10_000, maxRunningVideos: 4, overflow: 'queue' };

function makeOrder(callerId: string, overrides: Partial<NewVideo> = {}): NewVideo {
  const createdAt = new Date();
  const expiresAt = new Date(createdAt.getTime() + 24 * HOUR_MS);
  return {
    id: `video_${uuidv7()}`,
    callerId,
    dialect: 'airforce',
    request: makeRequest(),
    estimateMicroUsd: ESTIMATE,
    createdAt,
    expiresAt,
    queueDeadlineAt: expiresAt,
    batchId: null,
    limits: LIMITS,
    idempotency: null,
    ...overrides,
  };
}

async function makeCaller(db: Db, creditMicroUsd: number | null): Promise<string> {
  const { caller } = await createCaller(db, { name: 'studio', creditMicroUsd });
  return caller.id;
}

/** The kind of the refusal, or `accepted`. */
async function outcomeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    if (error instanceof Refusal) return error.kind;
    throw error;
  }
}

async function outcomesOf(work: readonly Promise<unknown>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const outcome of await Promise.all(work.map(outcomeOf))) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

async function countRows(db: Db) {
  const entries = await db.select().from(ledger);
  return {
    videos: (await db.select().from(videos)).length,
    holds: entries.filter(({ kind }) => kind === 'hold').length,
    keys: (await db.select().from(idempotencyKeys)).length,
  };
}

describeOnBothCatalogs('acceptance', (catalog) => {
  test('answers with the video as it stands in the catalog', async () => {
    const { db } = catalog.database;
    const { video } = await acceptVideo(db, makeOrder(await makeCaller(db, null)));
    expect(video).toEqual(await findVideo(db, video.id));
  });

  test('of a hundred at once with credit for ten takes ten', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, 10 * ESTIMATE);
    const orders = Array.from({ length: 100 }, () => acceptVideo(db, makeOrder(callerId)));
    expect(await outcomesOf(orders)).toEqual({ accepted: 10, credit_held: 90 });
    expect(await countRows(db)).toEqual({ videos: 10, holds: 10, keys: 0 });
    expect(await balance(db, callerId)).toMatchObject({ availableMicroUsd: 0, heldMicroUsd: 10 * ESTIMATE });
  });

  test('of fifty at once with one key makes one video (IN-12, IN-32)', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, null);
    const idempotency = { key: 'k', bodyHash: 'h' };
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => acceptVideo(db, makeOrder(callerId, { idempotency }))),
    );
    expect(new Set(answers.map(({ video }) => video.id)).size).toBe(1);
    expect(answers.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect(await countRows(db)).toEqual({ videos: 1, holds: 1, keys: 1 });
  });

  test('of one key with two bodies at once refuses one body (IN-12)', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, null);
    const orders = Array.from({ length: 20 }, (_, i) =>
      acceptVideo(db, makeOrder(callerId, { idempotency: { key: 'k', bodyHash: `h${i % 2}` } })),
    );
    expect(await outcomesOf(orders)).toEqual({ accepted: 10, idempotency_mismatch: 10 });
    expect(await countRows(db)).toEqual({ videos: 1, holds: 1, keys: 1 });
  });

  test('keeps the keys of callers apart', async () => {
    const { db } = catalog.database;
    const idempotency = { key: 'k', bodyHash: 'h' };
    for (const callerId of [await makeCaller(db, null), await makeCaller(db, null)]) {
      expect((await acceptVideo(db, makeOrder(callerId, { idempotency }))).repeated).toBe(false);
    }
  });

  test('that is refused keeps nothing, its key included', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, ESTIMATE - 1);
    const idempotency = { key: 'k', bodyHash: 'h' };
    const ask = (estimateMicroUsd: number) =>
      outcomeOf(acceptVideo(db, makeOrder(callerId, { idempotency, estimateMicroUsd })));
    expect(await ask(ESTIMATE)).toBe('insufficient_credit');
    expect(await countRows(db)).toEqual({ videos: 0, holds: 0, keys: 0 });
    expect(await ask(ESTIMATE - 1)).toBe('accepted');
  });

  test('at once with one key and too little credit keeps nothing', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, 0);
    const idempotency = { key: 'k', bodyHash: 'h' };
    const orders = Array.from({ length: 20 }, () => acceptVideo(db, makeOrder(callerId, { idempotency })));
    expect(await outcomesOf(orders)).toEqual({ insufficient_credit: 20 });
    expect(await countRows(db)).toEqual({ videos: 0, holds: 0, keys: 0 });
  });

  test('of more images is refused while those of unended videos hold 8 GiB, which other callers may still have', async () => {
    const { db } = catalog.database;
    const [callerId, other] = [await makeCaller(db, null), await makeCaller(db, null)];
    const admit = (of: string) => outcomeOf(checkAdmission(db, { callerId: of, limits: LIMITS, amountMicroUsd: 1 }));
    const images = Array.from({ length: 5 }, (_, n) => {
      const image = { sha256: `${n}`.repeat(64), mediaType: 'image/png', sizeBytes: 2 ** 31 - 1 };
      return { kind: 'stored', ...image } as const;
    });
    for (const { kind: _, ...image } of images) await enterInputImage(db, { ...image, width: 1, height: 1 });
    const order = makeOrder(callerId, { request: makeRequest({ images: images.slice(0, 4) }) });
    await acceptVideo(db, order);
    expect(await admit(callerId)).toBe('accepted');
    const last = makeOrder(callerId, { request: makeRequest({ images: images.slice(3) }) });
    await acceptVideo(db, last);
    expect([await admit(callerId), await admit(other)]).toEqual(['too_many_videos', 'accepted']);
    await endVideo(db, last.id, { state: 'failed', failure: null, archive: null });
    expect(await admit(callerId)).toBe('accepted');
  });

  test('notes where its clip is to be delivered, and its end forgets that', async () => {
    const { db } = catalog.database;
    const order = makeOrder(await makeCaller(db, null), { deliverTo: 'sealed' });
    const { video } = await acceptVideo(db, order);
    expect(video).toEqual(await findVideo(db, order.id));
    expect(await findDeliveryTarget(db, order.id)).toMatchObject({ sealed: 'sealed', isOver: false });
    await endVideo(db, order.id, { state: 'cancelled', failure: null, archive: null });
    expect(await findDeliveryTarget(db, order.id)).toBeNull();
    const delivery = { state: 'failed', message: 'the video ended without a clip' };
    expect(await findVideo(db, order.id)).toMatchObject({ delivery });
  });

  test('of an unknown caller is refused', async () => {
    const { db } = catalog.database;
    expect(await outcomeOf(acceptVideo(db, makeOrder('unknown')))).toBe('not_found');
  });

  test.each([
    ['more than may run', { ...LIMITS, overflow: 'reject', maxRunningVideos: 3 }, 'concurrency_limit_exceeded'],
    ['more than may queue', { ...LIMITS, maxQueuedVideos: 3 }, undefined],
  ] as const)('at once of %s stops at the limit (X17)', async (_name, limits, code) => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, null);
    const orders = Array.from({ length: 20 }, () => acceptVideo(db, makeOrder(callerId, { limits })));
    expect(await outcomesOf(orders)).toEqual({ accepted: 3, too_many_videos: 17 });
    expect(await countRows(db)).toEqual({ videos: 3, holds: 3, keys: 0 });
    await expect(acceptVideo(db, makeOrder(callerId, { limits }))).rejects.toMatchObject({ code });
    expect(await outcomeOf(acceptVideo(db, makeOrder(callerId, { limits: null })))).toBe('accepted');
  });

  test('has room again for each video that ended, however often that is said', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, null);
    const accept = () => acceptVideo(db, makeOrder(callerId, { limits: { ...LIMITS, maxQueuedVideos: 2 } }));
    const [first] = [await accept(), await accept()];
    expect(await outcomeOf(accept())).toBe('too_many_videos');
    for (const state of ['failed', 'cancelled'] as const) {
      await endVideo(db, first.video.id, { state, failure: null, archive: null });
    }
    expect(await outcomesOf([accept(), accept(), accept()])).toEqual({ accepted: 1, too_many_videos: 2 });
  });

  test('of one id twice at once takes it once', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, null);
    const order = makeOrder(callerId, { limits: null });
    const settled = await Promise.allSettled([acceptVideo(db, order), acceptVideo(db, order)]);
    expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await countRows(db)).toEqual({ videos: 1, holds: 1, keys: 0 });
    expect(await balance(db, callerId)).toMatchObject({ heldMicroUsd: ESTIMATE });
  });
});

describeOnBothCatalogs('an idempotency key', (catalog) => {
  test('is kept until a day after the end of its video', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, null);
    const accept = (key: string) =>
      acceptVideo(db, makeOrder(callerId, { idempotency: { key, bodyHash: 'h' } })).then(({ video }) => video.id);
    const ended = await accept('ended');
    await accept('running');
    await endVideo(db, ended, { state: 'failed', failure: null, archive: null });
    await deleteOldKeys(db);
    expect((await countRows(db)).keys).toBe(2);
    const longAgo = new Date(Date.now() - 25 * HOUR_MS);
    await db.update(videos).set({ endedAt: longAgo }).where(eq(videos.id, ended));
    await deleteOldKeys(db);
    expect((await db.select().from(idempotencyKeys)).map(({ key }) => key)).toEqual(['running']);
  });
});

describeOnBothCatalogs('the idempotency keys of several videos of one order', (catalog) => {
  test('go together, a day after the last has ended', async () => {
    const { db } = catalog.database;
    const callerId = await makeCaller(db, null);
    const accept = async (key: string, of = callerId) => {
      const { video } = await acceptVideo(db, makeOrder(of, { idempotency: { key, bodyHash: 'h' } }));
      return video.id;
    };
    const endedHoursAgo = async (id: string, hours: number) => {
      await db
        .update(videos)
        .set({ endedAt: new Date(Date.now() - hours * HOUR_MS) })
        .where(eq(videos.id, id));
      await deleteOldKeys(db);
      return (await db.select().from(idempotencyKeys)).map(({ key }) => key).toSorted();
    };
    const [first, second, third] = [await accept('k'), await accept(nthKey('k', 1)), await accept(nthKey('k', 2))];
    // Neither of another order nor of another caller.
    const [other, foreign] = [await accept('k2'), await accept('k', await makeCaller(db, null))];
    const all = ['k', 'k', 'k2', 'k\n2', 'k\n3'].toSorted();
    expect(await endedHoursAgo(second, 25)).toEqual(all);
    expect(await endedHoursAgo(first, 25)).toEqual(all);
    expect(await endedHoursAgo(third, 23)).toEqual(all);
    expect(await endedHoursAgo(third, 25)).toEqual(['k', 'k2']);
    expect(await endedHoursAgo(foreign, 25)).toEqual(['k2']);
    expect(await endedHoursAgo(other, 25)).toEqual([]);
  });
});

describe('the deadline of the queue', () => {
  const createdAt = new Date('2026-03-01T12:00:00.000Z');
  const hoursLater = (hours: number) => new Date(createdAt.getTime() + hours * HOUR_MS);

  test.each([
    [1, 1],
    [24, 24],
    [7 * 24, 7 * 24],
    [30 * 24, 7 * 24],
  ])('of a video kept for %i hours is %i hours away', (kept, away) => {
    expect(queueDeadline(createdAt, hoursLater(kept))).toEqual(hoursLater(away));
  });
});
