/** Ten servers of tasks, each in all that can happen: how a clip ends, what was sent, what is kept, and what is paid. */

import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eq, inArray } from 'drizzle-orm';
import { acceptVideo, queueDeadline } from '../../src/catalog/acceptance.ts';
import { costs } from '../../src/catalog/costs.ts';
import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { accounts } from '../../src/catalog/tables/accounts.ts';
import { ledger } from '../../src/catalog/tables/callers.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { findVideo } from '../../src/catalog/videos.ts';
import { readDescription, shippedFile } from '../../src/config/descriptions.ts';
import type { AccountConfig } from '../../src/domain/account.ts';
import type { ModelConfig } from '../../src/domain/models.ts';
import { OPEN_SUBMISSION_STATES } from '../../src/domain/submission.ts';
import type { ImageReference } from '../../src/domain/video-request.ts';
import { cancelVideo } from '../../src/gateway/wishes.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import { closeUpstreamConnections } from '../../src/net/trusted/request-json.ts';
import { closeLentConnections } from '../../src/net/untrusted/lent-answer.ts';
import { describedBy } from '../../src/providers/described/described.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { makeRequest } from '../builders.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { makeClip } from '../fixtures/make-clip.ts';
import { ESTIMATE, insertCaller } from '../model/scene.ts';
import { VirtualTime } from '../model/virtual-time.ts';
import { World } from '../model/world.ts';
import { SERVERS, type ServerShape } from './shapes.ts';
import { IMAGE, IMAGE_LINK, type Plan, type StandIn, StandIns } from './stand-ins.ts';

jest.mock(
  '@temporalio/workflow',
  () => jest.requireActual<typeof import('../model/workflow-runtime.ts')>('../model/workflow-runtime.ts').workflowApi,
);

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

interface Scenario extends Plan {
  readonly name: string;
  readonly hasImage?: true;
  readonly isCancelled?: true;
  readonly isFor?: (server: ServerShape) => boolean;
}

const hasTwoPlaces = ({ links, contentPath }: ServerShape) => links && contentPath !== null;

const SCENARIOS: readonly Scenario[] = [
  { name: 'text' },
  { name: 'image', hasImage: true },
  { name: 'failure', fails: true },
  { name: 'odd end', saysOddWord: true },
  { name: 'answer cut', lost: 'cut' },
  { name: 'answer 502', lost: 502 },
  { name: 'cancel', isCancelled: true },
  // Where a server has but one place for its clips, they all lie there.
  { name: 'content by link', at: 'link', isFor: hasTwoPlaces },
  { name: 'content by route', at: 'route', isFor: hasTwoPlaces },
];

interface Row {
  readonly id: string;
  readonly server: ServerShape;
  readonly scenario: Scenario;
}

const ROWS: readonly Row[] = SERVERS.flatMap((server) =>
  SCENARIOS.filter(({ isFor }) => isFor?.(server) ?? true).map((scenario) => ({ server, scenario })),
).map((row, index) => ({ ...row, id: `row-${String(index).padStart(3, '0')}` }));

/** Two polls of each task: while it runs, and when it is over. */
const TIMING = { firstPollMs: 40_000, minPollMs: 40_000, maxPollMs: 60_000 };

/** What came of a row's clip, and of another one that was asked for beside it. */
type Outcome = Awaited<ReturnType<Play['outcomeOf']>>;

const STORED: ImageReference = { kind: 'stored', sha256: 'a'.repeat(64), mediaType: IMAGE.mediaType, sizeBytes: 1 };
const SHIPPED = [...new Set(SERVERS.flatMap(({ api }) => api ?? []))];

function accountOf({ id, server }: Row, { baseUrl }: StandIn): AccountConfig {
  return {
    ...{ id, pool: id, baseUrl, apiKey: `sk-${id}-key`, maxConcurrentTasks: 2, maxRequestsPerSecond: 1000 },
    ...(server.api === null ? { provider: 'openai' } : { provider: 'described', api: server.api }),
    ...{ list: true, shared: false, onLostAnswer: 'fail', lostAnswerHoldMs: 0, trustedHosts: [], timing: TIMING },
  };
}

