/** The cluster in virtual time, a small one: all clips are made, and in fair order those who order little wait little. */

import { type ClusterOptions, runCluster } from '../../bench/cluster/cluster.ts';

const BATCH = { name: 'batch', callers: 1, clipsEach: 1_000, weight: 1, overMs: 0 };
const SINGLES = { name: 'singles', callers: 10, clipsEach: 20, weight: 1, overMs: 20 * 60_000 };
const SMALL = { pools: 2, accountsEach: 10, slotsEach: 3, kinds: [BATCH, SINGLES] };

const run = (order: ClusterOptions['order']) => {
  const report = runCluster({ ...SMALL, order });
  const longestMs = (name: string) => report.waitsMs.get(name)?.at(-1) ?? 0;
  return { ...report, longestMs };
};

test('makes each clip once, with its slots busy and its tasks seen soon after their ends', () => {
  const { waitsMs, busy, lagShare, adopted } = run('fair');
  expect([...waitsMs].map(([name, waits]) => [name, waits.length])).toEqual([
    ['batch', 1_000],
    ['singles', 200],
  ]);
  expect(busy).toBeGreaterThan(0.9);
  expect(lagShare).toBeLessThan(0.05);
  expect(adopted).toBeGreaterThan(0);
});

test('keeps those who order now and then from waiting for a batch', () => {
  const [fair, inTurn] = [run('fair'), run('first come, first served')];
  expect(fair.longestMs('singles')).toBeLessThan(inTurn.longestMs('singles') / 5);
  expect(fair.longestMs('batch')).toBeLessThan(inTurn.longestMs('batch') * 1.5);
});
