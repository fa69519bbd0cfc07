/** Sprite sheets: real pictures of a clip in a grid, made once, a few at a time, and never left behind. */

import { mkdtempSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { findFfmpeg } from '../../src/archive/ffmpeg.ts';
import { type SpriteSheetParts, SpriteSheets } from '../../src/archive/sprite-sheet.ts';
import { Refusal } from '../../src/domain/failure.ts';
import { readImageHeader } from '../../src/domain/image-header.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import { clipKeyOf, spriteSheetKeyOf } from '../../src/media/media-key.ts';
import { type MediaStore, StoreAway } from '../../src/media/media-store.ts';
import { removeMedia } from '../../src/media/remove-media.ts';
import { makeArchive } from '../builders.ts';
import { CLIP_FACTS, makeClip, makeClipWithIndexLast } from '../fixtures/make-clip.ts';
import { putObject, readObject } from '../media/media-store-contract.ts';

const LATER = new Date(Date.now() + 3_600_000);
const videoOf = (id: string) => ({ id, archive: makeArchive({ clipKey: clipKeyOf(id) }) });

let root: string;
let store: MediaStore;
let runs: number;
let expiresAt: Date;
let isInstalled: boolean;

beforeAll(async () => {
  isInstalled = (await findFfmpeg()) !== null;
});
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-sheet-'));
  const file = createFileStore(root);
  runs = 0;
  // Each sheet is staged once, so that counts them.
  const stage: MediaStore['stage'] = (key, checkpoint) => {
    runs += 1;
    return file.stage(key, checkpoint);
  };
  store = {
    stage,
    read: (...args) => file.read(...args),
    sizeBytes: (key) => file.sizeBytes(key),
    remove: (key) => file.remove(key),
    check: () => file.check(),
  };
  expiresAt = LATER;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function putClip(id: string, bytes: Buffer): Promise<void> {
  await putObject(createFileStore(root), clipKeyOf(id), bytes);
}

function sheets(parts: Partial<SpriteSheetParts> = {}) {
  return new SpriteSheets({
    store,
    log: { warn: () => undefined },
    findVideo: async () => ({ expiresAt }),
    ...parts,
  });
}

/** The mean difference of two tiles, 0 to 255. */
function difference(a: Uint8ClampedArray, b: Uint8ClampedArray): number {
  return a.reduce((sum, value, i) => sum + Math.abs(value - (b[i] ?? 0)), 0) / a.length;
}

test.each([
  ['whose index comes first', makeClip],
  ['whose index comes last', makeClipWithIndexLast],
])('a clip %s becomes a grid of its own pictures', async (_what, make) => {
  await putClip('v1', await make());
  const ensured = sheets().ensure(videoOf('v1'));
  if (!isInstalled) return await expect(ensured).rejects.toMatchObject({ code: 'spritesheet_unavailable' });
  expect(await ensured).toBe(spriteSheetKeyOf('v1'));
  const jpeg = await readObject(store, spriteSheetKeyOf('v1'));
  // 16 pictures of 160x96: four by four, none larger than 320.
  const [tileWidth, tileHeight] = [320, (320 * CLIP_FACTS.height) / CLIP_FACTS.width];
  expect(readImageHeader(jpeg ?? Buffer.alloc(0))).toEqual({
    mediaType: 'image/jpeg',
    width: 4 * tileWidth,
    height: 4 * tileHeight,
  });
  const canvas = createCanvas(4 * tileWidth, 4 * tileHeight);
  const context = canvas.getContext('2d');
  context.drawImage(await loadImage(jpeg ?? Buffer.alloc(0)), 0, 0);
  const tiles = Array.from({ length: 16 }, (_, n) => {
    const [x, y] = [(n % 4) * tileWidth, Math.floor(n / 4) * tileHeight];
    return context.getImageData(x, y, tileWidth, tileHeight).data;
  });
  // Noise: every picture is another one.
  for (const [n, tile] of tiles.entries()) {
    for (const other of tiles.slice(n + 1)) expect(difference(tile, other)).toBeGreaterThan(5);
  }
});

test('a sheet is made once however many ask, and then kept', async () => {
  if (!isInstalled) return;
  await putClip('v1', await makeClip());
  const maker = sheets();
  await Promise.all(Array.from({ length: 20 }, () => maker.ensure(videoOf('v1'))));
  await maker.ensure(videoOf('v1'));
  await sheets().ensure(videoOf('v1'));
  expect(runs).toBe(1);
});

test('more than nine sheets at once are put off', async () => {
  if (!isInstalled) return;
  const ids = Array.from({ length: 12 }, (_, n) => `v${n}`);
  for (const id of ids) await putClip(id, await makeClip());
  const maker = sheets();
  const settled = await Promise.allSettled(ids.map((id) => maker.ensure(videoOf(id))));
  const refusals = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  expect(refusals).toHaveLength(3);
  for (const refusal of refusals) expect(refusal).toMatchObject({ kind: 'unavailable', retryAfterSeconds: 10 });
  // A request that was put off has taken no other's turn.
  await maker.ensure(videoOf('v11'));
  expect(runs).toBe(10);
});

test.each<[string, Partial<SpriteSheetParts>]>([
  ['without ffmpeg', { find: async () => null }],
  ['with one that fails', { find: async () => '/bin/false' }],
  ['with one that prints no picture', { find: async () => '/bin/echo' }],
  ['with one that is not there', { find: async () => '/nowhere/ffmpeg' }],
  ['with one that prints without end', { find: async () => '/usr/bin/yes' }],
  ['in too short a time', { timeoutMs: 1 }],
])('%s there is none, and that is said', async (_what, parts) => {
  await putClip('v1', await makeClip());
  const maker = sheets(parts);
  for (let tries = 0; tries < 2; tries += 1) {
    const error = await maker.ensure(videoOf('v1')).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Refusal);
    expect(error).toMatchObject({ httpStatus: 404, code: 'spritesheet_unavailable' });
  }
  expect(await store.sizeBytes(spriteSheetKeyOf('v1'))).toBeNull();
});

test('a sheet that a purge overtakes is not left behind', async () => {
  if (!isInstalled) return;
  await putClip('v1', await makeClip());
  const findVideo = async () => {
    // The purge had removed all that was there before the sheet was stored.
    return { expiresAt: new Date(Date.now() - 1) };
  };
  await expect(sheets({ findVideo }).ensure(videoOf('v1'))).rejects.toMatchObject({ kind: 'gone' });
  expect(await store.sizeBytes(spriteSheetKeyOf('v1'))).toBeNull();
});

test('a store that is away is no clip of which no sheet can be made', async () => {
  if (!isInstalled) return;
  await putClip('v1', await makeClip());
  const away = async () => {
    throw new StoreAway(new Error('slow down'));
  };
  const ensured = sheets({ store: { ...store, read: away } }).ensure(videoOf('v1'));
  await expect(ensured).rejects.toThrow(StoreAway);
});

test('media go all together', async () => {
  const { id, archive } = videoOf('v1');
  const posterKey = 'videos/v1/poster.jpg';
  for (const key of [archive.clipKey, posterKey, spriteSheetKeyOf(id)]) await putObject(store, key, Buffer.from('x'));
  await removeMedia(store, id);
  expect(await readdir(root)).toEqual(['.staging', 'videos']);
  expect(await readdir(join(root, 'videos'))).toEqual([]);
});
