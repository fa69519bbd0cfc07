/** Descriptions of upstream APIs: what one may leave out, and mistakes with their place and reason. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescriptionError, descriptionFile, parseDescription, readDescription } from '../../src/config/descriptions.ts';
import { readConfigFile } from '../../src/config/upstreams.ts';

/** As short as one can be. */
const GOOD = `name: mine
create:
  path: /v1/videos
  fields: { prompt: $prompt }
  taskId: /id
  idempotencyHeader: null
status:
  path: /v1/videos/{taskId}
  word: /status
  words: { succeeded: [done] }
  resultUrl: /url
list: null
`;

function problemsIn(text: string): string[] {
  try {
    parseDescription(text, '/somewhere/mine.yaml');
    return [];
  } catch (error) {
    if (!(error instanceof DescriptionError)) throw error;
    return error.message.split('\n');
  }
}

const within = (before: string, after: string) => GOOD.replace(before, after);

test('a description may leave out what has a usual value', () => {
  expect(parseDescription(GOOD, 'mine.yaml')).toMatchObject({
    auth: { header: 'Authorization', value: 'Bearer $apiKey' },
    create: { method: 'POST', body: 'json', extra: '', taskId: ['/id'] },
    status: { method: 'GET', failure: ['/error/message', '/error', '/message'], everyStatusCode: false, cost: null },
    content: null,
    cancel: null,
    timing: { firstPollMs: 5_000, minPollMs: 5_000, maxPollMs: 15_000 },
    limits: { images: 0 },
    models: [],
  });
});

test('the example of the documentation is one', () => {
  const text = `name: example
create: { method: POST, path: /v1/videos, body: json, fields: { prompt: $prompt, seconds: $durationSeconds, size: $size, image: $imageUrl },
          ratios: { "16:9": 1280x720 }, idempotencyHeader: null, taskId: [/id, /request_id, /task_id] }
status: { method: GET, path: "/v1/videos/{taskId}", word: /status, progress: /progress,
          words: { succeeded: [completed, succeeded, done], failed: [failed, error], cancelled: [cancelled], pending: [queued, in_progress] },
          failure: [/error/message, /error, /message], resultUrl: [/url, /video/url], cost: { at: /usage/cost, unit: usd }, everyStatusCode: false }
content: { path: "/v1/videos/{taskId}/content" }
list: null            # or { path, items: /data, taskId, createdAt, prompt }
cancel: null
refusals: { 503: account }
timing: { firstPollMs: 5000, minPollMs: 5000, maxPollMs: 15000 }
limits: { images: 1 }
models: []
`;
  expect(problemsIn(text)).toEqual([]);
});

