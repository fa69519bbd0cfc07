/** When a result that cannot be had yet is asked for again. */

import { nextResultDelayMs } from '../../src/domain/result-schedule.ts';

test('waits grow from two seconds to a minute and stay there', () => {
  const waits = [1, 2, 3, 4, 5, 6, 100].map((tries) => nextResultDelayMs(tries));
  expect(waits).toEqual([2000, 5000, 15_000, 30_000, 60_000, 60_000, 60_000]);
});

test('before the first try is over the first wait counts', () => {
  expect(nextResultDelayMs(0)).toBe(2000);
});

test.each([
  ['a longer hint is kept', 1, 90_000, 90_000],
  ['a shorter hint never makes a wait shorter', 4, 1000, 30_000],
  ['no hint changes nothing', 2, undefined, 5000],
  ['a hint of a day is ten minutes', 9, 86_400_000, 600_000],
])('%s', (_what, tries, retryAfterMs, expectedMs) => {
  expect(nextResultDelayMs(tries, retryAfterMs)).toBe(expectedMs);
});
