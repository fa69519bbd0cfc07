/** Webhooks: what an end records for whom, what an attempt sends, and what follows from its answer. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { eq, sql } from 'drizzle-orm';
import { pino } from 'pino';
import { claimUnstarted, listProbes, noteStarted } from '../../src/catalog/deliveries.ts';
import { replayDelivery } from '../../src/catalog/delivery-views.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { recordEvent } from '../../src/catalog/events.ts';
import { createSecretBox } from '../../src/catalog/secret-box.ts';
import { events } from '../../src/catalog/tables/videos.ts';
import { deliveries, deliveryAttempts, webhookEndpoints, webhookSecrets } from '../../src/catalog/tables/webhooks.ts';
import {
  changeEndpoint,
  createEndpoint,
  readEndpoint,
  rotateSecret,
  type WebhookCatalog,
} from '../../src/catalog/webhooks.ts';
import { attemptWaitMs, EVENT_TYPES, type EventWords, FAILING_LONGEST_MS } from '../../src/domain/webhook.ts';
import { type PostAnswer, postUntrusted, type UntrustedPost } from '../../src/net/untrusted/send.ts';
import { attemptDelivery } from '../../src/webhooks/attempt.ts';
import { FirstAttempts } from '../../src/webhooks/first-attempts.ts';
import { signedHeaders } from '../../src/webhooks/sign.ts';
import { insertVideo } from '../catalog/rows.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';

const secrets = createSecretBox('secret-key-of-the-tests');
const FAILED = { kind: 'cancelled', message: 'cancelled', upstream: null } as const;
const answer = (status: number, headers = {}): PostAnswer => ({ status, headers, text: '' });

describeOnBothCatalogs('events and deliveries', (under) => {
  const catalog = (): WebhookCatalog => ({ db: under.database.db, secrets });
  const db = () => under.database.db;

  const makeEndpoint = (words: EventWords = 'own', callerId = 'caller_1') =>
    createEndpoint(catalog(), {
      callerId,
      url: 'https://a.example/hook',
      description: null,
      events: EVENT_TYPES,
      words,
    });

  async function cancelled(): Promise<void> {
    await insertVideo(db(), { id: 'video_1' });
    await endVideo(db(), 'video_1', { state: 'cancelled', failure: FAILED, archive: null });
  }

  const isIt = (endpointId: string) => eq(webhookEndpoints.id, endpointId);

  const post = async (reply: PostAnswer | Error, sent: UntrustedPost[] = [], id?: string) => {
    const [delivery] = await db().select().from(deliveries);
    const dependencies = {
      db: db(),
      secrets,
      trustedHosts: [],
      post: async (call: UntrustedPost) => {
        sent.push(call);
        if (reply instanceof Error) throw reply;
        return reply;
      },
    };
    return await attemptDelivery(dependencies, { deliveryId: id ?? delivery?.id ?? '', thenMs: 1000 });
  };

  test('an end without endpoints records its event and no delivery', async () => {
    await cancelled();
    expect(await db().select().from(events)).toMatchObject([{ videoId: 'video_1', type: 'video.cancelled' }]);
    expect(await db().select().from(deliveries)).toEqual([]);
  });

  test('an end is delivered once to each endpoint of its caller alone, and no id has two bodies', async () => {
    await makeEndpoint('own');
    await makeEndpoint('openai');
    await makeEndpoint('own', 'caller_2');
    await cancelled();
    await recordEvent(db(), { callerId: 'caller_1', subjectId: 'video_1', type: 'video.cancelled' });
    const rows = await db().select().from(deliveries).innerJoin(events, eq(events.id, deliveries.eventId));
    expect(rows.map(({ events: { type } }) => type).sort()).toEqual(['video.cancelled', 'video.failed']);
    const bodies = rows.map(({ events: { id, body } }) => ({ id, body: JSON.parse(body ?? '') }));
    for (const { id, body } of bodies) expect(body).toMatchObject({ id, object: 'event', data: { id: 'video_1' } });
    expect(new Set(bodies.map(({ id }) => id)).size).toBe(2);
  });

  test('secrets are sealed at rest, and both sign after a rotation', async () => {
    const { endpoint, secret } = await makeEndpoint();
    await cancelled();
    const { secret: newer } = await rotateSecret(catalog(), { callerId: 'caller_1', id: endpoint.id }, 24);
    const rows = await db().select().from(webhookSecrets);
    for (const { sealed } of rows) expect([secret, newer].some((each) => sealed.includes(each))).toBe(false);
    const sent: UntrustedPost[] = [];
    await post(answer(200), sent);
    const [call] = sent;
    const id = call?.headers['webhook-id'] ?? '';
    const atSeconds = Number(call?.headers['webhook-timestamp']);
    const expected = signedHeaders([newer, secret], { id, body: call?.body ?? '', atSeconds });
    expect(call?.headers).toMatchObject(expected);
    await rotateSecret(catalog(), { callerId: 'caller_1', id: endpoint.id }, 0);
    await replayDelivery(db(), 'caller_1', (await db().select().from(deliveries))[0]?.id ?? '');
    await post(answer(200), sent);
    expect(sent[1]?.headers['webhook-signature']?.split(' ')).toHaveLength(1);
    expect(sent[1]?.body).toBe(call?.body);
    expect(sent[1]?.headers['webhook-id']).toBe(id);
  });

  test.each([
    [200, 'delivered'],
    [301, 'waiting'],
    [500, 'waiting'],
    [410, 'stopped'],
  ] as const)('an answer of %i leaves the delivery %s', async (status, state) => {
    const { endpoint } = await makeEndpoint();
    await cancelled();
    await post(answer(status));
    expect(await db().select().from(deliveries)).toMatchObject([{ state, attempts: 1 }]);
    expect(await db().select().from(deliveryAttempts)).toMatchObject([{ n: 1, status }]);
    const { disabledAt } = await readEndpoint(catalog(), 'caller_1', endpoint.id);
    expect(disabledAt !== null).toBe(status === 410);
  });

  test('a hint of the receiver puts the next attempt off, and no answer is a failure', async () => {
    await makeEndpoint();
    await cancelled();
    expect(await post(answer(429, { 'retry-after': '60' }))).toEqual({ kind: 'again', waitMs: 60_000 });
    expect(await post(new Error('no answer'))).toEqual({ kind: 'again', waitMs: 1000 });
  });

  test('a host that the resolver does not know is told in words of ours', async () => {
    await makeEndpoint();
    await cancelled();
    const code = { code: 'ENOTFOUND', hostname: 'a.example' };
    await post(Object.assign(new Error('getaddrinfo ENOTFOUND a.example'), code));
    expect(await db().select().from(deliveryAttempts)).toMatchObject([
      { error: 'no address is found of the host a.example' },
    ]);
  });

  test('five days of nothing but failures disable an endpoint', async () => {
    const { endpoint } = await makeEndpoint();
    await cancelled();
    const failingSince = new Date(Date.now() - FAILING_LONGEST_MS - 1000);
    await db().update(webhookEndpoints).set({ failingSince, failures: 5 });
    await post(answer(500));
    expect((await readEndpoint(catalog(), 'caller_1', endpoint.id)).disabledReason).toMatch(/five days/);
    expect(await post(answer(200))).toEqual({ kind: 'over', end: 'stopped' });
  });

  test('an endpoint that only fails is asked once in half a minute, however much waits for it', async () => {
    await makeEndpoint();
    await cancelled();
    await db().update(webhookEndpoints).set({ failures: 20 });
    const sent: UntrustedPost[] = [];
    for (let i = 0; i < 5; i++) await post(answer(500), sent);
    expect(sent).toHaveLength(1);
  });

  /** First attempts of a process, and what came of them. */
  function attempting(reply: (call: UntrustedPost) => PostAnswer | Promise<PostAnswer>) {
    const sent: UntrustedPost[] = [];
    const started: string[] = [];
    const attempts = new FirstAttempts({
      delivery: {
        ...{ db: db(), secrets, trustedHosts: [] },
        post: async (call) => {
          sent.push(call);
          return await reply(call);
        },
      },
      startDelivery: async ({ id }, secondInMs) => {
        expect(secondInMs).toBeGreaterThan(0);
        started.push(id);
      },
      log: pino({ level: 'silent' }),
    });
    return { attempts, sent, started };
  }

  async function attemptAll({ attempts }: ReturnType<typeof attempting>): Promise<void> {
    attempts.wake();
    await attempts.idle();
  }

  async function cancelMany(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      await insertVideo(db(), { id: `video_m${n}` });
      await endVideo(db(), `video_m${n}`, { state: 'cancelled', failure: FAILED, archive: null });
    }
  }

  test('a first attempt that delivers needs no workflow, and one that does not is followed by one', async () => {
    await makeEndpoint();
    await cancelMany(3);
    let status = 204;
    const process = attempting(() => answer(status));
    await attemptAll(process);
    expect(process.started).toEqual([]);
    expect(await db().select().from(deliveries)).toMatchObject(Array(3).fill({ state: 'delivered', attempts: 1 }));
    status = 500;
    await cancelled();
    await attemptAll(process);
    await attemptAll(process);
    expect(process.sent).toHaveLength(4);
    const [failed] = await db().select().from(deliveries).where(eq(deliveries.state, 'waiting'));
    expect(process.started).toEqual([failed?.id]);
  });

  test('an attempt that fails on our own side is made again once its claim has run out', async () => {
    await makeEndpoint();
    await cancelled();
    const process = attempting(() => answer(500));
    jest.spyOn(process.started, 'push').mockImplementation(() => {
      throw new Error('Temporal is away');
    });
    await attemptAll(process);
    await attemptAll(process);
    expect(process.sent).toHaveLength(1);
    await db().execute(sql`update deliveries set claimed_until = now() - interval '1 second'`);
    await attemptAll(process);
    expect(process.sent).toHaveLength(2);
  });

  test('an endpoint that is slow leaves places for others, and is told everything all the same', async () => {
    await makeEndpoint('own');
    const other = (await makeEndpoint('openai')).endpoint;
    await db().update(webhookEndpoints).set({ url: 'https://b.example/hook' }).where(isIt(other.id));
    await cancelMany(25);
    const slow = 'https://a.example/hook';
    const waiting: (() => void)[] = [];
    const process = attempting(async ({ url }) => {
      if (url === slow) await new Promise<void>((resolve) => waiting.push(resolve));
      return answer(204);
    });
    const sentTo = (url: string) => process.sent.filter((call) => call.url === url).length;
    process.attempts.wake();
    while (sentTo('https://b.example/hook') < 25 || waiting.length < sentTo(slow)) await setImmediate();
    expect(sentTo(slow)).toBeLessThan(25);
    while (sentTo(slow) < 25 || waiting.length > 0) {
      waiting.shift()?.();
      await setImmediate();
    }
    await process.attempts.idle();
    expect(await db().select().from(deliveries)).toMatchObject(Array(50).fill({ state: 'delivered', attempts: 1 }));
  });

  test('a caller all of whose endpoints are slow leaves places for other callers', async () => {
    for (let n = 0; n < 6; n += 1) await makeEndpoint();
    const other = (await makeEndpoint('own', 'caller_2')).endpoint;
    await db().update(webhookEndpoints).set({ url: 'https://b.example/hook' }).where(isIt(other.id));
    await cancelMany(12);
    await recordEvent(db(), { callerId: 'caller_2', subjectId: 'video_of_2', type: 'video.cancelled' });
    const waiting: (() => void)[] = [];
    let isOtherTold = false;
    const process = attempting(async ({ url }) => {
      if (url === 'https://b.example/hook') isOtherTold = true;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      return answer(204);
    });
    process.attempts.wake();
    while (!isOtherTold) await setImmediate();
    while (process.sent.length < 73 || waiting.length > 0) {
      waiting.shift()?.();
      await setImmediate();
    }
    await process.attempts.idle();
    expect(await db().select().from(deliveries)).toMatchObject(Array(73).fill({ state: 'delivered', attempts: 1 }));
  });

  test('what comes for an endpoint that only fails is parked, one is tried, and all are sent once it is back', async () => {
    const { endpoint } = await makeEndpoint();
    const other = await makeEndpoint('openai');
    await db().update(webhookEndpoints).set({ failures: 20, failingSince: new Date() }).where(isIt(endpoint.id));
    await cancelMany(3);
    const idsOf = async (id: string, state: 'waiting' | 'delivered') =>
      (await db().select().from(deliveries).orderBy(deliveries.createdAt, deliveries.id))
        .filter((row) => row.destination === id && row.state === state)
        .map((row) => row.id);
    let status = 204;
    const process = attempting(() => answer(status));
    await attemptAll(process);
    expect(process.sent).toHaveLength(3);
    expect(await idsOf(other.endpoint.id, 'delivered')).toHaveLength(3);
    const [oldest = ''] = await idsOf(endpoint.id, 'waiting');
    expect(await listProbes(db())).toEqual([oldest]);

    status = 500;
    await process.attempts.probe();
    expect(await listProbes(db())).toEqual([]);
    await process.attempts.probe();
    expect(process.sent).toHaveLength(4);
    await db()
      .update(webhookEndpoints)
      .set({ probeAt: new Date(0) })
      .where(isIt(endpoint.id));
    status = 204;
    await process.attempts.probe();
    await attemptAll(process);
    expect(await idsOf(endpoint.id, 'delivered')).toHaveLength(3);
    expect([process.sent.length, process.started]).toEqual([7, []]);
  });

  test('what waits for an endpoint stops when it is disabled', async () => {
    const { endpoint } = await makeEndpoint();
    await cancelled();
    await changeEndpoint(catalog(), { callerId: 'caller_1', id: endpoint.id }, { enabled: false });
    expect(await db().select().from(deliveries)).toMatchObject([{ state: 'stopped', attempts: 0 }]);
  });

  test('what a process took over and did not start is taken over by another one', async () => {
    await makeEndpoint();
    await cancelled();
    const claim = async () =>
      (await claimUnstarted(db(), { limit: 10, except: { destinations: [], callers: [] } })).map(({ id }) => id);
    const [id = ''] = await claim();
    expect(await claim()).toEqual([]);
    await db().execute(sql`update deliveries set claimed_until = now() - interval '1 second'`);
    expect(await claim()).toEqual([id]);
    await noteStarted(db(), id);
    await db().execute(sql`update deliveries set claimed_until = null`);
    expect(await claim()).toEqual([]);
  });

  test('a replay that comes before a start was noted is started as well', async () => {
    await makeEndpoint();
    await cancelled();
    const [{ id } = { id: '' }] = await claimUnstarted(db(), { limit: 10, except: { destinations: [], callers: [] } });
    await replayDelivery(db(), 'caller_1', id);
    await noteStarted(db(), id);
    expect(await claimUnstarted(db(), { limit: 10, except: { destinations: [], callers: [] } })).toMatchObject([
      { id },
    ]);
  });
});

