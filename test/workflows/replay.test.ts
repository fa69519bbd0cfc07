/** Saved histories of every way a video can go, replayed by today's workflows: what runs now must survive a deploy. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';

const HISTORIES = join(__dirname, '../histories');
const names = readdirSync(HISTORIES).map((file) => file.replace(/\.json$/, ''));

// As made by the global set-up.
const workflowBundle = { code: readFileSync(process.env['CLIPYARD_TEST_WORKFLOW_BUNDLE'] ?? '', 'utf8') };

interface SavedHistory {
  readonly events: { eventType: string; activityTaskScheduledEventAttributes?: { activityType: { name: string } } }[];
}

function read(name: string): SavedHistory {
  return JSON.parse(readFileSync(join(HISTORIES, `${name}.json`), 'utf8')) as SavedHistory;
}

beforeAll(() => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
});

test.each(names)('the history %s replays', async (name) => {
  await expect(Worker.runReplayHistory({ workflowBundle }, read(name))).resolves.toBeUndefined();
});

test('a history with another activity in it is refused', async () => {
  const history = read('completed');
  const scheduled = history.events.find(
    ({ activityTaskScheduledEventAttributes: attributes }) => attributes?.activityType.name === 'submitTask',
  );
  if (!scheduled?.activityTaskScheduledEventAttributes) throw new Error('the history submits nothing');
  scheduled.activityTaskScheduledEventAttributes.activityType.name = 'somethingElse';
  await expect(Worker.runReplayHistory({ workflowBundle }, history)).rejects.toMatchObject({
    name: 'DeterminismViolationError',
  });
});

test('the bundle holds no schema library and no Node module', () => {
  const { code } = workflowBundle;
  expect(code).not.toMatch(/node_modules\/(zod|undici|drizzle-orm|fastify)\//);
  expect(code.replace(/\/\/# sourceMappingURL=.*$/s, '').length).toBeLessThan(650 * 1024);
});
