/** Paid once: a create interrupted wherever it can be, recorded upstream or not, is one task in the end. */

import fc from 'fast-check';
import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { accounts } from '../../src/catalog/tables/accounts.ts';
import { pools } from '../../src/catalog/tables/queue.ts';
import type { NextStep } from '../../src/domain/step.ts';
import { airforce } from '../../src/providers/airforce.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { randomRuns, SOAK_TIMEOUT_MS } from '../random-runs.ts';
import { Attempts, type Fault } from './attempts.ts';
import { accept, insertCaller, offerModel, Scene } from './scene.ts';
import { ANSWERED_5XX, type CreatePlan, LOST } from './upstream.ts';

/** Late, and within what a verdict waits for: 5 seconds after an answer, 30 seconds after the last moment to send. */
const LATE_AFTER_ANSWER = { afterMs: 4000 };
const LATE_WITHOUT_ANSWER = { afterMs: 25_000 };

/** Until Temporal gives an attempt up that does not heartbeat. */
const GIVEN_UP_MS = 10_000;

const PLANS: Readonly<Record<string, CreatePlan>> = {
  'goes well': { records: 'at once', answer: 'started' },
  'is recorded, answer lost': { records: 'at once', answer: LOST },
  'is recorded, answered 500': { records: 'at once', answer: ANSWERED_5XX },
  'is recorded late, answer lost': { records: LATE_WITHOUT_ANSWER, answer: LOST },
  'is recorded late, answered 500': { records: LATE_AFTER_ANSWER, answer: ANSWERED_5XX },
  'is not recorded, answer lost': { records: 'never', answer: LOST },
  'is not recorded, answered 500': { records: 'never', answer: ANSWERED_5XX },
};

const PROVIDERS = {
  'with a list': { honoursIdempotencyKey: false, listWindow: airforce.facts.listWindow },
  'with keys': { honoursIdempotencyKey: true, listWindow: null },
} as const;

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
  await database.close();
});

interface Trial {
  readonly provider: keyof typeof PROVIDERS;
  readonly plan: string;
  /** What happens to the first attempt, the second and so on. */
  readonly faults: readonly (Fault | undefined)[];
}

/** The scene of one trial: an account, a pool and a model of its own, so that none meets what another left. */
async function furnish({ provider, plan }: Trial): Promise<{ scene: Scene; id: string }> {
  const id = `trial-${++count}`;
  const scene = new Scene(database.db, { ...PROVIDERS[provider], accounts: [{ id, pool: id }] });
  await database.db.insert(pools).values({ id });
  // Its list has shown tasks of ours: what it does not show was not made.
  const listProvenAt = new Date();
  const rows = scene.accounts.map((account) => ({ ...account, configured: true, listProvenAt }));
  await database.db.insert(accounts).values(rows);
  await offerModel(database.db, id, [id]);
  await accept(database.db, id, { model: id });
  const first = PLANS[plan];
  if (first) scene.upstream.plan(id, first);
  return { scene, id };
}

/** As the workflow does: an interrupted attempt is tried again, a doubt is waited for. */
async function bringToTask(
  { scene, faults: given }: { readonly scene: Scene; readonly faults: Trial['faults'] },
  attempts: Attempts,
  id: string,
): Promise<NextStep> {
  const faults = [...given];
  let step = await scene.requestSlot(id);
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

/** What is true of a video in the end, for all that happened. */
async function play(trial: Trial): Promise<object> {
  const { scene, id } = await furnish(trial);
  const attempts = new Attempts(scene);
  try {
    const step = await bringToTask({ scene, faults: trial.faults }, attempts, id);
    await attempts.resume();
    const { state, taskId } = await scene.video(id);
    const [task] = scene.upstream.tasks;
    const running = (await scene.submissionsOf(id)).filter((row) => row.state === 'running');
    return {
      step: step.step,
      state,
      tasks: scene.upstream.tasks.length,
      isOurs: task !== undefined && taskId === task.taskId && running[0]?.taskId === task.taskId,
      running: running.length,
      orphans: scene.logged.length,
    };
  } finally {
    await attempts.clear();
  }
}

const PAID_ONCE = { step: 'watch', state: 'generating', tasks: 1, isOurs: true, running: 1, orphans: 0 };

const KINDS: readonly Fault['kind'][] = ['killed', 'held up'];
const WHENS: readonly Fault['when'][] = ['before', 'after'];

/** Every point of the first attempt and of the second. */
function listFaults(): readonly (readonly (Fault | undefined)[])[] {
  const points = [0, 1, 2, 3, 4];
  const single = KINDS.flatMap((kind) => WHENS.flatMap((when) => points.map((at): Fault => ({ kind, when, at }))));
  return [[], ...single.map((fault) => [fault]), ...single.map((fault) => [undefined, fault])];
}

/** Those that did not end as they should. */
async function playAll(trials: readonly Trial[]): Promise<readonly object[]> {
  const wrong: object[] = [];
  for (const trial of trials) {
    const end = await play(trial).catch((error: unknown) => ({ error: String(error) }));
    if (JSON.stringify(end) !== JSON.stringify(PAID_ONCE)) wrong.push({ trial, end });
  }
  return wrong;
}

const CASES = (Object.keys(PROVIDERS) as (keyof typeof PROVIDERS)[]).flatMap((provider) =>
  Object.keys(PLANS).map((plan) => [provider, plan] as const),
);

describe('a create', () => {
  test.each(CASES)('at a provider %s that %s is one task wherever it is interrupted', async (provider, plan) => {
    expect(await playAll(listFaults().map((faults) => ({ provider, plan, faults })))).toEqual([]);
  });

  const fault = fc.record({
    kind: fc.constantFrom(...KINDS),
    when: fc.constantFrom(...WHENS),
    at: fc.nat({ max: 5 }),
  });
  const trial: fc.Arbitrary<Trial> = fc.record({
    provider: fc.constantFrom<keyof typeof PROVIDERS>('with a list', 'with keys'),
    plan: fc.constantFrom(...Object.keys(PLANS)),
    faults: fc.array(fc.option(fault, { nil: undefined, freq: 4 }), { minLength: 2, maxLength: 6 }),
  });

  test(
    'is one task however often it is interrupted',
    async () => {
      const trials = fc.sample(trial, randomRuns(12));
      expect(await playAll(trials)).toEqual([]);
    },
    SOAK_TIMEOUT_MS,
  );
});
