/** The filesystem store: the contract, and the dangers of its own. */

import { appendFileSync, mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileStore } from '../../src/storage/file-store.ts';
import { describeMediaStore, putObject, readObject } from './media-store-contract.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-store-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describeMediaStore('the filesystem', () => ({ open: () => createFileStore(root) }));

const parts = () => readdirSync(join(root, '.staging'));
const partPath = () => join(root, '.staging', parts()[0] ?? 'none');

async function stageAbandoned(bytes: string) {
  const staged = await createFileStore(root).stage('v/clip.mp4');
  await staged.write(Buffer.from(bytes));
  const checkpoint = await staged.checkpoint();
  await staged.suspend();
  return checkpoint;
}

test('bytes written after the checkpoint are kept', async () => {
  const checkpoint = await stageAbandoned('first ');
  appendFileSync(partPath(), 'second ');
  const staged = await createFileStore(root).stage('v/clip.mp4', checkpoint);
  expect(staged.sizeBytes).toBe('first second '.length);
  await staged.write(Buffer.from('third'));
  await staged.commit();
  expect((await readObject(createFileStore(root), 'v/clip.mp4'))?.toString()).toBe('first second third');
});

test('a part shorter than its checkpoint goes on from there', async () => {
  const checkpoint = await stageAbandoned('first second');
  truncateSync(partPath(), 6);
  const staged = await createFileStore(root).stage('v/clip.mp4', checkpoint);
  expect(staged.sizeBytes).toBe(6);
  await staged.discard();
});

test('a checkpoint of another key is not taken', async () => {
  const checkpoint = await stageAbandoned('of v');
  const staged = await createFileStore(root).stage('w/clip.mp4', checkpoint);
  expect(staged.sizeBytes).toBe(0);
  await staged.discard();
});

test('commit and discard leave no part behind', async () => {
  const store = createFileStore(root);
  await putObject(store, 'v/clip.mp4', Buffer.from('x'));
  await (await store.stage('v/clip.mp4')).discard();
  expect(parts()).toEqual([]);
});

test('parts that nobody touched for days are removed', async () => {
  await stageAbandoned('forgotten');
  const longAgo = new Date(Date.now() - 3 * 24 * 60 * 60 * 1000);
  utimesSync(partPath(), longAgo, longAgo);
  const staged = await createFileStore(root).stage('other');
  await staged.discard();
  expect(parts()).toEqual([]);
});

test('a directory under a key is no object', async () => {
  const store = createFileStore(root);
  await putObject(store, 'v/clip.mp4', Buffer.from('x'));
  expect(await store.read('v')).toBeNull();
  expect(await store.sizeBytes('v')).toBeNull();
});

test('removing the last object removes its directory', async () => {
  const store = createFileStore(root);
  await putObject(store, 'v/clip.mp4', Buffer.from('x'));
  await putObject(store, 'v/poster.jpg', Buffer.from('y'));
  await store.remove('v/clip.mp4');
  expect((await readObject(store, 'v/poster.jpg'))?.toString()).toBe('y');
  await store.remove('v/poster.jpg');
  expect(readdirSync(root)).toEqual(['.staging']);
});

test('the check fails where nothing can be written', async () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  await expect(createFileStore(file).check()).rejects.toThrow();
});
