/** Saved histories of every way a video can go, replayed by today's workflows: what runs now must survive a deploy. */

import { readFileSync } from 'node:fs';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import type { BatchStep } from '../../src/domain/batch.ts';
import type { NextStep } from '../../src/domain/step.ts';
import {
  cancelSignal,
  grantedSignal,
  lookAgainSignal,
  recheckSignal,
  reopenSignal,
  retryNowSignal,
  sentAgainSignal,
  upstreamEventSignal,
  WORKFLOW_TYPES,
} from '../../workflows/messages.ts';
import {
  bundleStoryboard,
  isOfToday,
  listHistories,
  readHistory,
  type SavedHistory,
  valuesOf,
} from './saved-histories.ts';

const names = listHistories();

/** The compiler asks for a step that is new. */
const STEPS: Readonly<Record<(NextStep | BatchStep)['step'], true>> = {
  pictures: true,
  wait: true,
  write: true,
  open: true,
  slot: true,
  submit: true,
  confirm: true,
  cancel: true,
  watch: true,
  archive: true,
  end: true,
  ended: true,
};
const SIGNALS = [
  cancelSignal,
  grantedSignal,
  lookAgainSignal,
  recheckSignal,
  reopenSignal,
  retryNowSignal,
  sentAgainSignal,
  upstreamEventSignal,
];

// As made by the global set-up.
const ours = { code: readFileSync(process.env['CLIPYARD_TEST_WORKFLOW_BUNDLE'] ?? '', 'utf8') };
let storyboard: typeof ours;

const typeOf = ({ events: [started] }: SavedHistory) =>
  started?.workflowExecutionStartedEventAttributes?.workflowType.name ?? '';

/** Each once, in order. */
function namesIn(found: readonly (string | undefined)[]): readonly string[] {
  return [...new Set(found.filter((name) => name !== undefined))].toSorted();
}

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  storyboard = await bundleStoryboard();
});

async function replay(history: SavedHistory): Promise<void> {
  const workflowBundle = typeOf(history) === 'storyboard' ? storyboard : ours;
  await Worker.runReplayHistory({ workflowBundle }, history);
}

test.each(names)('the history %s replays', async (name) => {
  await expect(replay(readHistory(name))).resolves.toBeUndefined();
});

test('a history with another activity in it is refused', async () => {
  const history = readHistory('completed');
  const scheduled = history.events.find(
    ({ activityTaskScheduledEventAttributes: attributes }) => attributes?.activityType.name === 'submitTask',
  );
  if (!scheduled?.activityTaskScheduledEventAttributes) throw new Error('the history submits nothing');
  scheduled.activityTaskScheduledEventAttributes.activityType.name = 'somethingElse';
  await expect(replay(history)).rejects.toMatchObject({ name: 'DeterminismViolationError' });
});

describe('the histories of today', () => {
  const histories = names.filter(isOfToday).map(readHistory);
  const events = histories.flatMap((history) => history.events);

  test('are of every workflow, and of a parent', () => {
    expect(namesIn(histories.map(typeOf))).toEqual([...Object.values(WORKFLOW_TYPES), 'storyboard'].toSorted());
  });

  test('go every step', () => {
    const answers = events.flatMap((event) => valuesOf(event.activityTaskCompletedEventAttributes?.result));
    // A run's first step comes with what else it is told of its video.
    const steps = answers.map((answer) => (answer as { next?: unknown } | null)?.next ?? answer);
    expect(namesIn(steps.map((step) => (step as { step?: string } | null)?.step))).toEqual(
      Object.keys(STEPS).toSorted(),
    );
  });

  test('hear every signal', () => {
    const signals = events.map((event) => event.workflowExecutionSignaledEventAttributes?.signalName);
    expect(namesIn(signals)).toEqual(SIGNALS.map(({ name }) => name).toSorted());
  });
});

test('the bundle holds no schema library and no Node module', () => {
  const { code } = ours;
  expect(code).not.toMatch(/node_modules\/(zod|undici|drizzle-orm|fastify)\//);
  expect(code.replace(/\/\/# sourceMappingURL=.*$/s, '').length).toBeLessThan(650 * 1024);
});
