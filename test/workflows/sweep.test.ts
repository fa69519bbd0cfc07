/** The run that sweeps for an hour, in virtual time. */

import { sweep } from '../../workflows/sweep.ts';
import { VirtualTime } from '../model/virtual-time.ts';
import { type AskedActivity, Run, WorkflowRuntime } from '../model/workflow-runtime.ts';

jest.mock(
  '@temporalio/workflow',
  () => jest.requireActual<typeof import('../model/workflow-runtime.ts')>('../model/workflow-runtime.ts').workflowApi,
);

const MINUTE_MS = 60_000;
const REPORT = { started: 0, errors: [] };

/** A run whose sweeps take so long, each; when they were asked for, and when the run closed, in minutes. */
async function swept(answer: (asked: AskedActivity, runtime: WorkflowRuntime) => void) {
  const time = new VirtualTime(0);
  const runtime = new WorkflowRuntime(time);
  const run = new Run('sweep', {}, Number.POSITIVE_INFINITY);
  const askedAt: number[] = [];
  runtime.onAsked = (asked) => {
    askedAt.push(time.nowMs / MINUTE_MS);
    answer(asked, runtime);
  };
  runtime.start(run, sweep, undefined);
  do await runtime.settle();
  while (time.advance());
  return { run, askedAt, closedAt: run.closedAtMs / MINUTE_MS, defects: runtime.defects };
}

const everyMinute = Array.from({ length: 60 }, (_, minute) => minute);

test('sweeps each minute, and closes before the hour is over', async () => {
  const { run, askedAt, closedAt } = await swept((asked, { time }) =>
    time.after(20_000, () => asked.settle({ value: REPORT })),
  );
  expect(askedAt).toEqual(everyMinute);
  expect(run.standing).toBe('closed');
  expect(closedAt).toBeCloseTo(59 + 1 / 3);
});

test('goes on where a sweep fails', async () => {
  const { askedAt, defects } = await swept((asked, runtime) => runtime.retry(asked, new Error('the catalog is away')));
  expect(askedAt).toEqual(everyMinute);
  expect(defects).toEqual([]);
});

test('waits for a sweep that takes longer than a minute', async () => {
  const { askedAt } = await swept((asked, { time }) =>
    time.after(1.5 * MINUTE_MS, () => asked.settle({ value: REPORT })),
  );
  expect(askedAt).toEqual(everyMinute.map((n) => n * 1.5));
});
