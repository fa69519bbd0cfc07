/** The filesystem store: the contract, and the dangers of its own. */

import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { alignedBlocks } from '../../src/media/blocks.ts';
import { DirectWrites } from '../../src/media/direct-writes.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import type { MediaStore, StagedObject } from '../../src/media/media-store.ts';
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

test.each<[string, (store: MediaStore) => Promise<void>]>([
  ['another object is staged', async (store) => (await store.stage('other')).discard()],
  ['the store is checked', (store) => store.check()],
])('parts that were not touched for hours are removed when %s', async (_what, visit) => {
  await stageAbandoned('forgotten');
  writeFileSync(join(root, '.staging', 'check-of-a-process-that-died'), '');
  const longAgo = new Date(Date.now() - 7 * 60 * 60 * 1000);
  for (const name of parts()) utimesSync(join(root, '.staging', name), longAgo, longAgo);
  await stageAbandoned('in use');
  await visit(createFileStore(root));
  expect(parts()).toHaveLength(1);
  expect(readFileSync(partPath(), 'utf8')).toBe('in use');
});

describe('on a full disk', () => {
  /** A part of this key that takes no byte. */
  async function stageFull(key: string): Promise<StagedObject> {
    const name = `${createHash('sha256').update(key).digest('hex').slice(0, 32)}-${'0'.repeat(16)}`;
    const store = createFileStore(root);
    // The device is older than what is swept away here, so that has to be over.
    await store.check();
    symlinkSync('/dev/full', join(root, '.staging', `${name}.part`));
    return await store.stage(key, { name });
  }

  test.each([
    ['many blocks', 12_000_000],
    ['less than a block', 1000],
  ])('a part that failed after %s is removed at once', async (_what, sizeBytes) => {
    const staged = await stageFull('v/clip.mp4');
    const write = async () => {
      for (let at = 0; at < sizeBytes; at += 500_000) await staged.write(Buffer.alloc(Math.min(500_000, sizeBytes)));
      await staged.commit();
    };
    await expect(write()).rejects.toMatchObject({ code: 'ENOSPC' });
    await staged.suspend();
    expect(parts()).toEqual([]);
  });

  test('a part whose last bytes have no room is not kept for later', async () => {
    const staged = await stageFull('v/clip.mp4');
    await staged.write(Buffer.alloc(1000));
    await staged.suspend();
    expect(parts()).toEqual([]);
  });

  test('the check fails and leaves no file behind', async () => {
    // A disk as small as this one is not to be had by everyone.
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'clipyard-test', root]).status !== 0) return;
    try {
      const store = createFileStore(root);
      await store.check();
      expect(() => writeFileSync(join(root, 'filler'), Buffer.alloc(1_000_000))).toThrow('ENOSPC');
      await expect(store.check()).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(parts()).toEqual([]);
    } finally {
      spawnSync('umount', [root]);
    }
  });
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

describe('a clip larger than what is kept in the page cache', () => {
  const MEBIBYTE = 1024 * 1024;
  const pattern = randomBytes(3 * MEBIBYTE + 17);
  /** 70 MiB and a little, no piece of it like the one before. */
  const bytes = Buffer.alloc(70 * MEBIBYTE + 4321, pattern);
  const digest = createHash('sha256').update(bytes).digest('hex');

  async function writeFrom(staged: StagedObject, endBytes: number): Promise<void> {
    const step = 300_007;
    while (staged.sizeBytes < endBytes) {
      const at = staged.sizeBytes;
      await staged.write(bytes.subarray(at, Math.min(at + step, endBytes)));
    }
  }

  test.each([
    ['in one go', []],
    ['broken off before that', [10 * MEBIBYTE + 1]],
    ['broken off beyond it, between two blocks', [66 * MEBIBYTE]],
    ['broken off beyond it, in the middle of a block', [65 * MEBIBYTE + 12_345, 68 * MEBIBYTE + 4096]],
  ])('is stored whole, %s', async (_name, breaksBytes) => {
    const store = createFileStore(root);
    let staged = await store.stage('v/clip.mp4');
    for (const breakBytes of breaksBytes) {
      await writeFrom(staged, breakBytes);
      const checkpoint = await staged.checkpoint();
      await staged.suspend();
      staged = await createFileStore(root).stage('v/clip.mp4', checkpoint);
      expect(staged.sizeBytes).toBe(breakBytes);
    }
    await writeFrom(staged, bytes.length);
    expect(await staged.commit()).toEqual({ sha256: digest, sizeBytes: bytes.length });
    const stored = await readObject(store, 'v/clip.mp4');
    expect(stored?.equals(bytes)).toBe(true);
  });

  test('is stored whole while checkpoints are taken', async () => {
    const store = createFileStore(root);
    const staged = await store.stage('v/clip.mp4');
    for (let sizeBytes = 5_000_001; sizeBytes < bytes.length; sizeBytes += 5_000_001) {
      await writeFrom(staged, sizeBytes);
      expect(await staged.checkpoint()).toMatchObject({ sizeBytes });
    }
    await writeFrom(staged, bytes.length);
    await staged.commit();
    expect((await readObject(store, 'v/clip.mp4'))?.equals(bytes)).toBe(true);
  });
});

test('what cannot be written past the page cache is left to be written as usual', async () => {
  const path = join(root, 'file');
  writeFileSync(path, '');
  const direct = new DirectWrites(path);
  const [block = Buffer.alloc(0)] = alignedBlocks(1, 8192);
  expect(await direct.write(block.fill('a'), 4096)).toBe(true);
  expect(await direct.write(block, 100)).toBe(false);
  expect(await direct.write(block.subarray(0, 100), 0)).toBe(false);
  // Its own alignment is refused by the system, and nothing is tried after that.
  expect(await direct.write(block.subarray(1, 4097), 0)).toBe(false);
  expect(await direct.write(block, 0)).toBe(false);
  await direct.close();
  expect(readFileSync(path).subarray(4096).equals(block)).toBe(true);
});

test('the check fails where nothing can be written', async () => {
  const file = join(root, 'file');
  writeFileSync(file, '');
  await expect(createFileStore(file).check()).rejects.toThrow();
});
