/** How a create with a lost answer is found again: single rules, and reconciliations against a simulated upstream. */

import { array, assert, boolean, constantFrom, integer, option, property, record } from 'fast-check';
import {
  type AdoptionWindow,
  type Inspection,
  isCandidate,
  judge,
  type ListedTask,
  type LostCreate,
} from '../../src/domain/adoption.ts';
import type { VideoRequest } from '../../src/domain/video-request.ts';

const WINDOW: AdoptionWindow = { answeredMs: 5000, unansweredMs: 30_000 };
const SENT_AT_MS = 1_000_000;
const SEND_UNTIL_MS = SENT_AT_MS + 60_000;

const REQUEST: VideoRequest = {
  model: 'wan',
  mode: 'text',
  prompt: 'a lighthouse',
  durationSeconds: 8,
  aspectRatio: null,
  quality: null,
  images: [],
  extra: {},
};
const LOST: LostCreate = { upstreamModel: 'wan-2.6', request: REQUEST, sentAtMs: SENT_AT_MS };
const OWN: ListedTask = {
  taskId: 'own',
  createdAtMs: SENT_AT_MS,
  model: 'wan-2.6',
  prompt: 'a lighthouse',
  durationSeconds: 8,
};

describe('a candidate for adoption', () => {
  test.each<[string, Partial<ListedTask>, boolean]>([
    ['equal in all that is shown', {}, true],
    ['created in the second of the send', { createdAtMs: SENT_AT_MS - 999 }, true],
    [
      'shown without model, prompt and duration',
      { model: undefined, prompt: undefined, durationSeconds: undefined },
      true,
    ],
    ['older than the send', { createdAtMs: SENT_AT_MS - 1001 }, false],
    ['of another prompt', { prompt: 'a lighthouse ' }, false],
    ['of another model', { model: 'wan' }, false],
    ['of another duration', { durationSeconds: 5 }, false],
    ['without a readable time', { createdAtMs: Number.NaN }, false],
  ])('is told from others when %s', (_name, change, expected) => {
    expect(isCandidate({ ...OWN, ...change }, LOST)).toBe(expected);
  });
});

describe('one reading of the list', () => {
  const reading: Inspection = {
    candidates: [],
    answered: true,
    sendUntilMs: SEND_UNTIL_MS,
    firstEmptyListAtMs: null,
    nowMs: SENT_AT_MS + 2000,
  };

  test('with a single candidate adopts it', () => {
    expect(judge({ ...reading, candidates: [OWN] }, WINDOW)).toEqual({ kind: 'adopt', taskId: 'own' });
  });

  test('with two candidates concludes nothing', () => {
    const candidates = [OWN, { ...OWN, taskId: 'other' }];
    expect(judge({ ...reading, candidates }, WINDOW)).toEqual({ kind: 'ambiguous' });
  });

  test('that is empty asks for another one', () => {
    expect(judge(reading, WINDOW)).toEqual({ kind: 'look again', afterMs: 5000 });
    const unanswered = { ...reading, answered: false, nowMs: SEND_UNTIL_MS };
    expect(judge(unanswered, WINDOW)).toEqual({ kind: 'look again', afterMs: 30_000 });
  });

  test('while the create may be under way concludes nothing', () => {
    const unanswered = { ...reading, answered: false };
    expect(judge(unanswered, WINDOW)).toEqual({ kind: 'look again', afterMs: 5000 });
    expect(judge({ ...unanswered, nowMs: SEND_UNTIL_MS - 1 }, WINDOW)).toEqual({ kind: 'look again', afterMs: 1 });
  });

  test('too soon after the first asks for the rest', () => {
    const second = { ...reading, firstEmptyListAtMs: reading.nowMs - 2000 };
    expect(judge(second, WINDOW)).toEqual({ kind: 'look again', afterMs: 3000 });
    expect(judge({ ...second, nowMs: reading.nowMs + 3000 }, WINDOW)).toEqual({ kind: 'not created' });
  });
});

/** What really happened, and when the list comes to show it. */
interface World {
  readonly answered: boolean;
  /** Null: the create never reached the upstream. */
  readonly arrivedAfterMs: number | null;
  readonly listedAfterMs: number;
  /** Other unclaimed tasks of the account. */
  readonly others: readonly ListedTask[];
  /** How much later than asked the reconciler looks. */
  readonly delaysMs: readonly number[];
}

const otherTasks = record({
  taskId: constantFrom('other-1', 'other-2'),
  createdAtMs: integer({ min: SENT_AT_MS - 3_600_000, max: SENT_AT_MS + 60_000 }),
  model: option(constantFrom('wan-2.6', 'kling-1'), { nil: undefined }),
  prompt: option(constantFrom('a lighthouse', 'a harbour'), { nil: undefined }),
  durationSeconds: option(constantFrom(5, 8), { nil: undefined }),
});