test.each<[string, string, string]>([
  ['what is no YAML', 'name: [', 'mine.yaml:1:8: the file is not YAML: Flow sequence'],
  ['a key twice', `${GOOD}list: null\n`, 'mine.yaml:13:1: the file is not YAML: Map keys must be unique'],
  ['an empty file', '', 'mine.yaml:1:1: name is missing'],
  ['a key that is not known', `${GOOD}polling: 5\n`, 'mine.yaml:13:1: polling is not a known key'],
  ['one further down', within('  taskId: /id', '  taskid: /id'), 'mine.yaml:5:3: create.taskid is not a known key'],
  ['no id', within('  taskId: /id\n', ''), 'mine.yaml:2:1: create.taskId is missing'],
  [
    'an id that is no pointer',
    within('taskId: /id', 'taskId: [/id, data.id]'),
    'mine.yaml:5:17: create.taskId[1] is no JSON pointer',
  ],
  ['a name with blanks', within('mine', 'my own'), 'mine.yaml:1:1: name is no name of small letters'],
  ['no prompt', within('$prompt', 'a cat'), 'mine.yaml:4:3: create.fields has no $prompt'],
  [
    'a value that is not known',
    within('$prompt', '$promt'),
    'mine.yaml:4:13: create.fields.prompt has $promt, and can have $prompt',
  ],
  [
    'a path without its slash',
    within('path: /v1/videos\n', 'path: v1/videos\n'),
    'mine.yaml:3:3: create.path is no path that begins with /',
  ],
  [
    'a path with another name',
    within('{taskId}', '{id}'),
    'mine.yaml:8:3: status.path has {id}, and can have {taskId}',
  ],
  [
    'a value within a text',
    within('$prompt }', '$prompt, note: { text: "of $durationSeconds seconds" } }'),
    'mine.yaml:4:30: create.fields.note has $durationSeconds within a text, where nothing is filled in',
  ],
  [
    'a cancel of no task',
    `${GOOD}cancel: { method: DELETE, path: /v1/videos }\n`,
    'mine.yaml:13:27: cancel.path has no {taskId}',
  ],
  [
    'a content route of no task',
    `${GOOD}content: { path: /v1/content }\n`,
    'mine.yaml:13:12: content.path has neither {taskId} nor {resultId}',
  ],
  [
    'lengths in the wrong order',
    `${GOOD}models: [{ id: a, pricePerSecondMicroUsd: 1, minDurationSeconds: 9, maxDurationSeconds: 3 }]\n`,
    'mine.yaml:13:46: models[0].minDurationSeconds is larger than maxDurationSeconds',
  ],
  ['a path without the task', within('/{taskId}', ''), 'mine.yaml:8:3: status.path has no {taskId}'],
  ['no word of success', within('[done]', '[]'), 'mine.yaml:10:12: status.words.succeeded is empty'],
  [
    'one word for two ends',
    within('[done]', '[done], failed: [Done]'),
    'mine.yaml:10:31: status.words.failed has Done, which succeeded has too',
  ],
  [
    'one word in two spellings for two ends',
    within('[done]', '[allDone], pending: [ALL-DONE]'),
    'mine.yaml:10:34: status.words.pending has ALL-DONE, which succeeded has too',
  ],
  ['a word that is none', within('[done]', '[[done]]'), 'mine.yaml:10:24: status.words.succeeded[0] is no word'],
  ['nowhere a clip', within('  resultUrl: /url\n', ''), 'mine.yaml:7:1: status has no resultUrl'],
  [
    'silence about lost answers',
    within('list: null\n', ''),
    'mine.yaml:1:1: list is missing: say null where there is none',
  ],
  [
    'silence about keys',
    within('  idempotencyHeader: null\n', ''),
    'mine.yaml:2:1: create.idempotencyHeader is missing: say null',
  ],
  [
    'a list that tells nothing',
    within('list: null', 'list: { path: /v1/videos, items: /data, taskId: /id }'),
    'mine.yaml:12:1: list has neither createdAt nor prompt',
  ],
  [
    'images without a field',
    `${GOOD}limits: { images: 1 }\n`,
    'mine.yaml:13:11: limits.images is more than 0, and create has no field',
  ],
  [
    'a field without images',
    within('$prompt }', '$prompt, image: $imageUrl }'),
    'limits says images: 0, and create has a field',
  ],
  [
    'a file in JSON',
    `${within('$prompt }', '$prompt, image: $imageFile }')}limits: { images: 1 }\n`,
    'create.body is json, which carries no $imageFile',
  ],
  [
    'a unit that is not known',
    within('  resultUrl', '  cost: { at: /cost, unit: credits }\n  resultUrl'),
    'mine.yaml:11:22: status.cost.unit is not one of usd, cent',
  ],
  [
    'a refusal that is not known',
    `${GOOD}refusals: { 503: later }\n`,
    'mine.yaml:13:13: refusals.503 is not one of account, model, request, lost',
  ],
  [
    'a key in the headers',
    `${GOOD}headers: { Authorization: Bearer sk-1 }\n`,
    'mine.yaml:13:12: headers.Authorization is not for a description to set',
  ],
  [
    'a header without the key',
    `${GOOD}auth: { value: Bearer }\n`,
    'mine.yaml:13:9: auth.value does not say where the key stands',
  ],
  [
    'intervals that cross',
    `${GOOD}timing: { minPollMs: 9000, maxPollMs: 5000 }\n`,
    'mine.yaml:13:11: timing.minPollMs is larger than maxPollMs, 5000',
  ],
  [
    'text for a number',
    `${GOOD}timing: { minPollMs: 5s }\n`,
    'mine.yaml:13:11: timing.minPollMs is not a whole number',
  ],
  [
    'a model without a length',
    `${GOOD}models: [{ id: m, pricePerSecondMicroUsd: 1 }]\n`,
    'mine.yaml:13:10: models[0].durationsSeconds or maxDurationSeconds is needed',
  ],
  [
    'a bomb of aliases',
    `${GOOD}a: &a [1,1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n`,
    'Excessive alias count',
  ],
])('%s is refused with its place and its reason', (_name, text, problem) => {
  expect(problemsIn(text).join('\n')).toContain(problem);
});

test('all mistakes are named at once', () => {
  const text = within('mine', 'My').replace('[done]', '[]').replace('/status\n', 'status\n');
  expect(problemsIn(text)).toHaveLength(3);
});

describe('an account', () => {
  const folder = mkdtempSync(join(tmpdir(), 'descriptions-'));
  const at = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const environment = { KEY: 'sk-1' };
  const configWith = (account: string) =>
    at('clipyard.yaml', `accounts: [{ id: a, baseUrl: http://127.0.0.1:9, apiKeyEnv: KEY, ${account} }]`);

  test('names a description that is shipped, or a file beside clipyard.yaml', () => {
    at('mine.yaml', GOOD);
    for (const [api, name] of [
      ['vllm-omni', 'vllm-omni'],
      ['./mine.yaml', 'mine'],
      ['mine.yaml', 'mine'],
    ] as const) {
      const { accounts, descriptions } = readConfigFile(configWith(`provider: described, api: ${api}`), environment);
      expect(accounts).toMatchObject([{ id: 'a', provider: 'described', api }]);
      expect(descriptions[api]).toMatchObject({ name });
    }
  });

  test.each([
    ['provider: described', 'accounts[0].api is missing'],
    ['provider: openai, api: sglang', 'accounts[0].api is for provider described, and this is openai'],
    ['provider: described, api: vlm-omni', 'names vlm-omni, which is no description; did you mean vllm-omni?'],
    ['provider: described, api: ./none.yaml', 'accounts[0].api: none.yaml cannot be read'],
    ['provider: described, api: ./bad.yaml', 'accounts[0].api: bad.yaml:1:1: create is missing'],
    [
      'provider: described, api: runway, timing: { maxPollMs: 1000 }',
      'accounts[0].timing.maxPollMs is smaller than minPollMs, 5000',
    ],
  ])('with %s is refused', (account, problem) => {
    at('bad.yaml', 'name: bad\n');
    expect(() => readConfigFile(configWith(account), environment)).toThrow(problem);
  });

  test('reads no description that is too long for one', () => {
    const file = at('long.yaml', `${GOOD}# ${'x'.repeat(64 * 1024)}\n`);
    expect(() => readDescription(file)).toThrow('long.yaml is larger than 65536 bytes');
    expect(descriptionFile('./long.yaml', join(folder, 'clipyard.yaml'))).toBe(file);
  });
});
