/** The gateway over a real catalog: what is chosen, kept, removed and paid, in every dialect. */

import { syncAccounts } from '../../src/catalog/accounts.ts';
import { balance } from '../../src/catalog/balance.ts';
import { createCaller, findCallerByKey } from '../../src/catalog/callers.ts';
import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { replacePublishedModels } from '../../src/catalog/models.ts';
import { inputImages } from '../../src/catalog/tables/input-images.ts';
import { changeVideo, findVideo, findVideoRow, listExpiredMedia } from '../../src/catalog/videos.ts';
import type { Caller } from '../../src/domain/caller.ts';
import { readImageHeader } from '../../src/domain/image-header.ts';
import type { DialectName } from '../../src/domain/vendor.ts';
import type { VideoDraft } from '../../src/domain/video-request.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import type { CreateOrder } from '../../src/gateway/orders.ts';
import { clipKeyOf, posterKeyOf } from '../../src/media/media-key.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { makeArchive, makeOffer } from '../builders.ts';
import { insertSubmission, makeAccount } from '../catalog/rows.ts';
import { emptyCatalog } from '../catalog/with-catalog.ts';
import { makePng } from '../fixtures/images.ts';
import { putObject } from '../media/media-store-contract.ts';
import { openTestGateway, type TestGateway } from '../open-gateway.ts';

const DRAFT: VideoDraft = { model: 'wan-2.6', mode: 'text', prompt: 'a fox', images: [], extra: {} };
const DAY_MS = 86_400_000;

let opened: TestGateway;
let database: CatalogDatabase;
let store: MediaStore;
let gateway: Gateway;
let caller: Caller;

beforeAll(async () => {
  opened = await openTestGateway();
  ({ gateway, database } = opened);
  ({ store } = opened.parts);
});
afterAll(() => opened.close());
beforeEach(async () => {
  const { db } = database;
  await emptyCatalog(database);
  await syncAccounts(db, [makeAccount()]);
  const { capabilities } = makeOffer();
  await replacePublishedModels(db, 'airforce-1', [
    { upstreamModel: 'wan-2.6', pricePerSecondMicroUsd: 400_000, capabilities },
    { upstreamModel: 'cheap', pricePerSecondMicroUsd: 100_000, capabilities },
    { upstreamModel: 'dear', pricePerSecondMicroUsd: 900_000, capabilities },
  ]);
  caller = await joinWithTenDollars('studio');
});

/** A new caller with ten dollars. */
async function joinWithTenDollars(name: string): Promise<Caller> {
  const { key } = await createCaller(database.db, { name, creditMicroUsd: 10_000_000 });
  const found = await findCallerByKey(database.db, key);
  if (found === null) throw new Error('the caller was not made');
  return found;
}

const keyed = (key: string, bodyHash = 'hash') => ({ key, bodyHash });

function create(draft: Partial<VideoDraft> = {}, more: Partial<CreateOrder> = {}) {
  return gateway.create({
    caller,
    dialect: 'infrai',
    draft: { ...DRAFT, ...draft },
    retentionSeconds: 30 * 86_400,
    idempotency: null,
    ...more,
  });
}

const archiveOf = (id: string) => makeArchive({ clipKey: clipKeyOf(id), posterKey: posterKeyOf(id) });

async function complete(id: string): Promise<void> {
  await putObject(store, clipKeyOf(id), Buffer.from('a clip'));
  await putObject(store, posterKeyOf(id), Buffer.from('a poster'));
  await endVideo(database.db, id, { state: 'completed', failure: null, archive: archiveOf(id) });
}

test.each([
  ['cheapest', 'cheap', 500_000],
  ['balanced', 'wan-2.6', 2_000_000],
  ['smartest', 'dear', 4_500_000],
] as const)('the %s model is chosen, recorded and priced (IN-11, X16)', async (prefer, model, estimateMicroUsd) => {
  const video = await create({ model: null, prefer });
  expect(video).toMatchObject({ request: { model }, estimateMicroUsd });
  expect(await gateway.estimate(caller, { prefer })).toMatchObject({ model, estimateMicroUsd });
});

test('only models that the caller may use are chosen from (IN-11)', async () => {
  const video = await create({ model: null, prefer: 'cheapest' }, { caller: { ...caller, models: ['dear'] } });
  expect(video.request.model).toBe('dear');
});

