/** A purge over HTTP: who is being sent a clip gets all of it, who comes after gets 410, and nothing is left. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { eq } from 'drizzle-orm';
import type { FastifyInstance } from 'fastify';
import type { CatalogDatabase } from '../../../src/catalog/driver/database.ts';
import { videos } from '../../../src/catalog/tables/videos.ts';
import { findVideo } from '../../../src/catalog/videos.ts';
import { mediaRoutes } from '../../../src/http/media/routes.ts';
import { createFileStore } from '../../../src/media/file-store.ts';
import { clipKeyOf, posterKeyOf, spriteSheetKeyOf } from '../../../src/media/media-key.ts';
import type { MediaStore } from '../../../src/media/media-store.ts';
import { createLinkSigner } from '../../../src/media/signed-links.ts';
import { makeArchive } from '../../builders.ts';
import { openMemoryCatalog } from '../../catalog/memory-catalog.ts';
import { insertVideo } from '../../catalog/rows.ts';
import { emptyCatalog } from '../../catalog/with-catalog.ts';
import { putObject } from '../../media/media-store-contract.ts';
import { Scene } from '../../model/scene.ts';
import { AUTHORIZATION, makeApp, type TestApp } from '../test-app.ts';

/** More than sockets and streams hold by themselves. */
const CLIP = randomBytes(24 * 1024 * 1024);
const HOUR_MS = 3_600_000;

let root: string;
let store: MediaStore;
let database: CatalogDatabase;
let made: TestApp;
let app: FastifyInstance;
let origin: string;
const signer = createLinkSigner(['a key'], 'http://clips.example');

beforeAll(async () => {
  database = await openMemoryCatalog();
});
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-purge-'));
  store = createFileStore(root);
  await emptyCatalog(database);
  await putObject(store, clipKeyOf('v1'), CLIP);
  await putObject(store, posterKeyOf('v1'), Buffer.from('a poster'));
  await putObject(store, spriteSheetKeyOf('v1'), Buffer.from('a sheet'));
  const archive = makeArchive({ clipKey: clipKeyOf('v1'), posterKey: posterKeyOf('v1'), sizeBytes: CLIP.length });
  const now = Date.now();
  await insertVideo(database.db, {
    id: 'v1',
    state: 'completed',
    archive,
    createdAt: new Date(now - 24 * HOUR_MS),
    openedAt: new Date(now),
    endedAt: new Date(now - 23 * HOUR_MS),
    expiresAt: new Date(now + HOUR_MS),
  });
  made = makeApp({
    store,
    plugins: [
      mediaRoutes({
        store,
        links: signer,
        findVideo: (id) => findVideo(database.db, id),
        findFilm: async () => null,
        findInputImage: async () => null,
      }),
    ],
  });
  app = made.app;
  await app.listen({ host: '127.0.0.1', port: 0 });
  origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  await app.close();
  rmSync(root, { recursive: true, force: true });
});
afterAll(() => database.close());

const link = () =>
  signer.sign({ id: 'v1' }, 'clip', new Date(Date.now() + HOUR_MS)).replace('http://clips.example', '');

function ask(path: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => get(origin + path, { headers, agent: false }, resolve).once('error', reject));
}

async function expire(): Promise<void> {
  await database.db
    .update(videos)
    .set({ expiresAt: new Date(Date.now() - 1) })
    .where(eq(videos.id, 'v1'));
}

test('an open stream goes to its end, and the next request gets 410', async () => {
  const open = await ask(link());
  expect(open.statusCode).toBe(200);
  await expire();
  const scene = await new Scene(database.db, { dependencies: { store } }).furnish();
  expect(await scene.sweep()).toMatchObject({ purged: 1, errors: [] });
  expect(await findVideo(database.db, 'v1')).toMatchObject({ state: 'completed', purgedAt: expect.any(Date) });
  expect(await readdir(join(root, 'videos'))).toEqual([]);
  for (const headers of [{}, { range: 'bytes=0-9' }]) {
    const answer = await ask(link(), headers);
    expect(answer.statusCode).toBe(410);
    answer.resume();
  }
  expect((await buffer(open)).equals(CLIP)).toBe(true);
});

test('what has expired is refused before its files are gone', async () => {
  await expire();
  const answer = await ask(link(), { range: 'bytes=0-9' });
  answer.resume();
  expect(answer.statusCode).toBe(410);
});

test('a clip that a video left behind which ended without an archive goes at the same time', async () => {
  await database.db.update(videos).set({ state: 'cancelled', archive: null });
  await expire();
  const scene = await new Scene(database.db, { dependencies: { store } }).furnish();
  expect(await scene.sweep()).toMatchObject({ purged: 1, errors: [] });
  expect(await findVideo(database.db, 'v1')).toMatchObject({ state: 'cancelled', purgedAt: expect.any(Date) });
  expect(await readdir(join(root, 'videos'))).toEqual([]);
});

test('a purge that the store interrupts is done again by the next sweep', async () => {
  await expire();
  let fails = true;
  const remove = async (key: string) => {
    if (fails) throw new Error('the store is away');
    await store.remove(key);
  };
  const flaky: MediaStore = {
    stage: (...args) => store.stage(...args),
    read: (...args) => store.read(...args),
    sizeBytes: (key) => store.sizeBytes(key),
    check: () => store.check(),
    remove,
  };
  const scene = await new Scene(database.db, { dependencies: { store: flaky } }).furnish();
  expect(await scene.sweep()).toMatchObject({ purged: 0, errors: [expect.stringContaining('the store is away')] });
  expect(await findVideo(database.db, 'v1')).toMatchObject({ purgedAt: null });
  fails = false;
  expect(await scene.sweep()).toMatchObject({ purged: 1, errors: [] });
  expect(await readdir(join(root, 'videos'))).toEqual([]);
});

test('a sprite sheet is served as other content is, and goes with the clip', async () => {
  const video = await findVideo(database.db, 'v1');
  if (video === null) throw new Error('there is no video');
  made.gateway.put(video);
  const url = '/v1/videos/v1/content?variant=spritesheet';
  const whole = await app.inject({ url, headers: AUTHORIZATION });
  expect({ status: whole.statusCode, body: whole.body }).toEqual({ status: 200, body: 'a sheet' });
  expect(whole.headers).toMatchObject({
    'content-type': 'image/jpeg',
    'accept-ranges': 'bytes',
    'content-length': '7',
  });
  const head = await app.inject({ method: 'HEAD', url, headers: AUTHORIZATION });
  expect({ status: head.statusCode, body: head.body, etag: head.headers.etag }).toEqual({
    status: 200,
    body: '',
    etag: whole.headers.etag,
  });
  const part = await app.inject({ url, headers: { ...AUTHORIZATION, range: 'bytes=2-' } });
  expect({ status: part.statusCode, body: part.body }).toEqual({ status: 206, body: 'sheet' });
  const known = { ...AUTHORIZATION, 'if-none-match': String(whole.headers.etag) };
  expect((await app.inject({ url, headers: known })).statusCode).toBe(304);
  made.gateway.put({ ...video, expiresAt: new Date(Date.now() - 1) });
  const after = await app.inject({ url, headers: AUTHORIZATION });
  expect(after.statusCode).toBe(410);
  expect(after.json()).toMatchObject({ error: { code: expect.any(String) } });
});
