/** A create that answers with the clip: what is sent, when, and what becomes of a client that leaves. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { AppOptions } from '../../../src/http/app.ts';
import { createFileStore } from '../../../src/media/file-store.ts';
import type { MediaStore } from '../../../src/media/media-store.ts';
import { makeArchive, makeCaller, makeCompletedVideo, makeVideo } from '../../builders.ts';
import { putObject } from '../../media/media-store-contract.ts';
import { KEY } from '../fake-gateway.ts';
import { AUTHORIZATION, makeApp, type TestApp } from '../test-app.ts';

const URL = '/v1/video/generations';
const BODY = { model: 'provider-2/kling-v2.1', prompt: 'a fox', quality: '720p', duration: 5 };
const CLIP_KEY = 'videos/video_1/clip.mp4';

let root: string;
let store: MediaStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-wait-'));
  store = createFileStore(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function make(more: Partial<AppOptions> = {}): TestApp {
  return makeApp({ store, ...more });
}

function create({ app }: TestApp, url: string = URL, payload: object = BODY) {
  return app.inject({ method: 'POST', url, headers: AUTHORIZATION, payload });
}

/** Resolves once a request waits for the video. */
async function waited(made: TestApp): Promise<void> {
  while (made.gateway.watching === 0) await new Promise((resolve) => setImmediate(resolve));
}

function completed(sizeBytes: number) {
  const archive = makeArchive({ clipKey: CLIP_KEY, sizeBytes });
  return makeCompletedVideo({ archive, expiresAt: new Date(Date.now() + 60_000) });
}

test.each([0, 1, 2, 3, 65_536, 200_001])(
  'a clip of %d bytes comes back in base64 (A4-01, A4-08 to A4-12, X19, X20)',
  async (size) => {
    const made = make();
    const bytes = randomBytes(size);
    await putObject(store, CLIP_KEY, bytes);
    const answering = create(made);
    await waited(made);
    made.gateway.put(completed(size));
    const answer = await answering;
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(answer.rawPayload.length),
      'x-video-id': 'video_1',
      location: '/clipyard/v1/videos/video_1',
    });
    expect(answer.headers).not.toHaveProperty('x-should-retry');
    const { created, data } = answer.json();
    expect(created).toBe(1_715_000_160);
    expect(data).toEqual([{ b64_json: bytes.toString('base64'), url: null, revised_prompt: null }]);
    expect(made.gateway.watching).toBe(0);
  },
);

test.each(['failed', 'cancelled', 'expired'] as const)(
  'an end as %s is a 500 not to be retried (A4-26, X19)',
  async (state) => {
    const made = make();
    const answering = create(made);
    await waited(made);
    made.gateway.put(makeVideo({ state }));
    const answer = await answering;
    expect(answer.statusCode).toBe(500);
    expect(answer.headers).toMatchObject({ 'x-should-retry': 'false', 'x-video-id': 'video_1' });
    expect(answer.json()).toMatchObject({ error: { code: 'provider_error' } });
  },
);

test('a wait that is over is a 504 with the id (X19)', async () => {
  const made = make({ syncWaitSeconds: 0.001 });
  const answer = await create(made);
  expect(answer.statusCode).toBe(504);
  expect(answer.headers).toMatchObject({ 'x-should-retry': 'false', 'x-video-id': 'video_1' });
  expect(answer.json()).toMatchObject({ error: { code: 'provider_timeout', message: /video_1/ } });
  expect(made.gateway.cancels).toEqual([]);
});

test('a clip that is gone by then says so', async () => {
  const made = make();
  const answering = create(made);
  await waited(made);
  made.gateway.put(completed(3));
  const answer = await answering;
  expect(answer.statusCode).toBe(410);
  expect(answer.headers).toMatchObject({ 'x-should-retry': 'false' });
  expect(answer.headers['content-length']).toBe(String(answer.rawPayload.length));
});