function modelOf({ id }: Row): ModelConfig {
  return {
    ...{ id, accounts: [id], upstreamModel: 'wan-2.2', pricePerSecondMicroUsd: ESTIMATE / 8, durationsSeconds: null },
    ...{ minDurationSeconds: 1, maxDurationSeconds: 12, modes: ['text', 'image'] },
    ...{ aspectRatios: ['16:9'], qualities: ['720p'] },
  };
}

/** All rows at once: each has an account, a server and a model of its own, so none waits for another. */
class Play {
  readonly world: World;
  readonly servers: ReadonlyMap<string, StandIn>;
  readonly #sha256: string;

  constructor(
    { db }: CatalogDatabase,
    { time, standIns, clip, folder }: { time: VirtualTime; standIns: StandIns; clip: Buffer; folder: string },
  ) {
    this.#sha256 = createHash('sha256').update(clip).digest('hex');
    this.servers = new Map(ROWS.map(({ id, server, scenario }) => [id, standIns.add(id, server, scenario)]));
    const configured = ROWS.map((row) => accountOf(row, this.serverOf(row.id)));
    const descriptions = Object.fromEntries(SHIPPED.map((name) => [name, readDescription(shippedFile(name))]));
    this.world = new World({
      ...{ db, time, store: createFileStore(folder), accounts: configured, models: ROWS.map(modelOf) },
      ...{ server: { onHold: () => undefined }, skewsMs: [0], mostEvents: 10_000 },
      providers: { ...PROVIDERS_BY_NAME, described: describedBy(configured, descriptions) },
      dependencies: { loadImage: async () => IMAGE, linkImage: () => IMAGE_LINK },
    });
  }

  serverOf(id: string): StandIn {
    const server = this.servers.get(id);
    if (!server) throw new Error(`no server for ${id}`);
    return server;
  }

  async run(): Promise<void> {
    const { world } = this;
    const { db, time } = world;
    await insertCaller(db, 'caller_1', { maxRunningVideos: 10_000 });
    await world.configure();
    for (const row of ROWS) {
      await this.#accept(`${row.id}-first`, row);
      // What follows a lost answer keeps no other clip waiting.
      if (row.scenario.lost) world.later(30_000, () => this.#accept(`${row.id}-second`, row));
      if (row.scenario.isCancelled) world.later(25_000, () => this.#cancel(`${row.id}-first`));
    }
    world.sweepEvery(() => 5 * MINUTE_MS);
    const open = () =>
      db
        .select({ id: submissions.id })
        .from(submissions)
        .where(inArray(submissions.state, [...OPEN_SUBMISSION_STATES]));
    const beginsMs = time.nowMs;
    await world.run(beginsMs + 6 * 60 * MINUTE_MS, {
      pick: () => 0,
      onQuiet: async () => {
        const isRunning = [...world.runtime.runs.values()].some(({ standing }) => standing === 'running');
        return time.nowMs < beginsMs + MINUTE_MS || isRunning || (await open()).length > 0;
      },
    });
  }

  async #accept(id: string, { id: model, scenario: { hasImage } }: Row): Promise<void> {
    const createdAt = new Date();
    const expiresAt = new Date(createdAt.getTime() + DAY_MS);
    const { video } = await acceptVideo(this.world.db, {
      ...{ id, callerId: 'caller_1', dialect: 'airforce', estimateMicroUsd: ESTIMATE, createdAt, expiresAt },
      request: makeRequest({ prompt: id, model, ...(hasImage && { mode: 'image', images: [STORED] }) }),
      queueDeadlineAt: queueDeadline(createdAt, expiresAt, null),
      ...{ endBeforeAt: null, priority: 0, batchId: null, limits: null, idempotency: null },
    });
    await this.world.dependencies.workflows.start(video);
  }

  async #cancel(id: string): Promise<void> {
    const { db, dependencies } = this.world;
    const starter = { settled: async () => undefined, catchUpLater: () => undefined };
    await cancelVideo({ db, workflows: dependencies.workflows, starter, log: { warn: () => undefined } }, id);
  }

