/** Callbacks: what a request's end tells to whom, once, signed by whose secret. */

import { createHmac } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { acceptVideo, type NewVideo } from '../../src/catalog/acceptance.ts';
import { enterBatchOnce } from '../../src/catalog/batches.ts';
import { renewCallbackSecret } from '../../src/catalog/callback-secrets.ts';
import { createCaller } from '../../src/catalog/callers.ts';
import { deliverTest, replayDelivery } from '../../src/catalog/delivery-views.ts';
import { inTransaction } from '../../src/catalog/driver/database.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { recordEvent } from '../../src/catalog/events.ts';
import { createSecretBox } from '../../src/catalog/secret-box.ts';
import { events } from '../../src/catalog/tables/videos.ts';
import { callbacks, deliveries, deliveryAttempts, webhookSecrets } from '../../src/catalog/tables/webhooks.ts';
import {
  createEndpoint,
  deleteExpiredSecrets,
  newestHint,
  rotateSecret,
  type WebhookCatalog,
} from '../../src/catalog/webhooks.ts';
import type { EndState } from '../../src/domain/video.ts';
import { EVENT_TYPES } from '../../src/domain/webhook.ts';
import type { PostAnswer, UntrustedPost } from '../../src/net/untrusted/send.ts';
import { removeOld } from '../../src/recovery/retention.ts';
import { attemptDelivery } from '../../src/webhooks/attempt.ts';
import { signedHeaders } from '../../src/webhooks/sign.ts';
import { makeRequest } from '../builders.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';

const secrets = createSecretBox('secret-key-of-the-tests');
const URL_OF_JOB = 'https://hooks.example/job';
const DAY_MS = 86_400_000;

