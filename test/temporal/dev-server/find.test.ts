/** The order in which the Temporal dev server is looked for, with the slow steps replaced. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FetchOrder, SearchSteps } from '../../../src/temporal/dev-server/find.ts';
import { cachedServerPath, findServer } from '../../../src/temporal/dev-server/find.ts';
import { silentLog } from '../silent-log.ts';

const cacheDir = mkdtempSync(join(tmpdir(), 'clipyard-cache-'));
afterAll(() => rmSync(cacheDir, { recursive: true }));
const cached = cachedServerPath(cacheDir);

/** A machine on which these programs run, and these steps succeed by making the cached one run. */
function machine(runnable: readonly string[], succeeding: readonly ('download' | 'build')[] = []) {
  const programs = new Set(runnable);
  const asked: string[] = [];
  const step =
    (name: 'download' | 'build') =>
    async ({ target }: FetchOrder) => {
      asked.push(name);
      if (!succeeding.includes(name)) throw new Error(`${name} is out of reach`);
      programs.add(target);
    };
  const steps: SearchSteps = {
    runs: async (program) => programs.has(program),
    download: step('download'),
    build: step('build'),
  };
  return {
    steps,
    asked,
    find: (cliPath: string | null) => findServer({ cliPath, cacheDir, packageRoot: '.', log: silentLog() }, steps),
  };
}

describe('finding the Temporal dev server', () => {
  test('a named program wins over everything else', async () => {
    await expect(machine(['/opt/temporal', 'temporal', cached]).find('/opt/temporal')).resolves.toBe('/opt/temporal');
  });

  test('a named program that does not run stops', async () => {
    await expect(machine(['temporal']).find('/opt/temporal')).rejects.toThrow(
      /TEMPORAL_CLI_PATH names \/opt\/temporal/,
    );
  });

  test('the program on PATH wins over the cache', async () => {
    await expect(machine(['temporal', cached]).find(null)).resolves.toBe('temporal');
  });

  test('the cache is used before anything is fetched', async () => {
    const { find, asked } = machine([cached], ['download', 'build']);
    await expect(find(null)).resolves.toBe(cached);
    expect(asked).toEqual([]);
  });

  test('the download fills the cache without a build', async () => {
    const { find, asked } = machine([], ['download', 'build']);
    await expect(find(null)).resolves.toBe(cached);
    expect(asked).toEqual(['download']);
  });

  test('a build follows a download out of reach', async () => {
    const { find, asked } = machine([], ['build']);
    await expect(find(null)).resolves.toBe(cached);
    expect(asked).toEqual(['download', 'build']);
  });

  test('without any way the error says what to install', async () => {
    await expect(machine([]).find(null)).rejects.toThrow(
      /download is out of reach.*build is out of reach.*docs\.temporal\.io\/cli.*Go 1\.26.*TEMPORAL_ADDRESS/,
    );
  });
});
