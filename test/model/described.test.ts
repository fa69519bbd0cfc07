/** Paid once at every described API: a create whose answer is lost, or whose worker is killed, is never a second task. */

import { acceptVideo } from '../../src/catalog/acceptance.ts';
import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { accounts } from '../../src/catalog/tables/accounts.ts';
import { pools } from '../../src/catalog/tables/queue.ts';
import { readDescription, shippedDescriptions, shippedFile } from '../../src/config/descriptions.ts';
import type { NextStep } from '../../src/domain/step.ts';
import { closeUpstreamConnections } from '../../src/net/trusted/request-json.ts';
import { describedProvider } from '../../src/providers/described/described.ts';
import type { Description } from '../../src/wire/description.ts';
import { abilitiesOf } from '../../src/wire/description-abilities.ts';
import { makeRequest } from '../builders.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { type CreateFate, DescribedUpstream } from '../described-upstream.ts';
import { EXAMPLE } from '../documented-example.ts';
import { Attempts, type Fault } from './attempts.ts';
import { ESTIMATE, insertCaller, offerModel, Scene } from './scene.ts';

const GIVEN_UP_MS = 10_000;

/** The example, were a create with a known key the same create there. */
const WITH_KEY: Description = {
  ...EXAMPLE,
  name: 'kinora with a key',
  list: null,
  create: { ...EXAMPLE.create, idempotencyHeader: 'X-Same' },
};

const DESCRIPTIONS: readonly Description[] = [
  ...shippedDescriptions().map((name) => readDescription(shippedFile(name))),
  EXAMPLE,
  WITH_KEY,
];

/** At an attempt's exchange with the upstream, and before its answer is written down. */
const KILLED: readonly Fault[] = [{ kind: 'killed', when: 'after', at: 1 }];
const HELD_UP: readonly Fault[] = [{ kind: 'held up', when: 'before', at: 2 }];

interface Case {
  readonly fate: CreateFate;
  readonly faults: readonly Fault[];
  /** Also where nothing can tell what became of a create, and doubts end alike. */
  readonly isForAll?: true;
}

const CASES: Readonly<Record<string, Case>> = {
  'goes well': { fate: { records: 'at once', answer: 'started' }, faults: [], isForAll: true },
  'goes well, its worker killed': { fate: { records: 'at once', answer: 'started' }, faults: KILLED, isForAll: true },
  'goes well, its worker held up': { fate: { records: 'at once', answer: 'started' }, faults: HELD_UP },
  'is recorded, the answer cut': { fate: { records: 'at once', answer: 'cut' }, faults: [], isForAll: true },
  'is recorded, the answer cut and the worker killed': { fate: { records: 'at once', answer: 'cut' }, faults: KILLED },
  'is recorded, answered 502': { fate: { records: 'at once', answer: 502 }, faults: [], isForAll: true },
  'is recorded late, answered 500': { fate: { records: { afterMs: 4000 }, answer: 500 }, faults: [] },
  'is not recorded, answered 500': { fate: { records: 'never', answer: 500 }, faults: [] },
};

let database: CatalogDatabase;
let count = 0;
/** Time passes only here: the embedded catalog's clock is the process's. */
let passedMs = 0;

beforeAll(async () => {
  database = await openMemoryCatalog();
  await insertCaller(database.db, 'caller_1');
});
beforeEach(() => {
  const now = Date.now.bind(Date);
  jest.spyOn(Date, 'now').mockImplementation(() => now() + passedMs);
});
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(async () => {
  await closeUpstreamConnections();
  await database.close();
});

interface Trial {
  readonly description: Description;
  readonly fate: CreateFate;
  readonly faults: readonly Fault[];
}

