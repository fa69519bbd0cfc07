/** The example of a4f's page, run as it is printed, and the page's tables of models and of errors. */

import { ROOT_KEY } from '../system/clipyard-process.ts';
import { curlExamples, readPage } from './documents.ts';
import { type Examples, played, startExamples } from './running-clipyard.ts';

const HOST = 'https://api.a4f.co';
const page = readPage('a4f');
const [example = ''] = curlExamples(page);
const MODELS = [...page.matchAll(/^(provider-\d\/[a-z0-9.-]+)[A-Z]\w*?(\d)s((?:\d+p(?:, )?)+)/gm)].map(
  ([, model = '', seconds = '', qualities = '']) => ({
    model,
    seconds: Number(seconds),
    qualities: qualities.split(', '),
  }),
);
const ERRORS = [...page.matchAll(/^(\d{3})([a-z_]+)[A-Z]/gm)].map(([, status, code = '']) => ({
  status: Number(status),
  code,
}));

let clipyard: Examples;
beforeAll(async () => {
  clipyard = await startExamples();
}, 300_000);
afterAll(async () => {
  await clipyard?.close();
});

/** The example with some of its words exchanged. */
function run(changes: readonly (readonly [string | RegExp, string])[] = [], key = ROOT_KEY) {
  const command = changes.reduce((text, [from, to]) => text.replace(from, to), example);
  return clipyard.curl(command.replace(HOST, clipyard.url), { A4F_API_KEY: key });
}

/** The key of a new caller. */
async function join(terms: object): Promise<string> {
  const { key } = await clipyard.ask('/clipyard/v1/callers', { name: 'studio', ...terms });
  return String(key);
}

test('the page has one command, seven models and six errors', () => {
  expect([curlExamples(page).length, MODELS.length, ERRORS.length]).toEqual([1, 7, 6]);
});

test('the command is answered with the clip (A4-01 to A4-12, X20)', async () => {
  const { status, body } = await run();
  expect(status).toBe(200);
  const [clip, ...others] = body['data'] as { b64_json: string }[];
  expect(body).toEqual({
    created: expect.any(Number),
    data: [{ b64_json: expect.any(String), url: null, revised_prompt: null }],
  });
  expect(others).toEqual([]);
  const { durationSeconds, width, height } = await played(Buffer.from(clip?.b64_json ?? '', 'base64'));
  expect(durationSeconds).toBe(5);
  expect(width * 9).toBe(height * 16);
  const { items } = await clipyard.ask('/clipyard/v1/videos?limit=1');
  const [{ endedAt, request }] = items as [{ endedAt: string; request: object }];
  expect(body['created']).toBe(Math.floor(Date.parse(endedAt) / 1000));
  expect(request).toMatchObject({ durationSeconds: 5, quality: '1080p', aspectRatio: '16:9' });
});

test('the ratio is upright where the command does not say (A4-07)', async () => {
  const { body } = await run([[/,\s*"ratio": "16:9"/, '']]);
  const [clip] = body['data'] as [{ b64_json: string }];
  const { width, height } = await played(Buffer.from(clip.b64_json, 'base64'));
  expect(height * 9).toBe(width * 16);
});

test.each(MODELS)('$model makes $seconds s in $qualities and no more (A4-13 to A4-19, A4-22, X18)', async (one) => {
  const { model, seconds, qualities } = one;
  const named = ['provider-2/kling-v2.1', model] as const;
  const tooLong = await run([named, ['"duration": 5', `"duration": ${seconds + 1}`]]);
  const code = seconds === 8 ? 'invalid_request_error' : 'n_exceeds_model_limit';
  expect(tooLong).toMatchObject({ status: 400, body: { error: { param: 'duration', code } } });
  for (const quality of ['480p', '720p', '1080p'].filter((other) => !qualities.includes(other))) {
    const refused = await run([named, ['"duration": 5', '"duration": 1'], ['1080p', quality]]);
    expect(refused).toMatchObject({
      status: 400,
      body: { error: { param: 'quality', code: 'n_exceeds_model_limit' } },
    });
  }
  for (const quality of qualities) {
    const body = { model, durationSeconds: seconds, quality };
    expect(await clipyard.ask('/clipyard/v1/estimates', body)).toMatchObject({ model });
  }
});

test('every error of the page comes with its status and code (A4-21 to A4-27)', async () => {
  const answers = [
    await run([[/"quality": "1080p",\s*/, '']]),
    await run([['"duration": 5', '"duration": 8']]),
    await run([], 'stranger'),
    await run([], await join({ models: ['sandbox-mini'] })),
    await run([], await join({ maxQueuedVideos: 0 })),
  ];
  await clipyard.setFaults({ kind: 'failed_task', count: 1 });
  answers.push(await run());
  const told = answers.map(({ status, body }) => ({ status, code: (body['error'] as { code: string }).code }));
  expect(told).toEqual(ERRORS);
  const envelopes = answers.map(({ body }) => Object.keys(body['error'] as object).toSorted());
  expect(envelopes).toEqual(answers.map(() => ['code', 'message', 'param', 'type']));
});
