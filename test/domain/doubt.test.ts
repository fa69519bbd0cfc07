/** The judge of lost answers: single verdicts, and doubts lived through against upstreams that may do anything. */

import { array, assert, boolean, constantFrom, integer, option, property, record } from 'fast-check';
import { type ListedTask, sight } from '../../src/domain/adoption.ts';
import {
  type AdoptionWindow,
  askAgainAfterMs,
  type Doubt,
  type Evidence,
  judge,
  UNREADABLE_LIST_MS,
  type Verdict,
} from '../../src/domain/doubt.ts';

const WINDOW: AdoptionWindow = { answeredMs: 5000, unansweredMs: 30_000 };
const SENT_AT_MS = 1_000_000;
const SEND_UNTIL_MS = SENT_AT_MS + 60_000;
const DAY_MS = 86_400_000;
const OWN: ListedTask = { taskId: 'own', createdAtMs: SENT_AT_MS, prompt: 'a lighthouse' };

const DOUBT: Doubt = {
  nowMs: SENT_AT_MS + 2000,
  sentAtMs: SENT_AT_MS,
  sendUntilMs: SEND_UNTIL_MS,
  isSending: false,
  answered: true,
  lostCreates: 1,
  isOver: false,
  expiresAtMs: SENT_AT_MS + DAY_MS,
};

type ListEvidence = Extract<Evidence, { kind: 'list' }>;
const EMPTY: ListEvidence = {
  kind: 'list',
  candidates: [],
  strangers: [],
  isProven: true,
  firstEmptyListAtMs: null,
  window: WINDOW,
};
/** The second list, the window after the first one. */
const ABSENT: ListEvidence = { ...EMPTY, firstEmptyListAtMs: DOUBT.nowMs - WINDOW.answeredMs };

const wait = (afterMs: number, reason: Extract<Verdict, { kind: 'wait' }>['reason']): Verdict => {
  return { kind: 'wait', afterMs, reason };
};

describe('a list', () => {
  test('with one candidate shows the task, also while the create may be under way', () => {
    expect(judge(DOUBT, { ...EMPTY, candidates: [OWN] })).toEqual({ kind: 'adopt', taskId: 'own' });
    const sending = { ...DOUBT, isSending: true, answered: false };
    expect(judge(sending, { ...EMPTY, candidates: [OWN] })).toEqual({ kind: 'adopt', taskId: 'own' });
  });

  test('with two candidates ends the clip', () => {
    const candidates = [OWN, { ...OWN, taskId: 'other' }];
    expect(judge(DOUBT, { ...EMPTY, candidates })).toEqual({ kind: 'give up', reason: 'ambiguous', isCertain: false });
  });

  test('without a candidate is read again, after the window of the provider', () => {
    expect(judge(DOUBT, EMPTY)).toEqual(wait(5000, 'not listed'));
    const unanswered = { ...DOUBT, answered: false, nowMs: SEND_UNTIL_MS };
    expect(judge(unanswered, EMPTY)).toEqual(wait(30_000, 'not listed'));
    expect(judge(DOUBT, { ...EMPTY, firstEmptyListAtMs: DOUBT.nowMs - 2000 })).toEqual(wait(3000, 'not listed'));
  });

  test('proves nothing while an unanswered create may be under way', () => {
    const unanswered = { ...DOUBT, answered: false };
    expect(judge(unanswered, EMPTY)).toEqual(wait(5000, 'not listed'));
    expect(judge({ ...unanswered, nowMs: SEND_UNTIL_MS - 1 }, EMPTY)).toEqual(wait(1, 'not listed'));
  });

  test('with a younger task that cannot be told ends the clip', () => {
    const strangers = [{ ...OWN, taskId: 'stranger', prompt: 'a harbour' }];
    expect(judge(DOUBT, { ...ABSENT, strangers })).toMatchObject({ kind: 'give up', reason: 'ambiguous' });
    expect(judge(DOUBT, { ...EMPTY, strangers })).toEqual(wait(5000, 'not listed'));
  });

  test('that has shown a task of ours lets the create be sent again up to four times, ever later', () => {
    const waits = [5_000, 30_000, 120_000, 600_000];
    for (const [index, resendAfterMs] of waits.entries()) {
      const verdict = judge({ ...DOUBT, lostCreates: index + 1 }, ABSENT);
      expect(verdict).toEqual({ kind: 'not made', resendAfterMs, isCertain: true });
    }
    expect(judge({ ...DOUBT, lostCreates: 5 }, ABSENT)).toEqual({
      kind: 'give up',
      reason: 'lost again',
      isCertain: true,
    });
  });

  test('that never has is believed once', () => {
    const unproven = { ...ABSENT, isProven: false };
    expect(judge(DOUBT, unproven)).toEqual({ kind: 'not made', resendAfterMs: 5000, isCertain: false });
    expect(judge({ ...DOUBT, lostCreates: 2 }, unproven)).toEqual({
      kind: 'give up',
      reason: 'lost again',
      isCertain: false,
    });
  });

  test('that cannot be read is tried ever more slowly, for two minutes', () => {
    const unreadable = (agoMs: number): Evidence => ({ kind: 'unreadable list', sinceMs: DOUBT.nowMs - agoMs });
    expect(judge(DOUBT, unreadable(0))).toEqual(wait(5000, 'list unreadable'));
    expect(judge(DOUBT, unreadable(20_000))).toEqual(wait(20_000, 'list unreadable'));
    expect(judge(DOUBT, unreadable(60_000))).toEqual(wait(30_000, 'list unreadable'));
    expect(judge(DOUBT, unreadable(UNREADABLE_LIST_MS - 100))).toEqual(wait(100, 'list unreadable'));
  });
});