/** A client on a real connection. */
async function connect(made: TestApp) {
  const address = new globalThis.URL(await made.app.listen({ host: '127.0.0.1', port: 0 }));
  const headers = { ...AUTHORIZATION, 'content-type': 'application/json' };
  const request = httpRequest({
    host: '127.0.0.1',
    port: address.port,
    method: 'POST',
    path: URL,
    headers,
    agent: false,
  });
  request.on('error', () => undefined);
  request.end(JSON.stringify(BODY));
  return request;
}

test('a client that leaves does not cancel its video (A4-28, X19)', async () => {
  const made = make();
  const request = await connect(made);
  await waited(made);
  request.destroy();
  while (made.gateway.watching > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(made.gateway.cancels).toEqual([]);
  expect(made.gateway.videos.get('video_1')?.state).toBe('queued');
  await made.app.close();
});

// What is not taken is not read.
test('a client that does not read holds the archive back (A4-10)', async () => {
  const size = 64 * 1024 * 1024;
  let readBytes = 0;
  const isClosed = { value: false };
  const read = async () => {
    const chunk = Buffer.alloc(64 * 1024);
    const stream = new Readable({
      read() {
        readBytes += chunk.length;
        this.push(readBytes > size ? null : chunk);
      },
    });
    stream.once('close', () => {
      isClosed.value = true;
    });
    return stream;
  };
  const made = make({ store: { ...store, read } });
  const request = await connect(made);
  await waited(made);
  made.gateway.put(completed(size));
  const [response] = await once(request, 'response');
  expect(Number(response.headers['content-length'])).toBeGreaterThan((size / 3) * 4);
  await once(response, 'readable');
  expect(readBytes).toBeLessThan(size / 2);
  response.destroy();
  while (!isClosed.value) await new Promise((resolve) => setImmediate(resolve));
  await made.app.close();
});

test('an archive that ends early breaks the connection', async () => {
  await putObject(store, CLIP_KEY, randomBytes(1000));
  const made = make();
  const request = await connect(made);
  await waited(made);
  made.gateway.put(completed(2000));
  const [response] = await once(request, 'response');
  await expect(response.toArray()).rejects.toThrow('aborted');
  await made.app.close();
});

describe('at the path that two dialects document', () => {
  const plain = { model: 'm', prompt: 'p' };

  test.each([
    ['the words of one', null, { ...plain, duration: 5, quality: '720p' }, 'a4f'],
    ['a ratio', null, { ...plain, ratio: '1:1', quality: '720p', duration: 5 }, 'a4f'],
    ['the words of the other', null, { ...plain, duration_seconds: 5 }, 'airforce'],
    ['what is not null', null, { ...plain, duration_seconds: 5, duration: null, ratio: null }, 'airforce'],
    ['no words at all', null, { ...plain, quality: '720p' }, 'airforce'],
    ['the caller', 'a4f', { ...plain, quality: '720p', duration: 5 }, 'a4f'],
    ['the caller against the words', 'airforce', { ...plain, duration: 5 }, 'airforce'],
    ['the older revision’s caller', 'airforce-2024', { ...plain, duration_seconds: 5 }, 'airforce-2024'],
  ] as const)('%s decides (X1)', async (_, dialect, body, chosen) => {
    const made = make({ syncWaitSeconds: 0.001 });
    made.gateway.callers.set(KEY, makeCaller({ dialect }));
    await create(made, URL, body);
    expect(made.gateway.orders).toMatchObject([{ dialect: chosen }]);
  });

  test('the words of both are refused by name (X1)', async () => {
    const answer = await create(make(), URL, { ...BODY, aspect_ratio: '1:1' });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()['error']).toMatch(/aspect_ratio .*duration/);
  });

  test('a prefix decides over the words (X1, A4-21)', async () => {
    const made = make({ syncWaitSeconds: 0.001 });
    await create(made, `/a4f${URL}`, { ...BODY, aspect_ratio: '1:1' });
    await create(made, `/airforce-2024${URL}`, { ...plain, duration: 5 });
    expect(made.gateway.orders).toMatchObject([{ dialect: 'a4f' }, { dialect: 'airforce-2024' }]);
    expect((await create(made, `/a4f${URL}`, plain)).json()).toMatchObject({
      error: { code: 'invalid_request_error' },
    });
  });
});
