/** Scenarios, at random and by name: how upstreams answer, how accounts are configured, and what is done. */

import fc from 'fast-check';
import { DEEDS, type Deed, type Scenario } from './hostile-play.ts';
import { PLAIN_UPSTREAM, type UpstreamPlan } from './hostile-upstream.ts';
import { createManner, listManner, manner, PLAIN_TASK, taskPlan, WELL } from './manners.ts';

const MINUTE_MS = 60_000;

const plan: fc.Arbitrary<UpstreamPlan> = fc.record({
  creates: fc.array(createManner, { maxLength: 5 }),
  polls: fc.array(manner, { maxLength: 5 }),
  lists: fc.array(listManner, { maxLength: 4 }),
  others: fc.array(manner, { maxLength: 3 }),
  tasks: fc.array(taskPlan, { maxLength: 4 }),
  isOnlyForPoisoned: fc.boolean(),
  limit: fc.constantFrom(100, 2, 1),
  clockMs: fc.constantFrom(0, 0, 4 * MINUTE_MS, -7 * MINUTE_MS, null),
});

const settings = fc.record({
  maxConcurrentTasks: fc.integer({ min: 1, max: 3 }),
  list: fc.constantFrom(true, true, true, false),
  shared: fc.constantFrom(false, false, false, true),
  onLostAnswer: fc.constantFrom('fail' as const, 'resubmit' as const),
  lostAnswerHoldMs: fc.constantFrom(0, 60_000, 600_000),
});

const deed: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constantFrom(...DEEDS),
  pick: fc.nat({ max: 1000 }),
  afterMs: fc.constantFrom(0, 0, 1000, 7000, 30_000, 3 * MINUTE_MS),
});

const beginning: readonly Deed[] = [0, 1, 3, 4, 5, 6].map((pick) => ({ kind: 'accept', pick, afterMs: 100 }));

/** Some videos to begin with, and anything that may happen to them. */
export const scenario: fc.Arbitrary<Scenario> = fc.record({
  upstreams: fc.record({ air: plan, open: plan, inf: plan }),
  settings: fc.record({ air: settings, open: settings, inf: settings }),
  deeds: fc.array(deed, { minLength: 5, maxLength: 30 }).map((deeds) => [...beginning, ...deeds]),
  skewsMs: fc.tuple(fc.constantFrom(0, 0, 2 * MINUTE_MS, -5 * MINUTE_MS), fc.constantFrom(0, 0, 8 * MINUTE_MS)),
  mostEvents: fc.constantFrom(60, 400, 10_000),
  heals: fc.boolean(),
  order: fc.array(fc.nat({ max: 7 }), { maxLength: 8 }),
});

const ONE_AT_A_TIME = {
  maxConcurrentTasks: 1,
  list: true,
  shared: false,
  onLostAnswer: 'fail',
  lostAnswerHoldMs: 0,
} as const;

/** All upstreams behave well, and nothing is done. */
const QUIET: Scenario = {
  upstreams: { air: PLAIN_UPSTREAM, open: PLAIN_UPSTREAM, inf: PLAIN_UPSTREAM },
  settings: { air: ONE_AT_A_TIME, open: ONE_AT_A_TIME, inf: ONE_AT_A_TIME },
  ...{ deeds: [], skewsMs: [0, 0], mostEvents: 10_000, heals: false, order: [] },
};

/** A video for the account `open`, with hours of time. */
const ACCEPT: Deed = { kind: 'accept', pick: 37, afterMs: 100 };

function withOpen(plan: Partial<UpstreamPlan>): Scenario['upstreams'] {
  return { ...QUIET.upstreams, open: { ...PLAIN_UPSTREAM, ...plan } };
}

/** What random scenarios show too seldom, and what once went wrong. */
export const NAMED: Readonly<Record<string, Scenario>> = {
  'an answer is lost, and the list shows its task': {
    ...QUIET,
    upstreams: withOpen({ creates: [{ ...WELL, cut: 'after' }, WELL] }),
    deeds: [ACCEPT, ACCEPT],
  },
  'an answer is lost, and the list cannot be read': {
    ...QUIET,
    upstreams: withOpen({
      creates: [{ ...WELL, cut: 'after' }, WELL],
      lists: [{ ...WELL, status: 500, shape: 'empty' }],
    }),
    settings: { ...QUIET.settings, open: { ...ONE_AT_A_TIME, lostAnswerHoldMs: 10 * MINUTE_MS } },
    deeds: [ACCEPT, ACCEPT],
  },
  'a slot is granted by a worker whose clock is behind, to a video that nothing works on': {
    ...QUIET,
    deeds: [ACCEPT, ACCEPT, { kind: 'stall', pick: 7, afterMs: 0 }],
    skewsMs: [-5 * MINUTE_MS, 0],
  },
  'an answer is lost, and the workflow is closed that a worker had opened whose clock is ahead': {
    ...QUIET,
    upstreams: withOpen({
      creates: [{ ...WELL, cut: 'after' }, WELL],
      lists: [{ ...WELL, status: 500, shape: 'empty' }],
    }),
    deeds: [ACCEPT, ACCEPT, { kind: 'close', pick: 0, afterMs: 30_000 }],
    skewsMs: [8 * MINUTE_MS, 8 * MINUTE_MS],
  },
  'an answer is lost, the list that shows its task does not say when it was read, and a worker’s clock is ahead': {
    ...QUIET,
    upstreams: withOpen({ creates: [{ ...WELL, cut: 'after' }, WELL], clockMs: null }),
    deeds: [ACCEPT],
    skewsMs: [8 * MINUTE_MS, 8 * MINUTE_MS],
  },
  'creates are refused as too many and as unknown by turns, and nothing else can be asked': {
    ...QUIET,
    upstreams: {
      ...QUIET.upstreams,
      inf: {
        ...PLAIN_UPSTREAM,
        creates: [429, 429, 404].map((status) => ({ ...WELL, status, shape: 'empty', makes: false })),
        lists: [{ ...WELL, status: 404, shape: 'empty' }],
      },
    },
    settings: { ...QUIET.settings, inf: { ...ONE_AT_A_TIME, list: false } },
    deeds: [{ kind: 'accept', pick: 39, afterMs: 100 }],
  },
  'a video is refused without a word, and stands behind one that takes long': {
    ...QUIET,
    upstreams: withOpen({
      creates: [{ ...WELL, status: 403, shape: 'empty', makes: false }, WELL],
      tasks: [{ ...PLAIN_TASK, lastsMs: 15 * MINUTE_MS }],
    }),
    deeds: [ACCEPT, ACCEPT],
  },
  'an account is renamed while its task runs, and nothing is heard of its end': {
    ...QUIET,
    upstreams: { ...QUIET.upstreams, air: { ...PLAIN_UPSTREAM, tasks: [{ ...PLAIN_TASK, end: 'never' }, PLAIN_TASK] } },
    deeds: [
      { kind: 'accept', pick: 36, afterMs: 100 },
      { kind: 'rename', pick: 0, afterMs: 30_000 },
      { kind: 'accept', pick: 36, afterMs: 100 },
    ],
  },
  'another one makes a task, and nothing is heard of it ever again': {
    ...QUIET,
    upstreams: withOpen({
      polls: [{ ...WELL, status: 500, shape: 'empty' }],
      tasks: [{ ...PLAIN_TASK, end: 'never' }],
    }),
    deeds: [ACCEPT, { kind: 'others', pick: 1, afterMs: 30_000 }],
  },
};
