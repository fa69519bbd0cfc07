/** `clipyard listen` as a process: what it prints, what a local receiver is told, and how it comes back. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import OpenAI from 'openai';
import { ROOT_CALLER_ID } from '../../src/catalog/callers.ts';
import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { batches } from '../../src/catalog/tables/batches.ts';
import { changeVideo } from '../../src/catalog/videos.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { insertVideo } from '../catalog/rows.ts';
import { openTestGateway, type TestGateway } from '../open-gateway.ts';
import { ROOT_KEY } from '../open-parts.ts';
import { PROGRAM } from './run-cli.ts';

interface Told {
  readonly headers: Record<string, string>;
  readonly body: string;
}

let database: CatalogDatabase;
let gateway: TestGateway;
let port = 0;
let receiver: Server;
const told: Told[] = [];
let onTold = () => {};
let listening: ChildProcess | null = null;

async function openGateway(): Promise<void> {
  gateway = await openTestGateway({ database: { ...database, close: async () => {} } });
  const address = await gateway.app.listen({ host: '127.0.0.1', port });
  port = Number(new URL(address).port);
}

beforeAll(async () => {
  database = await openMemoryCatalog();
  await openGateway();
  receiver = createServer(async (request, response) => {
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
    told.push({ headers, body: await text(request) });
    response.end();
    onTold();
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
});
afterEach(() => void listening?.kill('SIGKILL'));
afterAll(async () => {
  receiver.close();
  await gateway.close();
  await database.close();
});

/** The process, with what it has printed. */
function start(...options: readonly string[]) {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, CLIPYARD_URL: `http://127.0.0.1:${port}`, CLIPYARD_API_KEY: ROOT_KEY };
  const child = spawn(process.execPath, [PROGRAM, 'listen', ...options], { env });
  listening = child;
  const printed = { out: '', err: '' };
  let onPrinted = () => {};
  child.stdout.on('data', (chunk) => {
    printed.out += chunk;
    onPrinted();
  });
  child.stderr.on('data', (chunk) => {
    printed.err += chunk;
    onPrinted();
  });
  return {
    printed,
    async until(isThere: () => boolean) {
      while (!isThere()) {
        await new Promise<void>((resolve) => {
          onPrinted = resolve;
        });
      }
    },
    async stop() {
      child.kill('SIGINT');
      const [code] = await once(child, 'exit');
      return code;
    },
  };
}

async function toldTimes(count: number): Promise<void> {
  while (told.length < count) {
    await new Promise<void>((resolve) => {
      onTold = resolve;
    });
  }
}

const end = (id: string, state: 'completed' | 'failed') =>
  changeVideo(database.db, id, { state, endedAt: new Date('2026-03-01T12:09:00.000Z') });

test('events are printed, ends are forwarded once and signed, and it goes on where it was', async () => {
  const { db } = database;
  await insertVideo(db, { id: 'video_1', state: 'generating', progress: 20 });
  const { port: hook } = receiver.address() as AddressInfo;
  const clipyard = start('--forward-to', `http://127.0.0.1:${hook}/hook`);
  const { printed } = clipyard;
  await clipyard.until(() => printed.out.includes('video_1 generating 20 %'));
  const [, secret = ''] = /verify with the secret (whsec_\S+)/.exec(printed.out) ?? [];
  await changeVideo(db, 'video_1', { progress: 60 });
  await end('video_1', 'completed');
  await changeVideo(db, 'video_1', { settledMicroUsd: 7 });
  await toldTimes(1);
  const { webhooks } = new OpenAI({ apiKey: 'none', webhookSecret: secret });
  const [first = { body: '', headers: {} }] = told;
  expect(await webhooks.unwrap(first.body, first.headers)).toEqual({
    id: 'evt_1',
    object: 'event',
    created_at: 1_772_366_940,
    type: 'video.completed',
    timestamp: '2026-03-01T12:09:00.000Z',
    data: { id: 'video_1' },
  });
  expect((first.headers as Record<string, string>)['webhook-id']).toBe('evt_1');
  await expect(webhooks.unwrap(`${first.body} `, first.headers)).rejects.toThrow();

  await gateway.close();
  await insertVideo(db, { id: 'video_2' });
  await end('video_2', 'failed');
  await openGateway();
  await clipyard.until(() => printed.out.includes('video_2 failed'));
  await toldTimes(2);
  expect(JSON.parse(told[1]?.body ?? '')).toMatchObject({ type: 'video.failed', data: { id: 'video_2' } });
  await clipyard.until(() => printed.out.includes('video.failed evt_2 -> 200'));
  expect(await clipyard.stop()).toBe(0);
  expect(told).toHaveLength(2);
  expect([printed.err, printed.out.includes(ROOT_KEY)]).toEqual(['', false]);
});

test('a batch is told of once it has ended, which is after its videos', async () => {
  const { db } = database;
  const [createdAt, expiresAt] = [new Date('2026-03-01T12:00:00.000Z'), new Date('2026-03-02T12:00:00.000Z')];
  const batch = { id: 'batch_1', callerId: ROOT_CALLER_ID, window: '24h', repeatKey: 'key', total: 1, completed: 1 };
  await db.insert(batches).values({ ...batch, state: 'finalizing', createdAt, expiresAt });
  await insertVideo(db, { id: 'video_b', state: 'generating', batchId: 'batch_1' });
  const { port: hook } = receiver.address() as AddressInfo;
  const before = told.length;
  const clipyard = start('--forward-to', `http://127.0.0.1:${hook}/hook`);
  await clipyard.until(() => clipyard.printed.out.includes('video_b generating'));
  await end('video_b', 'completed');
  await toldTimes(before + 1);
  await db.update(batches).set({ state: 'completed', endedAt: new Date('2026-03-01T12:10:00.000Z') });
  await toldTimes(before + 2);
  expect(told.slice(before).map(({ body }) => JSON.parse(body))).toMatchObject([
    { type: 'video.completed', data: { id: 'video_b' } },
    { id: 'evt_batch_1', type: 'batch.completed', timestamp: '2026-03-01T12:10:00.000Z', data: { id: 'batch_1' } },
  ]);
  expect(clipyard.printed.out).toContain('batch_1 completed');
  expect(await clipyard.stop()).toBe(0);
});

test('as JSON, each event is a line as the gateway wrote it', async () => {
  await insertVideo(database.db, { id: 'video_3' });
  const clipyard = start('--json');
  await clipyard.until(() => clipyard.printed.out.includes('\n'));
  const answer = await gateway.app.inject({
    url: '/clipyard/v1/videos/video_3',
    headers: { authorization: `Bearer ${ROOT_KEY}` },
  });
  expect(JSON.parse(clipyard.printed.out)).toEqual(answer.json());
  expect(clipyard.printed.err).toContain('listening to');
  expect(await clipyard.stop()).toBe(0);
});

test('a gateway that is not there, or a key that it does not know, ends it with a word', async () => {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [PROGRAM, 'listen'], {
    env: { PATH, HOME, CLIPYARD_URL: `http://127.0.0.1:${port}`, CLIPYARD_API_KEY: 'unknown' },
  });
  const [error, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  expect([code, error]).toEqual([1, expect.stringContaining('401')]);
});
