/** What callers' own servers hold of a worker's places, in both activities that wait for them, and when a clip's delivery is given up. */

import { setImmediate } from 'node:timers/promises';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { eq } from 'drizzle-orm';
import { createWebhookActivities } from '../../activities/attempt-delivery.ts';
import { createClipDeliveryActivities } from '../../activities/deliver-clip.ts';
import type { PutOutcome } from '../../src/archive/deliver-clip.ts';
import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { createSecretBox } from '../../src/catalog/secret-box.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { deliveries } from '../../src/catalog/tables/webhooks.ts';
import { findVideoRow } from '../../src/catalog/videos.ts';
import { createEndpoint } from '../../src/catalog/webhooks.ts';
import { WAITING_DELIVERY } from '../../src/domain/clip-delivery.ts';
import { EVENT_TYPES } from '../../src/domain/webhook.ts';
import { makeArchive } from '../builders.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { insertVideo } from '../catalog/rows.ts';
import { emptyCatalog } from '../catalog/with-catalog.ts';
import { insertCaller } from '../model/scene.ts';

const secrets = createSecretBox('secret-key-of-the-tests');
const FAILED = { kind: 'cancelled', message: 'cancelled', upstream: null } as const;
let database: CatalogDatabase;
/** Lets go what waits for a server of a caller. */
let letGo: (() => void)[] = [];

beforeAll(async () => {
  database = await openMemoryCatalog();
});
beforeEach(async () => {
  await emptyCatalog(database);
  letGo = [];
  for (const id of ['caller_1', 'caller_2']) await insertCaller(database.db, id);
});
afterAll(() => database.close());

const run = <Input, Done>(activity: (input: Input) => Promise<Done>, input: Input) =>
  new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') }).run(activity, input);
const silent = () => new Promise<void>((resolve) => letGo.push(resolve));

async function accept(id: string, callerId: string): Promise<void> {
  const deliverTo = secrets.seal(JSON.stringify({ url: 'https://bucket.example/clip', headers: {} }));
  await insertVideo(database.db, { id, callerId, deliverTo, delivery: WAITING_DELIVERY });
}

/** Starts one for each until so many wait for their caller's server; those of one caller beyond its share fail meanwhile. */
async function fill(count: number, share: number, start: (n: number) => Promise<unknown>) {
  const refused: unknown[] = [];
  const running: Promise<unknown>[] = [];
  for (let n = 0; n < count; n++) running.push(start(n).catch((error: unknown) => refused.push(error)));
  while (letGo.length < share || refused.length < count - share) await setImmediate();
  for (const error of refused) expect(error).toMatchObject({ type: 'share_taken', nonRetryable: false });
  return async () => {
    for (const go of letGo.splice(0)) go();
    await Promise.all(running);
  };
}