describe('a key', () => {
  test('is asked with again, ever more slowly, for half a day', () => {
    expect(judge(DOUBT, { kind: 'key' })).toEqual({ kind: 'ask again' });
    const late = { ...DOUBT, nowMs: SENT_AT_MS + 13 * 3_600_000 };
    expect(judge(late, { kind: 'key' })).toEqual({ kind: 'give up', reason: 'untold', isCertain: false });
    const waitMs = (ageMs: number, retryAfterMs?: number) =>
      askAgainAfterMs({ nowMs: SENT_AT_MS + ageMs, sentAtMs: SENT_AT_MS }, retryAfterMs);
    expect([waitMs(0), waitMs(20_000), waitMs(3_600_000), waitMs(0, 7000)]).toEqual([1000, 20_000, 300_000, 7000]);
    // A hint of a day would have the doubt outlive its video.
    expect(waitMs(0, 86_400_000)).toBe(300_000);
  });

  test('of an ended video is asked with as well: its task may run and be billed', () => {
    expect(judge({ ...DOUBT, isOver: true }, { kind: 'key' })).toEqual({ kind: 'ask again' });
  });
});

describe('where nothing tells', () => {
  const nothing = (onLostAnswer: 'fail' | 'resubmit', sinceMs: number | null): Evidence => {
    return { kind: 'nothing', onLostAnswer, holdMs: 10_000, sinceMs };
  };

  test('the slot stays taken for as long as the operator said', () => {
    expect(judge(DOUBT, nothing('fail', null))).toEqual(wait(10_000, 'held'));
    expect(judge(DOUBT, nothing('resubmit', DOUBT.nowMs - 4000))).toEqual(wait(6000, 'held'));
  });

  test('the clip fails, or is sent again as the operator said', () => {
    const since = DOUBT.nowMs - 10_000;
    const giveUp = { kind: 'give up', reason: 'untold', isCertain: false };
    expect(judge(DOUBT, nothing('fail', since))).toEqual(giveUp);
    expect(judge(DOUBT, nothing('resubmit', since))).toEqual({ kind: 'not made', resendAfterMs: 0, isCertain: false });
    expect(judge({ ...DOUBT, lostCreates: 5 }, nothing('resubmit', since))).toEqual(giveUp);
    expect(judge({ ...DOUBT, isOver: true }, nothing('resubmit', since))).toEqual(giveUp);
  });
});

describe('every verdict', () => {
  test('nothing but asking again follows while an attempt may still write its answer down', () => {
    const sending = { ...DOUBT, isSending: true };
    expect(judge(sending, ABSENT)).toEqual(wait(SEND_UNTIL_MS + 1000 - DOUBT.nowMs, 'still answered'));
    expect(judge(sending, { kind: 'key' })).toEqual({ kind: 'ask again' });
    const later = { ...sending, nowMs: SEND_UNTIL_MS + 1000 };
    expect(judge(later, { ...ABSENT, firstEmptyListAtMs: SEND_UNTIL_MS - 60_000 })).toMatchObject({ kind: 'not made' });
  });

  test('nothing is created for a clip that could not be fetched any more', () => {
    const expired = { ...DOUBT, expiresAtMs: DOUBT.nowMs };
    expect(judge(expired, ABSENT)).toEqual({ kind: 'give up', reason: 'too late', isCertain: true });
    expect(judge(expired, { kind: 'key' })).toEqual({ kind: 'give up', reason: 'too late', isCertain: false });
    expect(judge({ ...expired, isOver: true }, ABSENT)).toMatchObject({ kind: 'not made' });
  });
});

/** What really happened, and when the list comes to show it. */
interface World {
  readonly answered: boolean;
  /** Null: the create never reached the upstream. */
  readonly arrivedAfterMs: number | null;
  readonly listedAfterMs: number;
  readonly isProven: boolean;
  readonly lostCreates: number;
  /** Other unclaimed tasks of the account. */
  readonly others: readonly ListedTask[];
  /** How much later than asked it is judged. */
  readonly delaysMs: readonly number[];
}

const otherTasks = record({
  taskId: constantFrom('other-1', 'other-2'),
  createdAtMs: option(integer({ min: SENT_AT_MS - 3_600_000, max: SENT_AT_MS + 60_000 }), { nil: undefined }),
  prompt: option(constantFrom('a lighthouse', 'a harbour'), { nil: undefined }),
});