describe('signature, schedule and secrets', () => {
  test('the signature is the one of Standard Webhooks', () => {
    // The example of its own libraries.
    const signed = signedHeaders(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], {
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      body: '{"test": 2432232314}',
      atSeconds: 1_614_265_330,
    });
    expect(signed['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  test('attempts are ten, with a fifth of jitter either way', () => {
    const waits = Array.from({ length: 11 }, (_, index) => attemptWaitMs(index + 1, 0.5));
    const minutes = [5, 30, 120, 300, 600, 840, 1200, 1440].map((each) => each * 60_000);
    expect(waits).toEqual([0, 5000, ...minutes, null]);
    expect([attemptWaitMs(2, 0), attemptWaitMs(2, 1)]).toEqual([4000, 6000]);
  });

  test('what was sealed opens with its key alone', () => {
    const sealed = secrets.seal('whsec_1');
    expect(secrets.open(sealed)).toBe('whsec_1');
    expect(() => createSecretBox('another').open(sealed)).toThrow(/CLIPYARD_SECRET_KEY/);
  });
});

describe('posting to a URL that a caller named', () => {
  let server: Server;
  let host: string;
  beforeAll(async () => {
    server = createServer((request, reply) => {
      if (request.url === '/moved') reply.writeHead(302, { location: '/hook' });
      if (request.url === '/endless') return reply.write('begun');
      if (request.url === '/broken') {
        reply.writeHead(200, { 'content-length': 10 });
        return reply.write('begun', () => reply.destroy());
      }
      return reply.end('x'.repeat(10_000));
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const call = (url: string, trustedHosts: readonly string[], timeoutMs = 5000) =>
    postUntrusted({ url, trustedHosts, headers: {}, body: '{}', timeoutMs });

  test('follows no redirect and keeps 4 KB of the answer', async () => {
    const found = await call(`http://${host}/moved`, [host]);
    expect(found.status).toBe(302);
    expect(found.text).toHaveLength(4096);
  });

  test('an answer whose body breaks off or does not end is one by its status', async () => {
    const begun = { status: 200, text: 'begun' };
    await expect(call(`http://${host}/broken`, [host])).resolves.toMatchObject(begun);
    await expect(call(`http://${host}/endless`, [host], 500)).resolves.toMatchObject(begun);
  });

  test('refuses plain HTTP and private addresses that are not trusted', async () => {
    await expect(call(`http://${host}/hook`, [])).rejects.toThrow(/HTTPS alone/);
    await expect(call(`https://${host}/hook`, [])).rejects.toThrow(/not at a public address/);
  });
});
