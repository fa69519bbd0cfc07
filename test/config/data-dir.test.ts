/** Which folders can be the data directory, and what is said of the others. */

import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireDataDir } from '../../src/config/data-dir.ts';
import { problemOfFolder } from '../../src/config/folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'clipyard-data-dir-'));
const file = join(folder, 'file');
beforeAll(() => writeFileSync(file, ''));
afterAll(() => rmSync(folder, { recursive: true }));

test('a folder is made with all above it, and nothing stays in it', () => {
  const path = join(folder, 'a', 'b');
  expect([problemOfFolder(path), problemOfFolder(path)]).toEqual([null, null]);
  expect([statSync(path).isDirectory(), readdirSync(path)]).toEqual([true, []]);
});

test('the data directory is made for its owner alone, and one that is there keeps its rights', () => {
  const rightsOf = (path: string) => statSync(path).mode & 0o777;
  const above = join(folder, 'above');
  const path = join(above, 'data');
  requireDataDir(path);
  expect(rightsOf(path)).toBe(0o700);
  const before = rightsOf(above);
  requireDataDir(above);
  expect(rightsOf(above)).toBe(before);
});

test.each([
  ['a file', () => file, 'which is no folder'],
  ['a folder below a file', () => join(file, 'data'), 'where nothing can be written (ENOTDIR)'],
  // Node's own recursion goes on for ever there.
  ['a file system that makes no folders', () => '/proc/clipyard', 'where nothing can be written (ENOENT)'],
  ['a folder that takes no files', () => '/proc', 'where nothing can be written (ENOENT)'],
])('%s is refused in words', (_, path, problem) => {
  expect(() => requireDataDir(path())).toThrow(
    `CLIPYARD_DATA_DIR names ${path()}, ${problem}; for example CLIPYARD_DATA_DIR=.clipyard`,
  );
});

test('a link that leads nowhere is refused', () => {
  const link = join(folder, 'link');
  symlinkSync(join(folder, 'gone'), link);
  expect(problemOfFolder(link)).toBe(`names ${link}, where nothing can be written (ENOENT)`);
  expect(existsSync(join(folder, 'gone'))).toBe(false);
});
