/** Nothing that a provider makes of any answer is larger than its bound or cannot be stored. */

import { array, assert, constantFrom, dictionary, integer, jsonValue, oneof, property, string } from 'fast-check';
import { isStorable } from '../../../src/domain/video-request.ts';
import { readReply } from '../../../src/net/trusted/request-json.ts';
import { judgeReply } from '../../../src/providers/create-outcome.ts';
import { linkIn } from '../../../src/providers/reading/result-link.ts';
import { readTaskList } from '../../../src/providers/reading/task-list.ts';
import { readTaskStatus } from '../../../src/providers/reading/task-status.ts';

const KEYS = [
  'id',
  'task_id',
  'status',
  'state',
  'error',
  'message',
  'code',
  'fail_reason',
  'data',
  'url',
  'progress',
  'created_at',
  'expires_at',
  'cost_cents',
  'usage',
  'model',
  'seconds',
  'request_id',
];
const text = oneof(
  string({ unit: 'binary', maxLength: 2600 }),
  constantFrom('completed', 'failed', 'a\0', '\uD800', '1e9'),
);
const number = oneof(integer(), constantFrom(1e300, -1e300, 2 ** 60, 0.5));
const value = oneof(text, number, jsonValue({ stringUnit: 'binary' }), dictionary(constantFrom(...KEYS), text));
const task = dictionary(constantFrom(...KEYS), value);
const answers = { body: oneof(task, array(task), dictionary(constantFrom('data', 'items'), array(task))) };
const status = constantFrom(200, 202, 307, 400, 403, 404, 422, 500, 503);

const reply = (code: number, body: unknown) =>
  readReply(
    { status: code, headers: { 'x-request-id': 'r'.repeat(5000) }, bytes: Buffer.from(JSON.stringify(body)) },
    { apiKey: 'key-of-ours' },
  );

/** Every text in a value but prompts, which are compared and never kept. */
function textsIn(found: unknown, key = ''): string[] {
  if (typeof found === 'string') return key === 'prompt' ? [] : [found];
  if (typeof found !== 'object' || found === null) return [];
  return Object.entries(found).flatMap(([name, inner]) => textsIn(inner, name));
}

function numbersIn(found: unknown): number[] {
  if (typeof found === 'number') return [found];
  if (typeof found !== 'object' || found === null) return [];
  return Object.values(found).flatMap(numbersIn);
}

const LONGEST = 8192;

function expectKeepable(outcome: unknown): void {
  const texts = textsIn(outcome);
  expect(texts.filter((said) => !isStorable(said) || said.length > LONGEST)).toEqual([]);
  expect(numbersIn(outcome).filter((one) => !Number.isFinite(one) || Math.abs(one) > Number.MAX_SAFE_INTEGER)).toEqual(
    [],
  );
}

/** What a reading throws is shown as well. */
function outcomeOf(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    const { message, upstream } = error as { message: string; upstream: unknown };
    expect(message.length).toBeLessThanOrEqual(2000);
    return { message, upstream };
  }
}

const resultOf = (shown: Parameters<typeof linkIn>[0]) => {
  const url = linkIn(shown);
  return url === undefined ? null : { url, needsKey: false, expiresAtMs: null };
};

test('of a poll', async () => {
  await assert(
    property(status, answers.body, (code, body) => {
      expectKeepable(outcomeOf(() => readTaskStatus(reply(code, body), { wanted: 'the task', resultOf })));
    }),
  );
});

test('of a list', async () => {
  await assert(
    property(status, answers.body, (code, body) => {
      const reading = { wanted: 'the list', entriesKey: 'data', idKey: 'id' };
      expectKeepable(outcomeOf(() => readTaskList(reply(code, body), reading)));
    }),
  );
});

test('of a create', async () => {
  const create = { baseUrl: 'https://api.example', path: '/v1/videos', idKey: 'id', upstreamModel: 'wan' };
  await assert(
    property(status, answers.body, string(), (code, body, prompt) => {
      expectKeepable(judgeReply(reply(code, body), { ...create, prompt }));
    }),
  );
});
