/** Benchmark `cluster`: 100,000 clips over 1,000 accounts of 10 pools, in virtual time. */

import type { Outcome } from './benchmark.ts';
import { type CallerKind, type ClusterOptions, type ClusterReport, runCluster } from './cluster/cluster.ts';
import { median, percentile } from './statistics.ts';

const HALF_AN_HOUR_MS = 30 * 60_000;

/** Those who order whole batches at once, and those who order a clip now and then meanwhile. */
const KINDS: readonly CallerKind[] = [
  { name: 'one batch of 50,000', callers: 1, clipsEach: 50_000, weight: 1, overMs: 0 },
  { name: 'batches of 2,500', callers: 16, clipsEach: 2_500, weight: 1, overMs: 0 },
  { name: 'clips now and then', callers: 80, clipsEach: 100, weight: 1, overMs: HALF_AN_HOUR_MS },
  { name: 'the same, weight 3', callers: 20, clipsEach: 100, weight: 3, overMs: HALF_AN_HOUR_MS },
];
const LARGE: Omit<ClusterOptions, 'order'> = { pools: 10, accountsEach: 100, slotsEach: 4, kinds: KINDS };
const WORKERS = 20;
const MOST_LAG = 0.05;
/** As a share of what they would wait in a queue of all. */
const MOST_WAIT = 0.1;

function waitsOf({ waitsMs }: ClusterReport, { name }: CallerKind) {
  const waits = waitsMs.get(name) ?? [];
  return { median: median(waits) / 1000, p95: percentile(waits, 0.95) / 1000, longest: percentile(waits, 1) / 1000 };
}

/** Pure arithmetic: it takes some seconds, and comes out the same everywhere. */
export async function cluster(): Promise<Outcome> {
  const fair = runCluster({ ...LARGE, order: 'fair' });
  const inTurn = runCluster({ ...LARGE, order: 'first come, first served' });
  const callers = KINDS.map((kind) => ({
    ...{ callers: kind.name, howMany: kind.callers, clips: kind.callers * kind.clipsEach },
    ...{ waitSeconds: waitsOf(fair, kind), waitInTurnSeconds: waitsOf(inTurn, kind) },
  }));
  const clips = callers.reduce((total, one) => total + one.clips, 0);
  const seconds = fair.endMs / 1000;
  return {
    comparisons: [
      ...callers.map(({ callers: what, waitSeconds, waitInTurnSeconds }, at) => ({
        what: `p95 of the wait of ${what}, and first come, first served`,
        unit: 's',
        ours: waitSeconds.p95,
        baseline: waitInTurnSeconds.p95,
        bar: (KINDS[at]?.overMs ?? 0) > 0 ? { atMost: MOST_WAIT } : null,
      })),
      {
        what: 'mean lag until a done task is seen, of its generation time',
        ...{ unit: '', ours: fair.lagShare, baseline: null, bar: { atMost: MOST_LAG } },
      },
    ],
    figures: {
      ...{ pools: LARGE.pools, accounts: LARGE.pools * LARGE.accountsEach, slotsOfAnAccount: LARGE.slotsEach, callers },
      madeInMinutes: seconds / 60,
      clipsAnHour: (clips / seconds) * 3600,
      busy: fair.busy,
      pollsAClip: fair.polls / clips,
      pollsASecond: { mean: fair.polls / seconds, most: fair.mostPollsInASecond },
      workers: WORKERS,
      pollsASecondAWorker: fair.polls / seconds / WORKERS,
      mostRequestsAtAnAccountInASecond: fair.mostRequestsAtAnAccount,
      lostAnswersAdopted: fair.adopted,
    },
  };
}
