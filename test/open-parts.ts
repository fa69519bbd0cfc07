/** The parts that a process stands on, opened for a test: settings of their own, a catalog in memory, a folder that goes. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, loadConfig } from '../src/config/settings.ts';
import { type Log, openLog } from '../src/observe/log.ts';
import { Closers } from '../src/process/closers.ts';
import { openParts, type PartOverrides, type Parts } from '../src/process/parts.ts';
import type { ProcessContext } from '../src/process/run.ts';
import { openMemoryCatalog } from './catalog/memory-catalog.ts';
import { silentLog } from './temporal/silent-log.ts';

export const ROOT_KEY = 'cy_root_key_of_the_tests';

export interface TestPartsOptions extends PartOverrides {
  readonly config?: Partial<Config>;
  readonly log?: Log;
}

export interface TestParts {
  readonly parts: Parts;
  readonly context: ProcessContext;
  /** Closes everything that was opened with the context, and removes the folder. */
  close(): Promise<void>;
}

/** The account of `makeAccount`, as an operator configures it; all else is left at its default. */
async function configIn(folder: string): Promise<Config> {
  const account = { id: 'airforce-1', provider: 'airforce', baseUrl: 'https://api.example', apiKeyEnv: 'AIRFORCE_KEY' };
  const file = join(folder, 'clipyard.yaml');
  await writeFile(file, JSON.stringify({ accounts: [account] }));
  return loadConfig({
    CLIPYARD_CONFIG: file,
    CLIPYARD_DATA_DIR: join(folder, 'data'),
    CLIPYARD_ROOT_KEY: ROOT_KEY,
    CLIPYARD_SIGNING_KEY: 'signing-key-of-the-tests',
    AIRFORCE_KEY: 'sk-air-tests',
  });
}

/** Opens them; what is not handed in is as in production. */
export async function openTestParts(options: TestPartsOptions = {}): Promise<TestParts> {
  const { config = {}, log = silentLog(), database = await openMemoryCatalog(), ...overrides } = options;
  const folder = await mkdtemp(join(tmpdir(), 'clipyard-test-'));
  // What cannot be closed is told on standard error, and not in the test's own log.
  const closers = new Closers(openLog('error'));
  closers.add('folder', () => rm(folder, { recursive: true, force: true }));
  const context = { log, closers, stop: new AbortController().signal };
  const parts = await openParts({ ...(await configIn(folder)), ...config }, context, { ...overrides, database });
  return { parts, context, close: () => closers.closeAll() };
}
