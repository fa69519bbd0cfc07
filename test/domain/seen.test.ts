/** Positions of followers: what a set of transactions is, how it is written, and that nothing is told twice or left out. */

import fc from 'fast-check';
import {
  after,
  type ChangePlace,
  includes,
  isTold,
  move,
  type Position,
  parsePosition,
  parseSeen,
  printPosition,
  printSeen,
  type Seen,
  union,
} from '../../src/domain/seen.ts';
import { randomRuns } from '../random-runs.ts';

const MOST = 30;
const ALL = Array.from({ length: MOST }, (_, n) => BigInt(n + 1));

const seenOf = fc
  .tuple(fc.integer({ min: 1, max: MOST }), fc.uniqueArray(fc.integer({ min: 1, max: MOST })))
  .map(([end, missing]): Seen => {
    const below = missing.filter((each) => each < end).sort((a, b) => a - b);
    return { end: BigInt(end), missing: below.map(BigInt) };
  });

const members = (seen: Seen) => ALL.filter((transaction) => includes(seen, transaction));

test('what either has seen is what both together have', () => {
  fc.assert(
    fc.property(seenOf, seenOf, (one, other) => {
      expect(members(union(one, other))).toEqual(ALL.filter((each) => includes(one, each) || includes(other, each)));
      expect(union(one, other)).toEqual(union(other, one));
    }),
    randomRuns(200),
  );
});

test('a set is read as it was written', () => {
  fc.assert(
    fc.property(seenOf, (seen) => {
      expect(parseSeen(printSeen(seen))).toEqual(seen);
    }),
    randomRuns(200),
  );
});

test.each([
  '',
  '1',
  '1:2',
  ':1:',
  '2:1:',
  '0:1:',
  '1:5:5',
  '1:5:3,2',
  '1:5:2,2',
  '2:5:1',
  '1:5:x',
  `1:${'9'.repeat(20)}:`,
])('is no set: %p', (text) => {
  expect(parseSeen(text)).toBeNull();
});

const VIDEO = 'video_01980b4e-6f0a-7c3d-9d51-2f4a8c7b6e10';

test.each([
  { seen: { end: 7n, missing: [3n] } },
  { seen: { end: 7n, missing: [] }, within: { transaction: 7n, videoId: VIDEO } },
  { seen: { end: 7n, missing: [] }, shownTo: VIDEO },
] as const)('a position is read as it was written', (position) => {
  expect(parsePosition(printPosition(position))).toEqual(position);
});

test.each(['7:7:/8/no id', '7:7:+no id', '7:7:/x/y', `7:7:${',1'.repeat(5000)}`])('is no position: %.20s', (text) => {
  expect(parsePosition(text)).toBeNull();
});

/** Changes of some transactions, each of some videos, in the order in which they are told. */
const changesOf = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: MOST - 1 }), fc.integer({ min: 1, max: 3 })), {
    selector: ([transaction]) => transaction,
  })
  .map((drawn) =>
    drawn
      .sort(([a], [b]) => a - b)
      .flatMap(([transaction, videos]) =>
        Array.from({ length: videos }, (_, n): ChangePlace => {
          return { transaction: BigInt(transaction), videoId: `video_${n}`, isLast: n === videos - 1 };
        }),
      ),
  );

test('a follower that goes on behind any event is told what is left, once', () => {
  fc.assert(
    fc.property(changesOf, fc.array(fc.integer({ min: 1, max: MOST - 1 })), (changes, late) => {
      // Transactions that were open when the first were read commit after.
      const running = new Set(late.map(BigInt));
      const first: Seen = { end: BigInt(MOST), missing: ALL.filter((each) => running.has(each)) };
      const told: ChangePlace[] = [];
      let position: Position = { seen: { end: 1n, missing: [] } };
      const tellAll = (read: Seen) => {
        for (const change of changes) {
          if (!includes(read, change.transaction) || isTold(position, change)) continue;
          told.push(change);
          const behind = move(position, after(position, read, change));
          // As by a client that has come to another process.
          position = { ...behind };
        }
        position = move(position, { seen: read });
      };
      tellAll(first);
      tellAll({ end: BigInt(MOST), missing: [] });
      expect(told).toHaveLength(changes.length);
      expect(new Set(told)).toEqual(new Set(changes));
    }),
    randomRuns(200),
  );
});
