/** When a running task is polled again: bounds that hold always, and simulated tasks from submit to end. */

import { assert, constantFrom, integer, option, property, record } from 'fast-check';
import { nextPollDelayMs, type PollSituation, type PollTiming } from '../../src/domain/poll-schedule.ts';

const DOCUMENTED: PollTiming = { firstPollMs: 5000, minPollMs: 5000, maxPollMs: 15_000, deadlineMs: 86_400_000 };
const QUICK: PollTiming = { ...DOCUMENTED, minPollMs: 500 };

const timings = record({
  firstPollMs: integer({ min: 0, max: 60_000 }),
  minPollMs: integer({ min: 100, max: 30_000 }),
  maxPollMs: integer({ min: 100, max: 60_000 }),
  deadlineMs: integer({ min: 1000, max: 86_400_000 }),
});
const situations = record({
  // Below zero where clocks differ.
  elapsedMs: integer({ min: -86_400_000, max: 86_400_000 }),
  progress: integer({ min: 0, max: 100 }),
  polls: integer({ min: 1, max: 5000 }),
  failuresInARow: integer({ min: 0, max: 500 }),
});

const longestMs = ({ minPollMs, maxPollMs }: PollTiming) => Math.max(minPollMs, maxPollMs);

describe('every wait', () => {
  test('is a whole number of at least the interval', async () => {
    await assert(
      property(timings, situations, (timing, situation) => {
        const delayMs = nextPollDelayMs(timing, situation);
        expect(Number.isInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(timing.minPollMs);
      }),
    );
  });

  test('is at most the longest while polls succeed', async () => {
    await assert(
      property(timings, situations, (timing, situation) => {
        const delayMs = nextPollDelayMs(timing, { ...situation, failuresInARow: 0 });
        expect(delayMs).toBeLessThanOrEqual(longestMs(timing));
      }),
    );
  });

  test('obeys a hint of up to ten minutes', async () => {
    const hints = integer({ min: 0, max: 86_400_000 });
    await assert(
      property(timings, situations, hints, (timing, situation, retryAfterMs) => {
        const withoutMs = nextPollDelayMs(timing, situation);
        const delayMs = nextPollDelayMs(timing, { ...situation, retryAfterMs });
        expect(delayMs).toBe(Math.max(withoutMs, Math.min(retryAfterMs, 600_000)));
      }),
    );
  });

  test('grows with failures up to a minute', async () => {
    await assert(
      property(timings, situations, (timing, situation) => {
        const delayMs = nextPollDelayMs(timing, situation);
        const nextMs = nextPollDelayMs(timing, { ...situation, failuresInARow: situation.failuresInARow + 1 });
        expect(nextMs).toBeGreaterThanOrEqual(delayMs);
        expect(nextMs).toBeLessThanOrEqual(Math.max(60_000, longestMs(timing)));
      }),
    );
  });

  test('doubles with the first failures in a row', () => {
    const waits = [0, 1, 2, 3, 4].map((failuresInARow) =>
      nextPollDelayMs(QUICK, { elapsedMs: 60_000, progress: 0, polls: 9, failuresInARow }),
    );
    expect(waits).toEqual([6000, 12_000, 24_000, 48_000, 60_000]);
  });
});

describe('the first poll', () => {
  test('comes at its documented time since the submit', () => {
    const situation = { progress: 0, polls: 0, failuresInARow: 0 };
    expect(nextPollDelayMs(DOCUMENTED, { ...situation, elapsedMs: 0 })).toBe(5000);
    expect(nextPollDelayMs(DOCUMENTED, { ...situation, elapsedMs: 4000 })).toBe(1000);
    expect(nextPollDelayMs(DOCUMENTED, { ...situation, elapsedMs: 90_000 })).toBe(0);
    expect(nextPollDelayMs(DOCUMENTED, { ...situation, elapsedMs: 4000, retryAfterMs: 7000 })).toBe(7000);
    expect(nextPollDelayMs(DOCUMENTED, { ...situation, elapsedMs: -600_000 })).toBe(5000);
  });
});

/** Progress in percent that an upstream shows of a task at an age. */
type Reporting = (elapsedMs: number, durationMs: number) => number;

const REPORTS = {
  steadily: (elapsedMs, durationMs) => Math.floor((100 * elapsedMs) / durationMs),
  'in tenths': (elapsedMs, durationMs) => 10 * Math.floor((10 * elapsedMs) / durationMs),
  'after a queue': (elapsedMs, durationMs) =>
    Math.max(0, Math.floor((100 * (elapsedMs - durationMs / 3)) / (durationMs * (2 / 3)))),
  unevenly: (elapsedMs, durationMs) => {
    const share = elapsedMs / durationMs;
    return Math.floor(100 * (share + 0.02 * Math.sin(share * 6 * Math.PI)));
  },
  never: () => 0,
} satisfies Record<string, Reporting>;

/** Watches a task to its end, each poll taking `pollMs`; says how many polls it took and how late the end was seen. */
function watch(timing: PollTiming, task: { durationMs: number; report: Reporting; pollMs?: number }) {
  const { durationMs, report, pollMs = 0 } = task;
  let situation: PollSituation = { elapsedMs: 0, progress: 0, polls: 0, failuresInARow: 0 };
  for (;;) {
    const elapsedMs = situation.elapsedMs + nextPollDelayMs(timing, situation) + pollMs;
    const polls = situation.polls + 1;
    if (elapsedMs >= durationMs) return { polls, lagMs: elapsedMs - durationMs };
    situation = { elapsedMs, progress: Math.min(99, report(elapsedMs, durationMs)), polls, failuresInARow: 0 };
  }
}

/** The mean lag of tasks whose durations lie evenly between two, and the mean of what it may be. */
function meanLagMs(timing: PollTiming, [fromMs, toMs]: readonly [number, number], report: Reporting) {
  const durationsMs = Array.from({ length: 500 }, (_, n) => Math.round(fromMs + ((toMs - fromMs) * n) / 500));
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    lagMs: mean(durationsMs.map((durationMs) => watch(timing, { durationMs, report }).lagMs)),
    // The design's bar: a twentieth of the generation time, or the upstream's interval where that is longer.
    boundMs: mean(durationsMs.map((durationMs) => Math.max(0.05 * durationMs, timing.minPollMs))),
  };
}