/** An account of its own at an upstream of its own, with one video. */
async function furnish({ description, fate }: Trial, upstream: DescribedUpstream) {
  const id = `described-${++count}`;
  const provider = describedProvider(description);
  const { honoursIdempotencyKey, listWindow } = provider.facts;
  const scene = new Scene(database.db, {
    honoursIdempotencyKey,
    listWindow,
    accounts: [{ id, pool: id, baseUrl: upstream.origin }],
  });
  Object.assign(scene.upstream.provider, { ...provider, name: 'airforce', list: provider.list });
  await database.db.insert(pools).values({ id });
  const rows = scene.accounts.map((account) => ({ ...account, configured: true, listProvenAt: new Date(Date.now()) }));
  await database.db.insert(accounts).values(rows);
  await offerModel(database.db, id, [id]);
  const createdAt = new Date();
  const expiresAt = new Date(createdAt.getTime() + 86_400_000);
  const frame = { aspectRatio: description.name === 'minimax' ? null : '16:9', quality: null, durationSeconds: 5 };
  await acceptVideo(database.db, {
    ...{ id, callerId: 'caller_1', dialect: 'airforce', estimateMicroUsd: ESTIMATE, createdAt, expiresAt },
    request: makeRequest({ prompt: id, model: id, ...frame }),
    ...{ queueDeadlineAt: expiresAt, priority: 0, batchId: null, limits: null, idempotency: null },
  });
  upstream.plan(id, fate);
  return { scene, id };
}

/** As the workflow does: an interrupted attempt is tried again, a doubt is waited for. */
async function bringToEnd(scene: Scene, attempts: Attempts, { id, faults }: { id: string; faults: Fault[] }) {
  let step: NextStep = await scene.requestSlot(id);
  for (let tries = 0; step.step === 'slot' || step.step === 'submit' || step.step === 'confirm'; tries++) {
    if (tries > 60) throw new Error('the create never comes to an end');
    if (step.step !== 'submit') passedMs += step.lookAgainMs ?? 0;
    if (step.step === 'slot') {
      step = await scene.requestSlot(id);
      continue;
    }
    const outcome = await attempts.run({ videoId: id, submissionId: step.submissionId }, faults.shift());
    if (outcome.kind === 'done') step = outcome.next;
    else passedMs += GIVEN_UP_MS;
  }
  return step;
}

async function play(trial: Trial): Promise<object> {
  const upstream = await new DescribedUpstream(trial.description).listen();
  const { scene, id } = await furnish(trial, upstream);
  const attempts = new Attempts(scene);
  try {
    const step = await bringToEnd(scene, attempts, { id, faults: [...trial.faults] });
    await attempts.resume();
    const { state, taskId, failure } = await scene.video(id);
    const tasks = upstream.tasksOf(id);
    const isOurs = tasks[0] !== undefined && (taskId ?? '').endsWith(tasks[0].id);
    return {
      step: step.step,
      state,
      tasks: tasks.length,
      isOurs,
      failure: failure?.kind ?? null,
      refused: upstream.refused,
    };
  } finally {
    await attempts.clear();
    await upstream.close();
  }
}

const WATCHED = { step: 'watch', state: 'generating', tasks: 1, isOurs: true, failure: null, refused: [] };

/** Whether a trial came to what the description's way with lost answers promises. */
function isPaidOnce({ description, fate, faults }: Trial, end: object): boolean {
  const isWatched = JSON.stringify(end) === JSON.stringify(WATCHED);
  if (abilitiesOf(description).lostAnswer !== 'onLostAnswer') return isWatched;
  const { tasks, failure } = end as { tasks: number; failure: string | null };
  // Nothing can tell: one task at the most, and an end that says so.
  const isLost = fate.answer !== 'started' || faults.length > 0;
  return isWatched || (isLost && tasks <= 1 && failure === 'answer_lost');
}

test.each(DESCRIPTIONS.map((description) => [description.name, description] as const))(
  'a create at %s is one task however its answer is lost and its worker killed, or none that is not told of',
  async (_name, description) => {
    const wrong: object[] = [];
    const canTell = abilitiesOf(description).lostAnswer !== 'onLostAnswer';
    for (const [name, one] of Object.entries(CASES).filter(([, { isForAll }]) => canTell || isForAll)) {
      const trial = { description, ...one };
      const end = await play(trial).catch((error: unknown) => ({ error: String(error) }));
      if (!isPaidOnce(trial, end)) wrong.push({ name, end });
    }
    expect(wrong).toEqual([]);
  },
);
