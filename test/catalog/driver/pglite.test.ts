/** The embedded catalog's folder: what is said where its disk has no room, and who may enter it. */

import files, { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDataDir } from '../../../src/catalog/driver/lock.ts';
import { openPglite } from '../../../src/catalog/driver/pglite.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'clipyard-pglite-'));
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(dataDir, { recursive: true, force: true });
});

const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });

function leave(mib: number): void {
  const room: Awaited<ReturnType<typeof files.statfs>> = {
    ...{ type: 0, blocks: 0, bfree: 0, files: 0, ffree: 0 },
    ...{ bsize: 1024 * 1024, bavail: mib },
  };
  jest.spyOn(files, 'statfs').mockImplementation(async () => room);
}

const refuseLock = () => jest.spyOn(files, 'link').mockRejectedValueOnce(full);

test('a start for which too little is left says how much, and where', async () => {
  leave(3);
  refuseLock();
  await expect(openPglite(dataDir)).rejects.toMatchObject({
    message: `the disk of ${dataDir} has 3 MiB left, too little for the catalog: make room there`,
    cause: full,
  });
  expect(await readdir(dataDir)).toEqual([]);
});

test('what has failed beside plenty of room stays as it is, and so does a folder that is in use', async () => {
  leave(10_000);
  refuseLock();
  await expect(openPglite(dataDir)).rejects.toBe(full);
  leave(3);
  const lock = await lockDataDir(dataDir);
  await expect(openPglite(dataDir)).rejects.toThrow('is in use by process');
  await lock.release();
});

test('the folder is closed to other users, also one that an earlier version left open', async () => {
  const folder = join(dataDir, 'catalog');
  const rights = async () => (await stat(folder)).mode & 0o777;
  await (await openPglite(dataDir)).close();
  expect(await rights()).toBe(0o700);
  await chmod(folder, 0o755);
  await (await openPglite(dataDir)).close();
  expect(await rights()).toBe(0o700);
});