const worlds = record({
  answered: boolean(),
  // A create that is not answered may arrive until its sender gives up.
  arrivedAfterMs: option(integer({ min: 0, max: 60_000 })),
  listedAfterMs: integer({ min: 0, max: 60_000 }),
  isProven: boolean(),
  lostCreates: integer({ min: 1, max: 6 }),
  others: array(otherTasks, { maxLength: 3 }),
  delaysMs: array(integer({ min: 0, max: 120_000 }), { minLength: 1, maxLength: 5 }),
});

function listAt({ arrivedAfterMs, listedAfterMs, others }: World, nowMs: number): readonly ListedTask[] {
  if (arrivedAfterMs === null || nowMs < SENT_AT_MS + arrivedAfterMs + listedAfterMs) return others;
  const createdAtMs = Math.floor((SENT_AT_MS + arrivedAfterMs) / 1000) * 1000;
  return [{ ...OWN, createdAtMs }, ...others];
}

/** Judges until there is a verdict, as the confirmation does. */
function liveThrough(world: World) {
  const { answered, isProven, lostCreates } = world;
  const emptyListsAtMs: number[] = [];
  // An answered create was sent and heard; one that was not may be judged while it is still under way.
  let nowMs = SENT_AT_MS + (answered ? (world.arrivedAfterMs ?? 0) : 0);
  let firstEmptyListAtMs: number | null = null;
  for (let round = 0; round < 1000; round += 1) {
    const sighting = sight(listAt(world, nowMs), { prompt: 'a lighthouse', sentAtMs: SENT_AT_MS, rivals: [] });
    const evidence = { kind: 'list', ...sighting, isProven, firstEmptyListAtMs, window: WINDOW } as const;
    const verdict = judge({ ...DOUBT, nowMs, answered, lostCreates }, evidence);
    if (sighting.candidates.length === 0 && (answered || nowMs >= SEND_UNTIL_MS)) {
      emptyListsAtMs.push(nowMs);
      firstEmptyListAtMs ??= nowMs;
    }
    if (verdict.kind !== 'wait') return { verdict, ...sighting, emptyListsAtMs, nowMs };
    expect(verdict.afterMs).toBeGreaterThan(0);
    nowMs += verdict.afterMs + (world.delaysMs[round] ?? 0);
  }
  throw new Error('no verdict after 1000 lists');
}

describe('a doubt', () => {
  test('adopts only what agrees with the create', async () => {
    await assert(
      property(worlds, (world) => {
        const { verdict, candidates } = liveThrough(world);
        if (verdict.kind !== 'adopt') return;
        const [adopted] = candidates;
        expect(candidates).toHaveLength(1);
        expect(adopted?.taskId).toBe(verdict.taskId);
        expect(adopted?.createdAtMs ?? SENT_AT_MS).toBeGreaterThanOrEqual(SENT_AT_MS - 1000);
        expect(['a lighthouse', undefined]).toContain(adopted?.prompt);
      }),
    );
  });

  test('denies a task only after two empty lists that are the window apart, with no task that may be it', async () => {
    await assert(
      property(worlds, (world) => {
        const { verdict, emptyListsAtMs, strangers, nowMs } = liveThrough(world);
        if (verdict.kind !== 'not made') return;
        const [first = Number.NaN] = emptyListsAtMs;
        expect(emptyListsAtMs.length).toBeGreaterThanOrEqual(2);
        expect(nowMs - first).toBeGreaterThanOrEqual(world.answered ? WINDOW.answeredMs : WINDOW.unansweredMs);
        if (!world.answered) expect(first).toBeGreaterThanOrEqual(SEND_UNTIL_MS);
        expect(strangers).toEqual([]);
        expect(world.lostCreates).toBeLessThanOrEqual(world.isProven ? 4 : 1);
      }),
    );
  });

  test('never denies a task that is listed within its window', async () => {
    await assert(
      property(worlds, (world) => {
        const windowMs = world.answered ? WINDOW.answeredMs : WINDOW.unansweredMs;
        const listedAfterMs = Math.min(world.listedAfterMs, windowMs);
        const { verdict } = liveThrough({ ...world, arrivedAfterMs: world.arrivedAfterMs ?? 0, listedAfterMs });
        expect(verdict.kind).not.toBe('not made');
      }),
    );
  });

  test('finds its task where no other task is like it', async () => {
    await assert(
      property(worlds, (world) => {
        const others = world.others.map((task) => ({ ...task, prompt: 'a harbour' }));
        const arrivedAfterMs = world.arrivedAfterMs ?? 0;
        const { verdict } = liveThrough({ ...world, others, arrivedAfterMs, listedAfterMs: 0 });
        expect(verdict).toEqual({ kind: 'adopt', taskId: 'own' });
      }),
    );
  });

  test('always comes to an end', async () => {
    await assert(property(worlds, (world) => expect(liveThrough(world).verdict.kind).not.toBe('wait')));
  });
});
