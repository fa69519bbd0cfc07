/** What people see of a batch that they watch. */

import { stripVTControlCharacters } from 'node:util';
import { type Batch, requireAllCompleted } from '../../src/client/batch-answers.ts';
import { duration } from '../../src/client/output.ts';
import { openProgressView } from '../../src/client/progress.ts';
import { BATCH_PICTURE, Pace, type WatchedBatch } from '../../src/client/watch-batch.ts';

const COUNTS = { queued: 170, running: 8, completed: 120, failed: 2, cancelled: 0, expired: 0 };
const BATCH: Batch = {
  id: 'batch_1',
  name: 'foxes',
  state: 'in_progress',
  counts: COUNTS,
  total: 300,
  estimateMicroUsd: 30_000_000,
  invalid: [],
  expectedEndAt: null,
  costMicroUsd: 12_000_000,
  window: '24h',
  callbackUrl: null,
  retryOf: null,
  inputFileId: null,
  outputFileId: null,
  errorFileId: null,
  createdAt: '2026-03-01T12:00:00.000Z',
  expiresAt: '2026-03-02T12:00:00.000Z',
  endedAt: null,
  workflowUrl: null,
};
const seen = (batch: Partial<Batch>, failures: readonly string[] = []): WatchedBatch => {
  return { batch: { ...BATCH, ...batch }, answer: null, perMinute: 12.34, failures };
};
const ENDED = {
  state: 'completed',
  counts: { ...COUNTS, queued: 0, running: 0, completed: 298 },
  endedAt: '2026-03-01T13:00:00.000Z',
} as const;

function show(isTTY: boolean, ...all: readonly WatchedBatch[]): string {
  let shown = '';
  const write = (text: string | Uint8Array) => {
    shown += text;
    return true;
  };
  const view = openProgressView({ isTTY, write }, BATCH_PICTURE);
  for (const each of all) view.update(each);
  view.close();
  return shown;
}

test('a terminal shows a table that is drawn in place', () => {
  const shown = show(true, seen({}), seen(ENDED, ['line 7 (fox) failed: too red']));
  // The second drawing begins where the first did, five lines high.
  expect(shown.split('\u001B[4A\r')).toHaveLength(2);
  const [first = '', second = ''] = stripVTControlCharacters(shown).split('\r').slice(1);
  expect(first.split('\n')).toEqual([
    'batch_1 foxes in_progress',
    `${'█'.repeat(10)}${'░'.repeat(14)} 122 of 300`,
    '     queued    running  completed     failed  cancelled    expired',
    '        170          8        120          2          0          0',
    '12.3 clips a minute · $12.00 of about $30.00',
  ]);
  expect(second.split('\n').slice(4)).toEqual([
    'ended 2026-03-01 13:00:00Z · 12.3 clips a minute · $12.00 of about $30.00',
    'line 7 (fox) failed: too red',
    '',
  ]);
});

test('without a terminal there is a line for each change, and one for each failure', () => {
  const failure = 'line 7 (fox) failed: too red';
  expect(show(false, seen({}), seen({}), seen({}, [failure]), seen(ENDED, [failure])).split('\n')).toEqual([
    'in_progress: 170 queued, 8 running, 120 completed, 2 failed, $12.00',
    failure,
    'completed: 298 completed, 2 failed, $12.00',
    '',
  ]);
});

test('the expected end is told with how long that is', () => {
  const expectedEndAt = new Date(Date.now() + 3_600_000).toISOString();
  expect(show(true, seen({ expectedEndAt }))).toMatch(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ, in (?:1 h 0|60|59) min · /);
});

test.each([
  [-5, '0 s'],
  [40_000, '40 s'],
  [61_000, '2 min'],
  [3_600_000, '1 h 0 min'],
  [11_100_000, '3 h 5 min'],
])('%d ms are %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test('the pace is that of the latest ten minutes, once something has ended', () => {
  const pace = new Pace();
  expect(pace.perMinute(5, 0)).toBeNull();
  expect(pace.perMinute(5, 60_000)).toBeNull();
  expect(pace.perMinute(15, 120_000)).toBe(5);
  expect(pace.perMinute(15, 900_000)).toBeNull();
});

test('what did not complete can be made again, what never was a clip cannot', () => {
  const ended = { ...BATCH, ...ENDED };
  expect(() => requireAllCompleted({ ...ended, total: 300 })).toThrow(
    '2 of 300 lines of batch_1 did not complete; to make them again: clipyard batch retry batch_1',
  );
  expect(() => requireAllCompleted({ ...ended, total: 298 })).toThrow(/ did not complete$/);
});
