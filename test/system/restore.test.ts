/** Catalog or Temporal put back to an older copy of itself: every video that was accepted ends, and is paid once. */

import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SandboxClient } from '../sandbox/sandbox-client.ts';
import {
  type ClipyardProcess,
  compile,
  createVideos,
  readSettled,
  startClipyard,
  untilPrinted,
  untilVideos,
} from './clipyard-process.ts';
import { type ClipyardUp, prepareClipyardUp } from './clipyard-up.ts';

/** What belongs to each of the two truths in a data directory. */
const CATALOG = /^catalog$/;
const TEMPORAL = /^temporal\.db/;

let sandbox: ClipyardProcess | null = null;
let clipyard: ClipyardUp | null = null;

beforeAll(() => compile(), 300_000);

afterEach(async () => {
  await clipyard?.close();
  await sandbox?.killTree();
});

/** The first of many: the others run or wait then, as far as the machine lets the moment be seen. */
const isCompleted = ({ state }: Record<string, unknown>) => state === 'completed';

/** One account with four slots at a sandbox of its own, whose bill outlives every restart. */
async function furnish() {
  sandbox = startClipyard(['sandbox', '--port', '0', '--speed', '1'], {});
  const sandboxUrl = await untilPrinted(sandbox, /^sandbox +(\S+)$/m);
  const timing = { firstPollMs: 500, minPollMs: 500 };
  const account = { id: 'one', provider: 'airforce', baseUrl: sandboxUrl, timing, maxConcurrentTasks: 4 };
  const up = await prepareClipyardUp({ accounts: [account] });
  clipyard = up;
  const { dataDir } = up;
  const copied = join(up.folder, 'copy');
  let running: ClipyardProcess | null = null;
  return {
    ask: up.ask,
    readiness: async () => (await (await fetch(`${up.url}/readyz`)).json()) as { readonly notice?: string },
    bill: () => new SandboxClient(sandboxUrl).bill(),
    async start() {
      running = await up.start();
      // Printed when the workers are up: by then the two have been compared.
      await untilPrinted(running, /^temporal +(\S+)$/m);
    },
    /** Kills everything but the sandbox: what lies in the data directory then is of one moment. */
    async kill() {
      await running?.killTree();
    },
    async copy(which: RegExp) {
      for (const name of await readdir(dataDir)) {
        if (which.test(name)) await cp(join(dataDir, name), join(copied, name), { recursive: true });
      }
    },
    /** As an operator does it after a copy was put back. */
    restore: () => up.run('restore'),
    async putBack(which: RegExp) {
      for (const name of await readdir(dataDir)) {
        if (which.test(name)) await rm(join(dataDir, name), { recursive: true });
      }
      await cp(copied, dataDir, { recursive: true });
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

/** Resolves when `/readyz` says so. */
async function untilNoticed({ readiness }: Furnished, words: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const { notice = '' } = await readiness();
    if (notice.includes(words)) return;
    await sleep(100);
  }
  throw new Error(`/readyz does not say ${words}`);
}

/** Resolves when the gateway knows the videos again: each is entered by its run, perhaps once what a kill interrupted has run out of time. */
async function untilKnown({ ask }: Furnished, ids: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 3000; tries++) {
    const { items } = (await ask('/clipyard/v1/videos?limit=100')) as { items: { id: string }[] };
    const known = new Set(items.map(({ id }) => id));
    if (ids.every((id) => known.has(id))) return;
    await sleep(100);
  }
  throw new Error('the catalog does not learn of what it has lost');
}

/** Six videos of which some are done, some run and some wait, and a copy of that moment. */
async function beginAndCopy({ start, kill, copy, ask }: Furnished, which: RegExp): Promise<readonly string[]> {
  await start();
  const early = await createVideos(ask, 6, 'early');
  await untilVideos(ask, early, (all) => all.some(isCompleted));
  await kill();
  await copy(which);
  await start();
  return early;
}

test('a catalog older than Temporal learns from it what it has lost', async () => {
  const all = await furnish();
  const { ask, kill, putBack, restore, start } = all;
  const early = await beginAndCopy(all, CATALOG);
  const late = await createVideos(ask, 10, 'late');
  await untilVideos(ask, late, (some) => some.some(isCompleted));
  await kill();
  await putBack(CATALOG);
  await start();
  // Nothing is granted, and what there is to do is said.
  await untilNoticed(all, 'clipyard restore');
  await kill();
  await restore();
  await start();
  await untilKnown(all, late);
  await untilVideos(ask, [...early, ...late], (some) => some.every(isCompleted));
  await isPaidOnceEach(all, [...early, ...late]);
}, 600_000);

test('a Temporal older than the catalog runs again what it has lost', async () => {
  const all = await furnish();
  const { ask, kill, putBack, restore, start } = all;
  const early = await beginAndCopy(all, TEMPORAL);
  const late = await createVideos(ask, 10, 'late');
  await untilVideos(ask, late, (some) => some.some(isCompleted));
  await kill();
  await putBack(TEMPORAL);
  await restore();
  await start();
  await untilVideos(ask, [...early, ...late], (some) => some.every(isCompleted));
  await isPaidOnceEach(all, [...early, ...late]);
}, 600_000);