  async outcomeOf({ id }: Row) {
    const { db } = this.world;
    const server = this.serverOf(id);
    const video = await findVideo(db, `${id}-first`);
    const second = await findVideo(db, `${id}-second`);
    const entries = await db
      .select()
      .from(ledger)
      .where(eq(ledger.videoId, `${id}-first`))
      .orderBy(ledger.at);
    const [account] = await db.select().from(accounts).where(eq(accounts.id, id));
    const sums = (await costs(db, { callerId: null, groupBy: ['account'] })).filter((sum) => sum.account === id);
    const total = (key: 'settledMicroUsd' | 'lostMicroUsd') => sums.reduce((sum, one) => sum + one[key], 0);
    return {
      state: video?.state,
      failure: video?.failure && { kind: video.failure.kind, upstream: video.failure.upstream },
      creates: server.creates.filter((prompt) => prompt === `${id}-first`).length,
      tasks: server.tasks.filter(({ prompt }) => prompt === `${id}-first`).length,
      images: server.images,
      stopped: server.stopped.length,
      isArchivedWhole: video?.archive ? video.archive.sha256 === this.#sha256 : null,
      ledger: entries.map(({ kind, amountMicroUsd }) => [kind, amountMicroUsd]),
      settledMicroUsd: video?.settledMicroUsd,
      lostMicroUsd: total('lostMicroUsd'),
      isBillMet: total('settledMicroUsd') + total('lostMicroUsd') === server.bill(ESTIMATE),
      second: second && {
        state: second.state,
        creates: server.creates.filter((prompt) => prompt === second.id).length,
      },
      isAccountWell: account?.suspendedAt === null && account.pausedUntil === null,
    };
  }
}

let outcomes: ReadonlyMap<string, Outcome>;
let defects: readonly string[];

beforeAll(async () => {
  const database = await openMemoryCatalog();
  const time = new VirtualTime(Math.ceil(Date.now() / DAY_MS) * DAY_MS);
  const clip = await makeClip();
  const standIns = await StandIns.start(clip, () => time.nowMs);
  const folder = await mkdtemp(join(tmpdir(), 'clipyard-servers-'));
  const uninstall = time.install(database.db);
  try {
    const play = new Play(database, { time, standIns, clip, folder });
    await play.run();
    const read = ROWS.map(async (row) => [row.id, await play.outcomeOf(row)] as const);
    outcomes = new Map(await Promise.all(read));
    defects = [...play.world.defects, ...play.world.runtime.defects];
  } finally {
    uninstall();
    await closeLentConnections();
    await closeUpstreamConnections();
    await standIns.close();
    await database.close();
    await rm(folder, { recursive: true, force: true });
  }
}, 400_000);

/** What is to come of a row. */
function expected({ server, scenario }: Row) {
  const costMicroUsd = server.costMicroUsd ?? ESTIMATE;
  const isLost = scenario.lost !== undefined && !server.lists;
  const isStopped = scenario.isCancelled && server.stop !== null;
  const isPaid = !scenario.fails && !isLost && !isStopped;
  const state = scenario.isCancelled ? 'cancelled' : scenario.fails || isLost ? 'failed' : 'completed';
  const failed = { kind: 'upstream_failed', upstream: server.failure };
  const lost = { kind: 'answer_lost', upstream: expect.anything() };
  const cancelled = { kind: 'cancelled', upstream: null };
  return {
    state,
    failure: state === 'completed' ? null : scenario.isCancelled ? cancelled : isLost ? lost : failed,
    ...{ creates: 1, tasks: 1 },
    images: scenario.hasImage ? [server.imageBy] : [],
    stopped: isStopped ? 1 : 0,
    isArchivedWhole: state === 'completed' ? true : null,
    // The estimate is given back whole, and what it cost is charged.
    ledger: [['hold', -ESTIMATE], ['release', ESTIMATE], ...(isPaid ? [['settle', -costMicroUsd]] : [])],
    settledMicroUsd: isPaid ? costMicroUsd : 0,
    // Nothing tells whether it was made: it is booked as if it was, at its estimate.
    lostMicroUsd: isLost ? ESTIMATE : 0,
    isBillMet: !isLost || costMicroUsd === ESTIMATE,
    second: scenario.lost ? { state: 'completed', creates: 1 } : null,
    isAccountWell: true,
  };
}

test.each(ROWS.map((row) => [row.server.name, row.scenario.name, row] as const))(
  '%s: %s',
  (_server, _scenario, row) => {
    expect(outcomes.get(row.id)).toEqual(expected(row));
  },
);

test('nothing fails on the way that may not', () => {
  expect(defects).toEqual([]);
});
