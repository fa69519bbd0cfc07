/** Catalog or Temporal put back to an older copy of itself: every video that was accepted ends, and is paid once. */

import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  askAs,
  type ClipyardProcess,
  compile,
  createVideos,
  freePort,
  ROOT_KEY,
  readBill,
  readSettled,
  startClipyard,
  untilPrinted,
  untilReady,
  untilVideos,
} from './clipyard-process.ts';

/** What belongs to each of the two truths in a data directory. */
const CATALOG = /^catalog$/;
const TEMPORAL = /^temporal\.db/;

let dir: string;
let sandbox: ClipyardProcess | null = null;
let clipyard: ClipyardProcess | null = null;

beforeAll(() => compile(), 300_000);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'clipyard-restore-'));
});

afterEach(async () => {
  await clipyard?.killTree();
  await sandbox?.killTree();
  await rm(dir, { recursive: true, force: true });
});

const hasState = (...states: readonly string[]) => {
  return ({ state }: Record<string, unknown>) => states.includes(String(state));
};
const isCompleted = hasState('completed');

/** One account with four slots at a sandbox of its own, whose bill outlives every restart. */
async function furnish() {
  const [sandboxPort, port] = await Promise.all([freePort(), freePort()]);
  const sandboxUrl = `http://127.0.0.1:${sandboxPort}`;
  sandbox = startClipyard(['sandbox', '--port', String(sandboxPort), '--speed', '1'], {});
  await untilReady(`${sandboxUrl}/_sandbox/health`, sandbox);
  const timing = { firstPollMs: 500, minPollMs: 500 };
  const account = { id: 'one', provider: 'airforce', baseUrl: sandboxUrl, apiKeyEnv: 'ONE_KEY', timing };
  const config = join(dir, 'clipyard.yaml');
  await writeFile(config, JSON.stringify({ accounts: [{ ...account, maxConcurrentTasks: 4 }] }));
  const dataDir = join(dir, 'data');
  const baseUrl = `http://127.0.0.1:${port}`;
  const settings = {
    CLIPYARD_CONFIG: config,
    CLIPYARD_DATA_DIR: dataDir,
    CLIPYARD_PORT: String(port),
    CLIPYARD_LOG_LEVEL: 'warn',
    ONE_KEY: 'sk-air-restore',
  };
  return {
    ask: askAs(ROOT_KEY, baseUrl),
    bill: () => readBill(sandboxUrl),
    async start() {
      clipyard = startClipyard(['up'], settings);
      await untilReady(`${baseUrl}/readyz`, clipyard);
      // Printed when the workers are up: by then the two have been compared.
      await untilPrinted(clipyard, /^temporal +(\S+)$/m);
    },
    /** Kills everything but the sandbox: what lies in the data directory then is of one moment. */
    async kill() {
      await clipyard?.killTree();
    },
    async copy(which: RegExp) {
      for (const name of await readdir(dataDir)) {
        if (which.test(name)) await cp(join(dataDir, name), join(dir, 'copy', name), { recursive: true });
      }
    },
    async putBack(which: RegExp) {
      for (const name of await readdir(dataDir)) {
        if (which.test(name)) await rm(join(dataDir, name), { recursive: true });
      }
      await cp(join(dir, 'copy'), dataDir, { recursive: true });
    },
  };
}

type Furnished = Awaited<ReturnType<typeof furnish>>;

async function isPaidOnceEach({ ask, bill }: Furnished, ids: readonly string[]): Promise<void> {
  const { tasks, peakConcurrent } = await bill();
  expect(tasks).toHaveLength(ids.length);
  expect(Math.max(...Object.values(peakConcurrent))).toBeLessThanOrEqual(4);
  expect(await readSettled(ask)).toBe(tasks.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0));
  const { items } = (await ask('/clipyard/v1/ledger?limit=200')) as { items: { kind: string; videoId: string }[] };
  for (const kind of ['hold', 'release', 'settle']) {
    const own = items.filter((entry) => entry.kind === kind).map(({ videoId }) => videoId);
    expect(own.toSorted()).toEqual(ids.toSorted());
  }
}

/** Six videos of which some are done, some run and some wait, and a copy of that moment. */
async function beginAndCopy({ start, kill, copy, ask }: Furnished, which: RegExp): Promise<readonly string[]> {
  await start();
  const early = await createVideos(ask, 6, 'early');
  await untilVideos(ask, early, (all) => all.some(isCompleted) && !all.every(isCompleted));
  await kill();
  await copy(which);
  await start();
  return early;
}

test('a catalog older than Temporal learns from it what it has lost', async () => {
  const all = await furnish();
  const { ask, kill, putBack, start } = all;
  const early = await beginAndCopy(all, CATALOG);
  const late = await createVideos(ask, 10, 'late');
  await untilVideos(ask, late, (some) => some.some(isCompleted) && some.some(hasState('queued')));
  await kill();
  await putBack(CATALOG);
  await start();
  await untilVideos(ask, [...early, ...late], (some) => some.every(isCompleted));
  await isPaidOnceEach(all, [...early, ...late]);
}, 300_000);

test('a Temporal older than the catalog runs again what it has lost', async () => {
  const all = await furnish();
  const { ask, kill, putBack, start } = all;
  const early = await beginAndCopy(all, TEMPORAL);
  const late = await createVideos(ask, 10, 'late');
  await untilVideos(ask, late, (some) => some.some(isCompleted) && some.some(hasState('queued')));
  await kill();
  await putBack(TEMPORAL);
  await start();
  await untilVideos(ask, [...early, ...late], (some) => some.every(isCompleted));
  await isPaidOnceEach(all, [...early, ...late]);
}, 300_000);
