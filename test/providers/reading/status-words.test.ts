/** The table of status words: it has what is documented, and what it has not means nothing. */

import { plainWord } from '../../../src/domain/plain-word.ts';
import { meaningOf } from '../../../src/providers/reading/status-words.ts';
import { STATUSES as AIRFORCE } from '../../../src/wire/airforce.ts';
import { STATUSES as AIRFORCE_2024 } from '../../../src/wire/airforce-2024.ts';
import { STATES as INFRAI } from '../../../src/wire/infrai.ts';
import { STATUSES as OPENAI } from '../../../src/wire/openai/videos.ts';

const ENDS: Readonly<Record<string, string>> = {
  completed: 'succeeded',
  failed: 'failed',
  expired: 'failed',
  cancelled: 'failed',
};

test.each([...new Set([...AIRFORCE, ...AIRFORCE_2024, ...INFRAI, ...OPENAI])])(
  'the documented word %s is known (AF-29, AO-09, OV-17, X3)',
  (word) => {
    expect(meaningOf(word)).toBe(ENDS[word] ?? 'pending');
  },
);

test.each([
  ['SUCCESS', 'succeeded'],
  ['Ready', 'succeeded'],
  [' done\n', 'succeeded'],
  ['FAILURE', 'failed'],
  ['Content Moderated', 'failed'],
  ['TIMED-OUT', 'failed'],
  ['IN_QUEUE', 'pending'],
  ['In Progress', 'pending'],
  ['NOT_START', 'pending'],
  ['inProgress', 'pending'],
  ['TASK_STATUS_SUCCEED', 'succeeded'],
  ['JOB_STATE_FAILED', 'failed'],
  ['STATE_RUNNING', 'pending'],
])('%j means %s', (word, meaning) => {
  expect(meaningOf(word)).toBe(meaning);
});

test.each(['', 'status', 'dreaming', 'constructor', '__proto__', 'successfully queued', '200'])(
  '%j means nothing',
  (word) => {
    expect(meaningOf(word)).toBeUndefined();
  },
);

test('one spelling stands for both of a cancelled task', () => {
  expect([plainWord('Canceled'), plainWord('CANCELLED')]).toEqual(['cancelled', 'cancelled']);
});
