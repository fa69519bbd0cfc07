/** Poster frames: made by the ffmpeg on PATH, and missed without harm. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFfmpeg } from '../../src/archive/ffmpeg.ts';
import { NotAVideo } from '../../src/archive/mp4-boxes.ts';
import { createPosterMaker } from '../../src/archive/poster.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import { makeClipWithIndexLast, spoil } from '../fixtures/make-clip.ts';
import { putObject, readObject } from '../media/media-store-contract.ts';

const keys = { clipKey: 'v/clip.mp4', posterKey: 'v/poster.jpg' };
let root: string;
let warnings: string[];
const log = { warn: (_fields: object, message: string) => void warnings.push(message) };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-poster-'));
  warnings = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('the poster is a JPEG where ffmpeg is installed', async () => {
  const store = createFileStore(root);
  await putObject(store, keys.clipKey, await makeClipWithIndexLast());
  const posterKey = await createPosterMaker(log)(store, keys);
  const isInstalled = (await findFfmpeg()) !== null;
  expect(posterKey).toBe(isInstalled ? keys.posterKey : null);
  const jpeg = await readObject(store, keys.posterKey);
  expect(jpeg?.subarray(0, 3).toString('hex')).toBe(isInstalled ? 'ffd8ff' : undefined);
});

test('a clip whose pictures cannot be decoded is refused where ffmpeg is installed', async () => {
  const store = createFileStore(root);
  const noise = (sizeBytes: number) => randomBytes(sizeBytes);
  await putObject(store, keys.clipKey, spoil(await makeClipWithIndexLast(), { from: 0, to: 1 }, noise));
  const making = createPosterMaker(log)(store, keys);
  if ((await findFfmpeg()) === null) return expect(await making).toBeNull();
  await expect(making).rejects.toThrow(NotAVideo);
  await expect(making).rejects.toThrow('only 0 of its first 16 pictures can be decoded');
  expect(await store.sizeBytes(keys.posterKey)).toBeNull();
});

test('without ffmpeg there is one warning and no poster', async () => {
  const store = createFileStore(root);
  await putObject(store, keys.clipKey, await makeClipWithIndexLast());
  const makePoster = createPosterMaker(log, async () => null);
  expect(await makePoster(store, keys)).toBeNull();
  expect(await makePoster(store, keys)).toBeNull();
  expect(warnings).toEqual([expect.stringContaining('no ffmpeg on PATH')]);
});

test.each([
  ['a program that fails', '/bin/false'],
  ['a program that prints no JPEG', '/bin/echo'],
  ['a program that is not there', '/nowhere/ffmpeg'],
  ['a program that prints without end', '/usr/bin/yes'],
])('%s in ffmpeg’s place costs the poster only', async (_what, program) => {
  const store = createFileStore(root);
  await putObject(store, keys.clipKey, await makeClipWithIndexLast());
  expect(await createPosterMaker(log, async () => program)(store, keys)).toBeNull();
  expect(warnings).toEqual(['no poster frame could be made']);
  expect(await store.sizeBytes(keys.posterKey)).toBeNull();
});
