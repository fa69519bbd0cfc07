/** The data directory's lock: one living process holds it, and a dead one keeps no other out. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import files, { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDataDir } from '../../../src/catalog/driver/lock.ts';

describe('the lock of a data directory', () => {
  let dataDir = '';

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'clipyard-lock-'));
  });
  afterEach(async () => {
    await rm(dataDir, { recursive: true, force: true });
  });

  test('names directory and process that hold it', async () => {
    const lock = await lockDataDir(dataDir);
    await expect(lockDataDir(dataDir)).rejects.toThrow(`${dataDir} is in use by process ${process.pid};`);
    await lock.release();
    const next = await lockDataDir(dataDir);
    await next.release();
  });

  test('makes the directory when it is not there', async () => {
    const lock = await lockDataDir(join(dataDir, 'a', 'b'));
    expect(await readdir(join(dataDir, 'a', 'b'))).toEqual(['catalog.lock-1']);
    await lock.release();
  });

  test('leaves nothing behind where the disk is full', async () => {
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    jest.spyOn(files, 'writeFile').mockImplementationOnce(async (path) => {
      writeFileSync(String(path), '');
      throw full;
    });
    await expect(lockDataDir(dataDir)).rejects.toBe(full);
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('is taken over from a process that is gone', async () => {
    const child = spawn('true');
    await once(child, 'close');
    await writeFile(join(dataDir, 'catalog.lock-7'), `${child.pid}\n\n`);
    const lock = await lockDataDir(dataDir);
    expect(await readdir(dataDir)).toEqual(['catalog.lock-8']);
    await lock.release();
  });

  test('is taken over where another process got the same id', async () => {
    await writeFile(join(dataDir, 'catalog.lock-1'), `${process.pid}\nan earlier boot 42\n`);
    const lock = await lockDataDir(dataDir);
    await lock.release();
  });

  test.each(['', 'not a process', '0\n\n', '-1\n\n'])('is taken over from a file that holds %p', async (content) => {
    await writeFile(join(dataDir, 'catalog.lock-1'), content);
    const lock = await lockDataDir(dataDir);
    await lock.release();
  });

  test('goes to one of many that start at once', async () => {
    await writeFile(join(dataDir, 'catalog.lock-3'), '999999999\n\n');
    for (let round = 0; round < 20; round++) {
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(dataDir)));
      const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      expect(winners).toHaveLength(1);
      await winners[0]?.release();
    }
    expect(await readdir(dataDir)).toEqual(['catalog.lock-23']);
  });
});
