/** Over any upstream: every video ends, nothing is paid twice or kept for ever, and others go on. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import { closeUpstreamConnections } from '../../src/net/trusted/request-json.ts';
import { closeLentConnections } from '../../src/net/untrusted/lent-answer.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { emptyCatalog } from '../catalog/with-catalog.ts';
import { makeClip } from '../fixtures/make-clip.ts';
import { randomRuns, SOAK_TIMEOUT_MS } from '../random-runs.ts';
import { HostilePlay, type Scenario } from './hostile-play.ts';
import { HostileServer } from './hostile-upstream.ts';
import { Obligations } from './obligations.ts';
import { NAMED, scenario } from './scenarios.ts';
import { VirtualTime } from './virtual-time.ts';

jest.mock(
  '@temporalio/workflow',
  () => jest.requireActual<typeof import('./workflow-runtime.ts')>('./workflow-runtime.ts').workflowApi,
);

const DAY_MS = 86_400_000;

let database: CatalogDatabase;
let server: HostileServer;
let folder: string;
let time: VirtualTime;
let uninstall: () => void;
let count = 0;

beforeAll(async () => {
  database = await openMemoryCatalog();
  const clip = await makeClip();
  folder = await mkdtemp(join(tmpdir(), 'clipyard-any-upstream-'));
  time = new VirtualTime(Math.ceil(Date.now() / DAY_MS) * DAY_MS);
  server = await HostileServer.start(clip, () => time.nowMs);
  uninstall = time.install(database.db);
});

afterAll(async () => {
  uninstall();
  await closeLentConnections();
  await closeUpstreamConnections();
  await server.close();
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

async function play(scenario: Scenario): Promise<void> {
  await emptyCatalog(database);
  time.reset(Math.ceil((time.nowMs + 1) / DAY_MS) * DAY_MS);
  const name = `s${++count}`;
  const store = createFileStore(join(folder, name));
  const one = new HostilePlay(scenario, { db: database.db, time, server, store, name });
  await new Obligations(one).playToTheEnd();
}

describe('over any upstream every video ends, nothing is paid twice or kept for ever, and others go on', () => {
  test.each(Object.entries(NAMED))('where %s', async (_name, one) => {
    await play(one);
  });

  test(
    'in any scenario',
    async () => {
      await fc.assert(fc.asyncProperty(scenario, play), { ...randomRuns(5), endOnFailure: true });
    },
    SOAK_TIMEOUT_MS,
  );
});
