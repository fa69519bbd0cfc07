/** What a run's history tells, read from the histories that are kept of every way a video can go. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils.js';
import { readRunHistory } from '../../src/temporal/run-history.ts';

const HISTORIES = join(__dirname, '../histories');

/** The history up to the first event that `isLast` holds for, or all of it. */
function read(name: string, isLast: (event: string) => boolean = () => false) {
  const { events } = JSON.parse(readFileSync(join(HISTORIES, `${name}.json`), 'utf8')) as { events: object[] };
  const end = events.findIndex((event) => isLast(JSON.stringify(event)));
  return readRunHistory(historyFromJSON({ events: end < 0 ? events : events.slice(0, end + 1) }));
}

const schedules = (activity: string) => (event: string) =>
  event.includes('ACTIVITY_TASK_SCHEDULED') && event.includes(`"${activity}"`);

const RUNNING = { kind: 'running', task: { taskId: expect.any(String), submissionId: expect.any(String) } };
const SENT = { kind: 'sent', create: { submissionId: expect.any(String), provider: 'airforce' } };

test('what was asked for and accepted', () => {
  const { input, accepted, wasOpened } = read('completed');
  expect(input?.request.prompt).toEqual(expect.any(String));
  expect(accepted).toMatchObject({ dialect: expect.any(String), estimateMicroUsd: expect.any(Number) });
  expect(wasOpened).toBe(true);
  expect(read('completed', schedules('openVideo')).wasOpened).toBe(false);
});

test.each(['completed', 'adopted', 'polled', 'sent-again', 'rate-limited', 'failing-looks'])(
  'the task of a video that went the way %s, and its end',
  (name) => {
    expect(read(name)).toMatchObject({ memory: RUNNING, end: { state: 'completed' } });
  },
);

test('nothing of a task before the create is scheduled', () => {
  expect(read('adopted', schedules('requestSlot'))).toMatchObject({ memory: null, end: null });
});

test('a create that may have been sent', () => {
  expect(read('adopted', schedules('submitTask'))).toMatchObject({ memory: SENT, end: null });
});

test('no task after a create that a rate limit refused', () => {
  const sent = schedules('submitTask');
  let seen = 0;
  const facts = read('rate-limited', (event) => sent(event) && ++seen === 2);
  expect(facts.memory).toMatchObject(SENT);
  let looks = 0;
  const asked = schedules('requestSlot');
  expect(read('rate-limited', (event) => asked(event) && ++looks === 2).memory).toBeNull();
});

test.each(['cancelled-running', 'cancelled-archiving'])('the end of a video that was %s', (name) => {
  expect(read(name)).toMatchObject({ memory: RUNNING, end: { state: 'cancelled' } });
});

test('an end that came before the end of the task', () => {
  let looks = 0;
  const facts = read('cancelled-running', (event) => {
    if (event.includes('"endVideo"')) looks = 1;
    return looks === 1 && schedules('checkTask')(event);
  });
  expect(facts).toMatchObject({ memory: RUNNING, end: { state: 'cancelled', failure: { kind: 'cancelled' } } });
});
