/** Work that is waited for no longer than so long. */

import { withDeadline } from '../../src/domain/deadline.ts';

const never = new Promise<never>(() => undefined);

test('work that is done in time comes to its result, or to its error', async () => {
  expect(await withDeadline(Promise.resolve('done'), 60_000, () => 'late')).toBe('done');
  await expect(withDeadline(Promise.reject(new Error('failed')), 60_000, () => 'late')).rejects.toThrow('failed');
});

test('work that takes longer comes to what is answered or thrown in its place', async () => {
  expect(await withDeadline(never, 1, () => 'late')).toBe('late');
  const giveUp = () => {
    throw new Error('too late');
  };
  await expect(withDeadline(never, 1, giveUp)).rejects.toThrow('too late');
});

test('no timer is left behind', async () => {
  jest.useFakeTimers();
  try {
    await withDeadline(Promise.resolve(), 60_000, () => undefined);
    expect(jest.getTimerCount()).toBe(0);
  } finally {
    jest.useRealTimers();
  }
});