describe('a four-minute task at the documented timing', () => {
  test.each(['steadily', 'in tenths', 'after a queue', 'unevenly'] as const)(
    'takes twenty polls when it reports %s',
    async (how) => {
      const polls = integer({ min: 0, max: 1000 });
      const durations = integer({ min: 30_000, max: 240_000 });
      await assert(
        property(durations, polls, (durationMs, pollMs) => {
          expect(watch(DOCUMENTED, { durationMs, pollMs, report: REPORTS[how] }).polls).toBeLessThanOrEqual(20);
        }),
      );
    },
  );

  test('takes hardly more when it reports nothing', () => {
    expect(watch(DOCUMENTED, { durationMs: 240_000, report: REPORTS.never }).polls).toBeLessThanOrEqual(21);
  });
});

describe('the lag between the end and the poll that sees it', () => {
  test.each(Object.keys(REPORTS) as (keyof typeof REPORTS)[])('is small on average for tasks that report %s', (how) => {
    for (const [timing, durations] of [
      [DOCUMENTED, [30_000, 100_000]],
      [DOCUMENTED, [100_000, 240_000]],
      [QUICK, [8000, 12_000]],
      [QUICK, [10_000, 60_000]],
    ] as const) {
      const { lagMs, boundMs } = meanLagMs(timing, durations, REPORTS[how]);
      expect(lagMs).toBeLessThanOrEqual(boundMs);
    }
  });

  test.each([
    ['steadily', 300],
    ['in tenths', 400],
    ['after a queue', 300],
    ['unevenly', 350],
  ] as const)('is a small part of tasks of ten seconds that report %s', (how, boundMs) => {
    expect(meanLagMs(QUICK, [8000, 12_000], REPORTS[how]).lagMs).toBeLessThanOrEqual(boundMs);
  });

  test('is never more than the longest wait', async () => {
    const reports = constantFrom(...Object.values<Reporting>(REPORTS));
    const stuckAt = option(integer({ min: 1, max: 99 }));
    await assert(
      property(integer({ min: 1000, max: 1_000_000 }), reports, stuckAt, (durationMs, report, stuck) => {
        const stuckReport: Reporting = stuck === null ? report : () => stuck;
        expect(watch(DOCUMENTED, { durationMs, report: stuckReport }).lagMs).toBeLessThanOrEqual(15_000);
      }),
    );
  });
});