test('a resolution that no model has is refused (IN-10)', async () => {
  await expect(create({ model: null, quality: '4k' })).rejects.toMatchObject({ kind: 'invalid_request' });
});

test('an idempotency key returns the first video, chosen model included (IN-12)', async () => {
  const once = () => create({ model: null, prefer: 'cheapest' }, { idempotency: keyed('k-1') });
  const first = await once();
  expect((await once()).id).toBe(first.id);
  await expect(create({}, { idempotency: keyed('k-1', 'other') })).rejects.toMatchObject({ httpStatus: 422 });
});

test('a repeat is answered although its model is not on offer any more', async () => {
  const first = await create({}, { idempotency: keyed('k-1') });
  const withoutModel = { ...caller, models: ['dear'] };
  expect((await create({}, { idempotency: keyed('k-1'), caller: withoutModel })).id).toBe(first.id);
  await expect(create({}, { idempotency: keyed('k-2'), caller: withoutModel })).rejects.toMatchObject({
    kind: 'forbidden',
  });
});

describe('several videos of one order', () => {
  const order = (draft: Partial<VideoDraft> = {}): CreateOrder => ({
    caller,
    dialect: 'openai',
    draft: { ...DRAFT, durationSeconds: 5, ...draft },
    retentionSeconds: 86_400,
    idempotency: keyed('k-1'),
  });
  const all = async () => (await gateway.list({ callerId: caller.id, limit: 100 })).videos;

  test('are made once for each key (GW-02)', async () => {
    const first = await gateway.createMany(order(), 3);
    expect(new Set(first.map(({ id }) => id)).size).toBe(3);
    const again = await gateway.createMany(order(), 3);
    expect(again.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
    expect(await all()).toHaveLength(3);
    await expect(gateway.createMany({ ...order(), idempotency: keyed('k-1', 'other') }, 3)).rejects.toMatchObject({
      httpStatus: 422,
    });
  });

  test('are the same ones also where their model is withdrawn by then (GW-02)', async () => {
    const first = await gateway.createMany(order(), 2);
    const limited = { ...order(), caller: { ...caller, models: ['another'] } };
    expect(await gateway.createMany(limited, 2)).toMatchObject(first.map(({ id }) => ({ id })));
    await expect(gateway.createMany({ ...limited, idempotency: keyed('k-2') }, 2)).rejects.toMatchObject({
      httpStatus: 403,
    });
  });

  test('that come together with one key are the same (GW-02)', async () => {
    const made = await Promise.all([1, 2, 3, 4].map(() => gateway.createMany(order(), 2)));
    expect(new Set(made.flat().map(({ id }) => id)).size).toBe(2);
  });

  test('are made all or none (GW-02)', async () => {
    // Two dollars each, of ten.
    await expect(gateway.createMany(order(), 6)).rejects.toMatchObject({ httpStatus: 402 });
    expect(await all()).toEqual([]);
    expect(await balance(database.db, caller.id)).toMatchObject({ heldMicroUsd: 0, availableMicroUsd: 10_000_000 });
    // The key stands for nothing yet.
    expect(await gateway.createMany({ ...order(), idempotency: keyed('k-1', 'other') }, 5)).toHaveLength(5);
    expect(await balance(database.db, caller.id)).toMatchObject({ heldMicroUsd: 10_000_000, availableMicroUsd: 0 });
  });
});

describe('several videos of one order, refused for their price,', () => {
  // Two dollars each, of ten.
  const order = (count: number) =>
    gateway.createMany(
      {
        caller,
        dialect: 'ai-gateway',
        draft: { ...DRAFT, durationSeconds: 5 },
        retentionSeconds: 86_400,
        idempotency: null,
      },
      count,
    );

  test('are told that the credit is spent when nothing else holds any', async () => {
    await expect(order(6)).rejects.toMatchObject({
      kind: 'insufficient_credit',
      message: '$12.00 is needed and $10.00 available',
    });
  });

  test('are told of what others hold when that would be enough', async () => {
    await order(1);
    await expect(order(5)).rejects.toMatchObject({
      kind: 'credit_held',
      message: expect.stringMatching(/^\$10\.00 is needed and \$8\.00 available; \$2\.00 is held/),
    });
    await expect(order(6)).rejects.toMatchObject({ kind: 'insufficient_credit' });
    expect(await order(4)).toHaveLength(4);
  });
});

describe('retention', () => {
  const terms = (days: number, dialect: DialectName = 'infrai') => ({ dialect, retentionSeconds: days * 86_400 });

  test('is counted from the creation (IN-26, X11)', async () => {
    const { id, createdAt, expiresAt } = await create();
    expect(expiresAt.getTime() - createdAt.getTime()).toBe(30 * DAY_MS);
    const kept = await gateway.retain(caller, id, terms(90));
    expect(kept.expiresAt.getTime() - createdAt.getTime()).toBe(90 * DAY_MS);
    expect(await gateway.read(caller, id)).toEqual(kept);
  });

  test('that ends before the queue would begin the video bounds the queue', async () => {
    const { id, createdAt } = await create();
    await gateway.retain(caller, id, terms(1));
    const row = await findVideoRow(database.db, id);
    expect(row?.queueDeadlineAt.getTime()).toBe(createdAt.getTime() + DAY_MS);
  });

  // Airforce's `expires_at` never moves.
  test('cannot be moved in a dialect that printed it (X11)', async () => {
    const { id } = await create({}, { dialect: 'airforce' });
    await expect(gateway.retain(caller, id, terms(90))).rejects.toMatchObject({ httpStatus: 409 });
  });

  test('does not bring back what is gone', async () => {
    const { id } = await create();
    await complete(id);
    await changeVideo(database.db, id, { expiresAt: new Date(Date.now() - 1) });
    await expect(gateway.retain(caller, id, terms(90))).rejects.toMatchObject({ httpStatus: 410 });
    const stranger = await joinWithTenDollars('stranger');
    await expect(gateway.retain(stranger, id, terms(90))).rejects.toMatchObject({ httpStatus: 404 });
  });
});

describe('a removal', () => {
  test('with its media takes the files at once (AO-18, IN-22, X8)', async () => {
    const { id } = await create();
    await complete(id);
    await gateway.remove(caller, id, { purgesMedia: true });
    await expect(gateway.read(caller, id)).rejects.toMatchObject({ kind: 'not_found' });
    expect(await store.sizeBytes(clipKeyOf(id))).toBeNull();
    expect(await store.sizeBytes(posterKeyOf(id))).toBeNull();
    expect(await findVideo(database.db, id)).toMatchObject({ state: 'completed', purgedAt: expect.any(Date) });
  });

  test('without them leaves the files (AF-43, X8)', async () => {
    const { id } = await create();
    await complete(id);
    await gateway.remove(caller, id, { purgesMedia: false });
    expect(await store.sizeBytes(clipKeyOf(id))).not.toBeNull();
    expect(await findVideo(database.db, id)).toMatchObject({ purgedAt: null, hiddenAt: expect.any(Date) });
  });

  // The clip that a hidden video still makes must not outlive the delete.
  test('of a running video dooms the clip to come (AO-18, X9)', async () => {
    const { id } = await create({}, { dialect: 'airforce-2024' });
    await gateway.remove(caller, id, { purgesMedia: true });
    await complete(id);
    expect(await listExpiredMedia(database.db, 10)).toEqual([id]);
    expect(await balance(database.db, caller.id)).toMatchObject({ spentMicroUsd: 2_000_000, heldMicroUsd: 0 });
  });
});

describe('the removal of all videos of a caller', () => {
  test('hides them at once, cancels what runs and takes the media (IN-24, X9)', async () => {
    const [ended, running, others] = [await create(), await create(), await create()];
    await complete(ended.id);
    const neighbour = await joinWithTenDollars('neighbour');
    await changeVideo(database.db, others.id, { callerId: neighbour.id });
    expect(await gateway.removeAll(caller)).toBe(2);
    expect((await gateway.list({ callerId: caller.id, limit: 10 })).videos).toEqual([]);
    expect(await store.sizeBytes(clipKeyOf(ended.id))).toBeNull();
    expect(await findVideo(database.db, ended.id)).toMatchObject({ purgedAt: expect.any(Date) });
    expect(await findVideo(database.db, running.id)).toMatchObject({ state: 'cancelled', hiddenAt: expect.any(Date) });
    expect(await findVideo(database.db, others.id)).toMatchObject({ state: 'queued', hiddenAt: null });
  });

  // As a client makes of it that gives up and sends its request again.
  test('asked for twice at once counts each video once, and neither is refused', async () => {
    for (let n = 0; n < 5; n++) await create();
    const counts = await Promise.all([gateway.removeAll(caller), gateway.removeAll(caller)]);
    expect(counts[0] + counts[1]).toBe(5);
    expect(await gateway.removeAll(caller)).toBe(0);
  });
});

test.each([
  ['airforce', 1_700_000],
  ['airforce-2024', 2_000_000],
] as const)('a video of %s is settled at %d (AF-33, AO-14, X6, X7)', async (dialect, spentMicroUsd) => {
  const { id } = await create({}, { dialect });
  const ended = { state: 'ended', costMicroUsd: 1_700_000, endedAt: new Date() } as const;
  await insertSubmission(database.db, { id: 'submission_1', videoId: id, ...ended });
  await complete(id);
  expect(await balance(database.db, caller.id)).toMatchObject({ spentMicroUsd, heldMicroUsd: 0 });
});

// The balance ends where a refund would leave it.
test('a video of the older revision that failed is paid back (AO-02, X6)', async () => {
  const { id } = await create({}, { dialect: 'airforce-2024' });
  expect(await balance(database.db, caller.id)).toMatchObject({ availableMicroUsd: 8_000_000 });
  await endVideo(database.db, id, { state: 'failed', failure: null, archive: null });
  expect(await balance(database.db, caller.id)).toMatchObject({ availableMicroUsd: 10_000_000, spentMicroUsd: 0 });
});

describe('an image of a create that is refused', () => {
  const bytes = makePng();
  const withImage = { mode: 'image', images: [{ kind: 'bytes', bytes, ...readImageHeader(bytes) }] } as const;
  const kept = () => database.db.select().from(inputImages);

  test('is not stored where the credit is spent', async () => {
    await create({ model: 'dear', durationSeconds: 10 });
    await expect(create({ ...withImage, model: 'dear', durationSeconds: 10 })).rejects.toMatchObject({
      httpStatus: 402,
    });
    expect(await kept()).toEqual([]);
  });

  test('is not stored where too many videos have not ended', async () => {
    caller = { ...caller, overflow: 'reject', maxRunningVideos: 0 };
    await expect(create(withImage)).rejects.toMatchObject({ httpStatus: 429 });
    expect(await kept()).toEqual([]);
  });

  test('is not stored where several of one order cost too much', async () => {
    const order = {
      caller,
      dialect: 'openai',
      retentionSeconds: 86_400,
      idempotency: null,
    } as const;
    const draft = { ...DRAFT, ...withImage, durationSeconds: 5 };
    await expect(gateway.createMany({ ...order, draft }, 6)).rejects.toMatchObject({ httpStatus: 402 });
    expect(await kept()).toEqual([]);
  });
});

test('an image at a URL is kept as its URL alone', async () => {
  const url = 'https://example.com/a.png';
  const { request } = await create({ mode: 'image', images: [{ kind: 'url', url, param: 'image.url' }] });
  expect(request.images).toEqual([{ kind: 'url', url }]);
});

describe('a remix', () => {
  // Contract 3.2
  test('takes the stored image of its source, and its name', async () => {
    const bytes = makePng();
    const source = await create({ mode: 'image', images: [{ kind: 'bytes', bytes, ...readImageHeader(bytes) }] });
    const { images } = source.request;
    const remix = await create({ mode: 'image', images, remixOf: source.id }, { dialect: 'openai' });
    expect(remix.request).toMatchObject({ images: [{ kind: 'stored', sizeBytes: bytes.length }], remixOf: source.id });
  });

  test('of an image that is gone is refused', async () => {
    const image = { kind: 'stored', sha256: 'f'.repeat(64), mediaType: 'image/png', sizeBytes: 1 } as const;
    await expect(create({ mode: 'image', images: [image] })).rejects.toMatchObject({ httpStatus: 410 });
  });
});

// Contract 3.2
test('lists go in both orders', async () => {
  const ids = [await create(), await create(), await create()].map(({ id }) => id);
  const page = async (order: 'newest' | 'oldest', cursor?: string) => {
    const { videos } = await gateway.list({ callerId: caller.id, limit: 2, order, ...(cursor && { cursor }) });
    return videos.map(({ id }) => id);
  };
  expect(await page('oldest')).toEqual(ids.slice(0, 2));
  expect(await page('oldest', ids[1])).toEqual(ids.slice(2));
  expect(await page('newest')).toEqual([ids[2], ids[1]]);
});