describe('deliveries of clips', () => {
  const delivering = (outcome: PutOutcome, isSilent: (clipKey: string) => boolean) => {
    const putClip = async ({ clipKey }: { readonly clipKey: string }) => {
      if (isSilent(clipKey)) await silent();
      return outcome;
    };
    return createClipDeliveryActivities({ db: database.db, putClip, delivery: { ...parts, db: database.db } });
  };
  const parts = { secrets, trustedHosts: [], post: () => Promise.reject(new Error('no webhook')) };

  test('of one caller leave places for those of others, and get theirs again', async () => {
    for (let n = 0; n < 12; n++) await accept(`video_${n}`, 'caller_1');
    await accept('other', 'caller_2');
    const { deliverClip } = delivering({ kind: 'delivered' }, (clipKey) => !clipKey.includes('other'));
    const end = await fill(12, 10, (n) => run(deliverClip, { videoId: `video_${n}` }));
    await run(deliverClip, { videoId: 'other' });
    expect((await findVideoRow(database.db, 'other'))?.delivery).toMatchObject({ state: 'delivered' });
    await end();
    const again = run(deliverClip, { videoId: 'video_11' });
    while (letGo.length === 0) await setImmediate();
    letGo.pop()?.();
    await again;
    expect((await findVideoRow(database.db, 'video_11'))?.delivery).toMatchObject({ state: 'delivered' });
  });

  test('are given up once the clip has had its time', async () => {
    await accept('video_1', 'caller_1');
    await database.db.update(videos).set({ expiresAt: new Date(Date.now() - 1000) });
    const { deliverClip } = delivering({ kind: 'later', message: 'the storage answered 503' }, () => false);
    await run(deliverClip, { videoId: 'video_1' });
    const message = 'the clip was not taken within the time that it is kept for';
    expect(await findVideoRow(database.db, 'video_1')).toMatchObject({ delivery: { state: 'failed', message } });
  });

  test('that were never taken say in the end why the last try was in vain', async () => {
    await accept('video_1', 'caller_1');
    const { deliverClip } = delivering({ kind: 'later', message: 'the storage answered 503' }, () => false);
    await expect(run(deliverClip, { videoId: 'video_1' })).rejects.toMatchObject({ type: 'not_delivered' });
    await endVideo(database.db, 'video_1', { state: 'completed', failure: null, archive: makeArchive() });
    const failed = { state: 'failed', message: 'the storage answered 503', at: expect.any(String) };
    expect(await findVideoRow(database.db, 'video_1')).toMatchObject({ delivery: failed, deliverTo: null });
  });

  test('whose place was sealed under another key say so, and go there once that is back', async () => {
    await accept('video_1', 'caller_1');
    const putClip = () => Promise.resolve({ kind: 'delivered' } as const);
    const withKey = (secretKey: string) =>
      createClipDeliveryActivities({
        ...{ db: database.db, putClip },
        delivery: { ...parts, db: database.db, secrets: createSecretBox(secretKey) },
      });
    const other = run(withKey('another-secret-key-of-the-tests').deliverClip, { videoId: 'video_1' });
    await expect(other).rejects.toMatchObject({ type: 'not_delivered', nonRetryable: false });
    const message = expect.stringContaining('sealed under another CLIPYARD_SECRET_KEY');
    expect(await findVideoRow(database.db, 'video_1')).toMatchObject({ delivery: { state: 'waiting', message } });
    await run(withKey('secret-key-of-the-tests').deliverClip, { videoId: 'video_1' });
    expect(await findVideoRow(database.db, 'video_1')).toMatchObject({ delivery: { state: 'delivered' } });
  });
});

test('later attempts of webhooks of one caller leave places for those of others', async () => {
  const { db } = database;
  for (const callerId of ['caller_1', 'caller_2']) {
    const url = `https://${callerId}.example/hook`.replace('_', '-');
    await createEndpoint({ db, secrets }, { callerId, url, description: null, events: EVENT_TYPES, words: 'own' });
    for (let n = 0; n < (callerId === 'caller_1' ? 23 : 1); n++) {
      await insertVideo(db, { id: `video_${callerId}_${n}`, callerId });
      await endVideo(db, `video_${callerId}_${n}`, { state: 'cancelled', failure: FAILED, archive: null });
    }
  }
  const { attemptDelivery } = createWebhookActivities({
    delivery: {
      ...{ db, secrets, trustedHosts: [] },
      post: async ({ url }) => {
        if (url.includes('caller-1')) await silent();
        return { status: 204, headers: {}, text: '' };
      },
    },
  });
  const of = async (callerId: string) => await db.select().from(deliveries).where(eq(deliveries.callerId, callerId));
  const slow = await of('caller_1');
  const attempt = (deliveryId = '') => run(attemptDelivery, { deliveryId, thenMs: 5000 });
  const end = await fill(23, 20, (n) => attempt(slow[n]?.id));
  expect(await attempt((await of('caller_2'))[0]?.id)).toEqual({ kind: 'over', end: 'delivered' });
  await end();
  expect((await of('caller_1')).filter(({ state }) => state === 'delivered')).toHaveLength(20);
});
