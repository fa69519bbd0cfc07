/** A process whose own clock is wrong, beside a catalog whose clock is right: PostgreSQL's alone, for PGlite has that of its process. */

/** Everything but dates goes on as it is. */
const doNotFake: Parameters<typeof jest.useFakeTimers>[0] = {
  doNotFake: [
    ...(['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
    ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
  ],
};

/** What the work comes to while the process's clock is ahead by so much. */
export async function withClockAhead<Result>(aheadMs: number, work: () => Promise<Result>): Promise<Result> {
  jest.useFakeTimers({ ...doNotFake, now: Date.now() + aheadMs });
  try {
    return await work();
  } finally {
    jest.useRealTimers();
  }
}