describeOnBothCatalogs('callbacks', (under) => {
  const db = () => under.database.db;
  const catalog = (): WebhookCatalog => ({ db: db(), secrets });
  let callerId = '';
  beforeEach(async () => {
    callerId = (await createCaller(db(), { name: 'studio' })).caller.id;
  });

  async function accept(jobId: string | null): Promise<string> {
    const createdAt = new Date();
    const expiresAt = new Date(createdAt.getTime() + DAY_MS);
    const order: NewVideo = {
      ...{ id: `video_${uuidv7()}`, callerId, dialect: 'airforce', request: makeRequest(), estimateMicroUsd: 1000 },
      ...{ createdAt, expiresAt, queueDeadlineAt: expiresAt, batchId: null, limits: null, idempotency: null },
      callback: { url: URL_OF_JOB, jobId },
    };
    return (await acceptVideo(db(), order)).video.id;
  }

  const end = async (id: string, state: EndState) => {
    const failure = state === 'completed' ? null : { kind: 'cancelled' as const, message: 'cancelled', upstream: null };
    await endVideo(db(), id, { state, failure, archive: null });
  };

  /** Attempts the one delivery that there is; what was sent. */
  async function attempt(status = 200): Promise<UntrustedPost> {
    const [delivery] = await db().select().from(deliveries);
    const sent: UntrustedPost[] = [];
    const post = async (call: UntrustedPost): Promise<PostAnswer> => {
      sent.push(call);
      return { status, headers: {}, text: '' };
    };
    const input = { deliveryId: delivery?.id ?? '', thenMs: 1000 };
    await attemptDelivery({ ...catalog(), post, trustedHosts: [] }, input);
    const [call] = sent;
    if (!call) throw new Error('nothing was sent');
    return call;
  }

  const bodies = async () => (await db().select().from(events)).map(({ body }) => JSON.parse(body ?? ''));

  test("a video's end is told once in our words, signed with its caller's secrets", async () => {
    const id = await accept(null);
    await end(id, 'cancelled');
    await recordEvent(db(), { callerId, subjectId: id, type: 'video.cancelled' });
    expect(await db().select().from(deliveries)).toMatchObject([{ destination: id, state: 'waiting' }]);
    const first = await renewCallbackSecret(catalog(), callerId, 24);
    const second = await renewCallbackSecret(catalog(), callerId, 24);
    const { url, headers, body } = await attempt();
    expect(url).toBe(URL_OF_JOB);
    expect(JSON.parse(body)).toMatchObject({ type: 'video.cancelled', data: { id } });
    const atSeconds = Number(headers['webhook-timestamp']);
    const signing = { id: headers['webhook-id'] ?? '', body, atSeconds };
    expect(headers).toMatchObject(signedHeaders([second, first], signing));
    expect(await newestHint(catalog(), callerId)).toBe(`whsec_…${second.slice(-4)}`);
    expect(await db().select().from(deliveries)).toMatchObject([{ state: 'delivered', attempts: 1 }]);
  });

  test('an endpoint and a callback are told the same event, each by a delivery of its own', async () => {
    const wanted = { callerId, url: 'https://a.example/hook', description: null, events: EVENT_TYPES };
    await createEndpoint(catalog(), { ...wanted, words: 'own' });
    const id = await accept(null);
    await end(id, 'cancelled');
    const told = await db().select().from(deliveries);
    expect(told).toHaveLength(2);
    expect(new Set(told.map(({ eventId }) => eventId)).size).toBe(1);
  });

  test('a caller without a secret gets one that signs all the same', async () => {
    await end(await accept(null), 'cancelled');
    const { headers } = await attempt(500);
    expect(headers['webhook-signature']).toMatch(/^v1,/);
    await attempt();
    expect(await db().select().from(webhookSecrets)).toHaveLength(1);
    expect(await db().select().from(deliveryAttempts)).toHaveLength(2);
  });

  test.each([
    [['completed', 'cancelled'], 'video.completed', 'completed'],
    [['cancelled', 'cancelled'], 'video.failed', 'cancelled'],
    [['failed', 'cancelled'], 'video.failed', 'failed'],
    [['expired'], 'video.failed', 'failed'],
  ] as const)('a job of clips that end as %j is told once, when all have, as %s', async (ends, type, status) => {
    const clips: string[] = [];
    for (const _state of ends) clips.push(await accept('job_1'));
    for (const [index, state] of ends.slice(1).entries()) await end(clips[index + 1] ?? '', state);
    expect(await db().select().from(deliveries)).toEqual([]);
    await end(clips[0] ?? '', ends[0]);
    expect(await db().select().from(deliveries)).toMatchObject([{ destination: 'job_1' }]);
    const { headers, body } = await attempt();
    expect(JSON.parse(body)).toEqual({ type, data: { jobId: 'job_1', status } });
    const [, at] = /^t=(\d+),/.exec(headers['x-ai-gateway-signature'] ?? '') ?? [];
    const signed = createHmac('sha256', secrets.derive('job_1')).update(`${at}.${body}`).digest('hex');
    expect(headers).toEqual({
      'content-type': 'application/json',
      'x-ai-gateway-signature': `t=${at},v1=${signed}`,
      'x-ai-gateway-idempotency-key': `job_1-${status}`,
    });
  });

  test('clips of a job that end at the same time tell it once', async () => {
    const clips: string[] = [];
    for (let n = 0; n < 8; n++) clips.push(await accept('job_1'));
    await Promise.all(clips.map((id) => end(id, 'cancelled')));
    expect(await db().select().from(deliveries)).toMatchObject([{ destination: 'job_1' }]);
    expect((await bodies()).filter(({ data }) => data.jobId === 'job_1')).toHaveLength(1);
  });

  test("a batch's event finds the callback of its batch", async () => {
    const batch = { id: 'batch_1', callerId, state: 'in_progress', window: '24h', repeatKey: 'k' } as const;
    const times = { createdAt: new Date(), expiresAt: new Date() };
    await inTransaction(db(), (tx) => enterBatchOnce(tx, { ...batch, ...times, callbackUrl: URL_OF_JOB }, true));
    await recordEvent(db(), { callerId, subjectId: 'batch_1', type: 'batch.completed' });
    expect(JSON.parse((await attempt()).body)).toMatchObject({ type: 'batch.completed', data: { id: 'batch_1' } });
  });

  test('an answer of 410 stops a callback, and it can be sent again with the same id and bytes', async () => {
    await end(await accept(null), 'cancelled');
    const first = await attempt(410);
    const [delivery] = await db().select().from(deliveries);
    expect(delivery).toMatchObject({ state: 'stopped' });
    await replayDelivery(db(), callerId, delivery?.id ?? '');
    const second = await attempt();
    expect([second.body, second.headers['webhook-id']]).toEqual([first.body, first.headers['webhook-id']]);
  });

  test('what is old of batches, jobs and tests is removed with what was delivered of it', async () => {
    const wanted = { callerId, url: 'https://a.example/hook', description: null, events: EVENT_TYPES };
    const { endpoint } = await createEndpoint(catalog(), { ...wanted, words: 'own' });
    await deliverTest(db(), { callerId, endpointId: endpoint.id, type: 'video.completed' });
    await attempt();
    const batch = { id: 'batch_1', callerId, state: 'in_progress', window: '24h', repeatKey: 'k' } as const;
    const times = { createdAt: new Date(), expiresAt: new Date() };
    await inTransaction(db(), (tx) => enterBatchOnce(tx, { ...batch, ...times, callbackUrl: URL_OF_JOB }, true));
    await recordEvent(db(), { callerId, subjectId: 'batch_1', type: 'batch.completed' });
    await end(await accept('job_1'), 'cancelled');
    await removeOld({ db: db(), keepDays: 7 });
    expect(await db().select().from(events)).toHaveLength(4);
    await db().execute(sql`update events set created_at = now() - interval '9 days'`);
    await removeOld({ db: db(), keepDays: 7 });
    // That of the clip goes with the clip, which has not been purged yet.
    expect(await db().select().from(events)).toMatchObject([{ type: 'video.cancelled' }]);
    expect((await db().select().from(callbacks)).map(({ id }) => id)).toEqual(['job_1']);
    expect(await db().select().from(deliveryAttempts)).toEqual([]);
    expect((await db().select().from(deliveries)).map(({ callerId: of }) => of)).toEqual([callerId]);
    await db().execute(
      sql`update videos set ended_at = now() - interval '9 days', purged_at = now(), settled_micro_usd = 0`,
    );
    await removeOld({ db: db(), keepDays: 7 });
    const left = [
      await db().select().from(events),
      await db().select().from(deliveries),
      await db().select().from(callbacks),
    ];
    expect(left).toEqual([[], [], []]);
  });

  test('secrets that do not sign any more are removed', async () => {
    const wanted = { callerId, url: 'https://a.example/hook', description: null, events: EVENT_TYPES };
    const { endpoint } = await createEndpoint(catalog(), { ...wanted, words: 'own' });
    await rotateSecret(catalog(), { callerId, id: endpoint.id }, 24);
    await rotateSecret(catalog(), { callerId, id: endpoint.id }, 0);
    await deleteExpiredSecrets(db());
    expect(await db().select().from(webhookSecrets)).toMatchObject([{ owner: endpoint.id, expiresAt: null }]);
  });
});
