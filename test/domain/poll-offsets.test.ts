/** Which instants of polls a video's row keeps: all of few, and evenly spread ones of many. */

import { MOST_OFFSETS, withPoll } from '../../src/domain/poll.ts';

/** What is kept after so many polls, one each second. */
function after(polls: number): readonly number[] {
  let kept: readonly number[] = [];
  for (let poll = 1; poll <= polls; poll++) kept = withPoll(kept, poll, poll * 1000);
  return kept;
}

test('all of few polls are kept', () => {
  expect(after(3)).toEqual([1000, 2000, 3000]);
  expect(after(MOST_OFFSETS)).toHaveLength(MOST_OFFSETS);
});

test.each([65, 128, 129, 5000])('of %s polls there are enough, equally far from each other', (polls) => {
  const kept = after(polls);
  expect(kept.length).toBeLessThanOrEqual(MOST_OFFSETS);
  expect(kept.length).toBeGreaterThanOrEqual(MOST_OFFSETS / 2);
  const steps = new Set(kept.map((offset, index) => offset - (kept[index - 1] ?? 0)));
  expect(steps.size).toBe(1);
});

test('a row whose first polls were not noted stays within its bound, and so does each offset', () => {
  expect(withPoll([], 1000, 5)).toEqual([]);
  expect(withPoll([], 1024, 5)).toEqual([5]);
  expect(withPoll([1], 2, 10 ** 12)).toEqual([1, 2 ** 31 - 1]);
  expect(withPoll([1], 2, -3)).toEqual([1, 0]);
});
