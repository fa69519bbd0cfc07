/** Starting what was accepted: a bad video keeps no other from being started, and only silence means Temporal is away. */

import { eq } from 'drizzle-orm';
import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { ledger } from '../../src/catalog/tables/callers.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { changeVideo, findVideo } from '../../src/catalog/videos.ts';
import { Starter } from '../../src/gateway/starter.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { emptyCatalog } from '../catalog/with-catalog.ts';
import { fakeWorkflows } from '../fake-workflows.ts';
import { accept, insertCaller } from '../model/scene.ts';
import { silentLog } from '../temporal/silent-log.ts';

/** An error as the client throws it: its own, with what gRPC reported as the cause. */
function temporalError(code: number, details: string): Error {
  return new Error('Failed to start Workflow', { cause: Object.assign(new Error(details), { code, details }) });
}

const INVALID = temporalError(3, 'input exceeds size limit');
const UNAVAILABLE = temporalError(14, 'connection refused');
const EXHAUSTED = temporalError(8, 'namespace rate limit');

let database: CatalogDatabase;
let starter: Starter | null = null;

beforeAll(async () => {
  database = await openMemoryCatalog();
});
beforeEach(async () => {
  await emptyCatalog(database);
  await insertCaller(database.db, 'caller_1');
});
afterEach(async () => {
  await starter?.close();
});
afterAll(async () => {
  await database.close();
});

/** Starts fail as told; each that is let through opens its video, and this resolves when all of `ids` are. */
function startersOf(fails: (id: string, tries: number) => Error | null) {
  const tries: string[] = [];
  const opened = new Set<string>();
  let wake = () => {};
  starter = new Starter({
    db: database.db,
    log: silentLog(),
    workflows: fakeWorkflows({
      start: async ({ id }) => {
        tries.push(id);
        const error = fails(id, tries.filter((one) => one === id).length);
        if (error) throw error;
        await changeVideo(database.db, id, { openedAt: new Date() });
        opened.add(id);
        wake();
      },
    }),
  });
  const untilOpened = (ids: readonly string[]) =>
    new Promise<void>((resolve) => {
      wake = () => ids.every((id) => opened.has(id)) && resolve();
      wake();
    });
  return { starter, tries, untilOpened };
}

test('catching up ends a video whose start is refused as invalid and starts the others', async () => {
  await accept(database.db, 'v1');
  await accept(database.db, 'v2');
  const { untilOpened, tries } = startersOf((id) => (id === 'v1' ? INVALID : null));
  await untilOpened(['v2']);
  expect(tries).toEqual(['v1', 'v2']);
  expect(await findVideo(database.db, 'v1')).toMatchObject({
    state: 'failed',
    settledMicroUsd: 0,
    failure: { kind: 'start_refused', message: 'Temporal refused to start the video: input exceeds size limit' },
  });
  const entries = await database.db.select().from(ledger).where(eq(ledger.videoId, 'v1'));
  expect(entries.map(({ kind }) => kind).toSorted()).toEqual(['hold', 'release']);
});

test('catching up goes on past a video that fails, and comes back to it', async () => {
  await accept(database.db, 'v1');
  await accept(database.db, 'v2');
  const { untilOpened, tries } = startersOf((id, n) => (id === 'v1' && n === 1 ? EXHAUSTED : null));
  await untilOpened(['v1', 'v2']);
  expect(tries).toEqual(['v1', 'v2', 'v1']);
});

test('catching up starts all that were accepted while Temporal was away, however many', async () => {
  const template = await accept(database.db, 'v0');
  const ids = Array.from({ length: 1100 }, (_, index) => `w${index}`);
  const { model } = template.request;
  const rest = { ...template, model, queueDeadlineAt: template.expiresAt };
  await database.db.insert(videos).values(ids.map((id) => ({ ...rest, id })));
  const { untilOpened, tries } = startersOf(() => null);
  await untilOpened(['v0', ...ids]);
  expect(tries).toHaveLength(1101);
});

test('catching up stops at the first video while Temporal is away', async () => {
  await accept(database.db, 'v1');
  await accept(database.db, 'v2');
  const { untilOpened, tries } = startersOf((id, n) => (id === 'v1' && n === 1 ? UNAVAILABLE : null));
  await untilOpened(['v1', 'v2']);
  expect(tries).toEqual(['v1', 'v1', 'v2']);
});

test.each([
  ['another error of one video', EXHAUSTED, ['v1', 'v2']],
  ['Temporal being away', UNAVAILABLE, ['v1']],
])('after %s the next create is started as that says', async (_name, error, firstTries) => {
  const { starter: own, tries, untilOpened } = startersOf((id, n) => (id === 'v1' && n === 1 ? error : null));
  for (const id of ['v1', 'v2']) {
    own.start(await accept(database.db, id));
    await own.settled(id);
  }
  expect(tries).toEqual(firstTries);
  await untilOpened(['v1', 'v2']);
});

test('a create whose start is refused as invalid ends at once', async () => {
  const { starter: own } = startersOf(() => INVALID);
  own.start(await accept(database.db, 'v1'));
  await own.settled('v1');
  expect(await findVideo(database.db, 'v1')).toMatchObject({ state: 'failed', failure: { kind: 'start_refused' } });
});