const worlds = record({
  answered: boolean(),
  // A create that is not answered may arrive until its sender gives up.
  arrivedAfterMs: option(integer({ min: 0, max: 60_000 })),
  listedAfterMs: integer({ min: 0, max: 60_000 }),
  others: array(otherTasks, { maxLength: 3 }),
  delaysMs: array(integer({ min: 0, max: 120_000 }), { minLength: 1, maxLength: 5 }),
});

function listAt(world: World, nowMs: number): readonly ListedTask[] {
  const { arrivedAfterMs, listedAfterMs, others } = world;
  if (arrivedAfterMs === null || nowMs < SENT_AT_MS + arrivedAfterMs + listedAfterMs) return others;
  const createdAtMs = Math.floor((SENT_AT_MS + arrivedAfterMs) / 1000) * 1000;
  return [{ ...OWN, createdAtMs }, ...others];
}

/** Reads lists until there is a verdict, as the reconciler does. */
function reconcile(world: World) {
  const emptyListsAtMs: number[] = [];
  // An answered create was sent and heard; one that was not may be reconciled while it is still under way.
  let nowMs = SENT_AT_MS + (world.answered ? (world.arrivedAfterMs ?? 0) : 0);
  let firstEmptyListAtMs: number | null = null;
  for (let round = 0; round < 1000; round += 1) {
    const candidates = listAt(world, nowMs).filter((task) => isCandidate(task, LOST));
    const { answered } = world;
    const verdict = judge({ candidates, answered, sendUntilMs: SEND_UNTIL_MS, firstEmptyListAtMs, nowMs }, WINDOW);
    if (candidates.length === 0 && (answered || nowMs >= SEND_UNTIL_MS)) {
      emptyListsAtMs.push(nowMs);
      firstEmptyListAtMs ??= nowMs;
    }
    if (verdict.kind !== 'look again') return { verdict, candidates, emptyListsAtMs, nowMs };
    expect(verdict.afterMs).toBeGreaterThan(0);
    nowMs += verdict.afterMs + (world.delaysMs[round] ?? 0);
  }
  throw new Error('no verdict after 1000 lists');
}

describe('a reconciliation', () => {
  test('adopts only what agrees with the create', async () => {
    await assert(
      property(worlds, (world) => {
        const { verdict, candidates } = reconcile(world);
        if (verdict.kind !== 'adopt') return;
        const [adopted] = candidates;
        expect(candidates).toHaveLength(1);
        expect(adopted?.taskId).toBe(verdict.taskId);
        expect(adopted?.createdAtMs).toBeGreaterThanOrEqual(SENT_AT_MS - 1000);
        expect(['a lighthouse', undefined]).toContain(adopted?.prompt);
      }),
    );
  });

  test('denies a task only after two empty lists', async () => {
    await assert(
      property(worlds, (world) => {
        const { verdict, emptyListsAtMs, nowMs } = reconcile(world);
        if (verdict.kind !== 'not created') return;
        const [first = Number.NaN] = emptyListsAtMs;
        expect(emptyListsAtMs.length).toBeGreaterThanOrEqual(2);
        expect(nowMs - first).toBeGreaterThanOrEqual(world.answered ? WINDOW.answeredMs : WINDOW.unansweredMs);
        if (!world.answered) expect(first).toBeGreaterThanOrEqual(SEND_UNTIL_MS);
      }),
    );
  });

  test('never denies a task listed within its window', async () => {
    await assert(
      property(worlds, (world) => {
        const windowMs = world.answered ? WINDOW.answeredMs : WINDOW.unansweredMs;
        const listedAfterMs = Math.min(world.listedAfterMs, windowMs);
        const { verdict } = reconcile({ ...world, arrivedAfterMs: world.arrivedAfterMs ?? 0, listedAfterMs });
        expect(verdict.kind).not.toBe('not created');
      }),
    );
  });

  test('finds its task where nothing else is like it', async () => {
    await assert(
      property(worlds, (world) => {
        const others = world.others.map((task) => ({ ...task, prompt: 'a harbour' }));
        const arrivedAfterMs = world.arrivedAfterMs ?? 0;
        const { verdict } = reconcile({ ...world, others, arrivedAfterMs, listedAfterMs: 0 });
        expect(verdict).toEqual({ kind: 'adopt', taskId: 'own' });
      }),
    );
  });

  test('always comes to a verdict', async () => {
    await assert(property(worlds, (world) => expect(reconcile(world).verdict.kind).not.toBe('look again')));
  });
});
