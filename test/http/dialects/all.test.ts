/** What holds for every dialect at every route: keys, shapes of errors, hostile input. */

import fc from 'fast-check';
import { DIALECTS } from '../../../src/dialects/index.ts';
import { type DialectName, DIALECTS as NAMES } from '../../../src/domain/vendor.ts';
import { makeCaller, makeCompletedVideo } from '../../builders.ts';
import { randomRuns } from '../../random-runs.ts';
import { KEY } from '../fake-gateway.ts';
import { LIBRARY_WORDS } from '../library-words.ts';
import { AUTHORIZATION, makeApp } from '../test-app.ts';

const TEXT = expect.any(String);
const ENVELOPE = { error: expect.objectContaining({ message: TEXT, type: TEXT, code: TEXT }) };
/** OPERATION: the error shape of each dialect. */
const ERROR_OF = {
  airforce: { error: TEXT, code: TEXT },
  'airforce-2024': { error: { type: TEXT, message: TEXT } },
  infrai: { error: { code: expect.stringMatching(/^[A-Z_]+$/), message: TEXT } },
  openai: ENVELOPE,
  a4f: ENVELOPE,
  'ai-gateway': ENVELOPE,
} as const;
/** Where one dialect wants its model, which the others ignore. */
const MODEL_HEADER = { 'ai-model-id': 'wan-2.6' };
const JSON_HEADERS = { ...AUTHORIZATION, ...MODEL_HEADER, 'content-type': 'application/json' };

const ROUTES = NAMES.flatMap((name) => DIALECTS[name].routes.map(({ method, path }) => ({ name, method, path })));
const HOSTILE = ['%00', '%ff', '%zz', '%', "'--", '..%2f..%2fetc', '%ED%A0%80', '__proto__', 'undefined', '%0d%0ax:1'];

/** The route at which a dialect has its videos made. */
function createOf(name: DialectName) {
  return DIALECTS[name].routes.find(({ kind }) => ['create', 'createAndWait', 'createMany'].includes(kind));
}

test.each(ROUTES)(
  '$method /$name$path wants a key (AF-07, IN-02, A4-02, A4-23, OV-04, X22)',
  async ({ name, method, path }) => {
    const { app } = makeApp();
    for (const headers of [{}, { authorization: 'Bearer stranger' }]) {
      const answer = await app.inject({ method, url: `/${name}${path.replace(':id', 'video_1')}`, headers });
      expect(answer.statusCode).toBe(401);
      expect(answer.headers).toMatchObject({ 'www-authenticate': 'Bearer', 'x-request-id': TEXT });
      expect(answer.json()).toEqual(ERROR_OF[name]);
    }
  },
);

test.each(ROUTES)(
  '$method /$name$path says when a caller asks too often (A4-25, X22)',
  async ({ name, method, path }) => {
    const { app, gateway } = makeApp({ syncWaitSeconds: 0.001 });
    gateway.callers.set(KEY, makeCaller({ maxRequestsPerMinute: 1 }));
    const ask = () => app.inject({ method, url: `/${name}${path.replace(':id', 'video_1')}`, headers: AUTHORIZATION });
    const first = await ask();
    expect(first.statusCode).not.toBe(429);
    const second = await ask();
    expect(second.statusCode).toBe(429);
    expect(second.json()).toEqual(ERROR_OF[name]);
    expect(second.headers).toMatchObject({ 'ratelimit-policy': '"caller";q=1;w=60' });
    expect(second.headers['ratelimit']).toBe(`"caller";r=0;t=${String(second.headers['retry-after'])}`);
    expect(gateway.orders.length).toBeLessThanOrEqual(1);
  },
);

test.each(ROUTES)('$method /$name$path survives hostile ids, queries and bodies', async ({ name, method, path }) => {
  const { app, gateway } = makeApp({ syncWaitSeconds: 0.001 });
  gateway.put(makeCompletedVideo());
  const bodies = method === 'GET' ? [undefined] : ['', '{', '[]', 'null', '"x"', '{"prompt":{},"days":{}}', undefined];
  for (const text of [...HOSTILE, 'video_1']) {
    for (const payload of bodies) {
      const url = `/${name}${path.replace(':id', text)}?limit=${text}&cursor=${text}&${text}=1`;
      const answer = await app.inject({
        method,
        url,
        headers: JSON_HEADERS,
        ...(payload !== undefined && { payload }),
      });
      const isServerError = answer.statusCode >= 500 && answer.statusCode !== 504;
      expect({ url, payload, isServerError }).toEqual({ url, payload, isServerError: false });
      if (answer.statusCode >= 400) expect(answer.json()).toEqual(ERROR_OF[name]);
    }
  }
});

test.each(ROUTES)('$method /$name$path tells nothing of a defect', async ({ name, method, path }) => {
  const { app, gateway } = makeApp();
  const bodies = [
    { model: 'm', prompt: 'p', quality: '720p', duration: 5 },
    { prompt: 'p', days: 1 },
  ];
  for (const payload of method === 'GET' ? [undefined] : bodies) {
    gateway.failure = new TypeError('password is hunter2');
    const url = `/${name}${path.replace(':id', 'video_1')}`;
    const headers = { ...AUTHORIZATION, ...MODEL_HEADER };
    const answer = await app.inject({ method, url, headers, ...(payload && { payload }) });
    expect(answer.body).not.toContain('hunter2');
    if (answer.statusCode === 500) expect(answer.json()).toEqual(ERROR_OF[name]);
  }
});

test.each(NAMES)('unknown routes and methods of %s have its shape (X22)', async (name) => {
  const { app } = makeApp();
  const [route] = DIALECTS[name].routes;
  const missing = await app.inject({ url: `/${name}/v1/nothing` });
  expect({ status: missing.statusCode, body: missing.json() }).toEqual({ status: 404, body: ERROR_OF[name] });
  const method = await app.inject({ method: 'PATCH', url: `/${name}${route?.path.replace(':id', 'video_1')}` });
  expect({ status: method.statusCode, body: method.json() }).toEqual({ status: 405, body: ERROR_OF[name] });
});

test.each([
  ['/v4/ai/nothing', 'ai-gateway'],
  ['/v4/ai/video-model/start/nothing', 'ai-gateway'],
  ['/v1/videos/video_1/nothing', 'openai'],
  ['/v1/openai/nothing', 'openai'],
  ['/v1/video/nothing', 'airforce'],
  ['/v1/nothing', 'openai'],
] as const)('an unknown route %s beside documented ones has the shape of %s (X22)', async (url, name) => {
  const { app } = makeApp();
  for (const method of ['GET', 'POST'] as const) {
    const missing = await app.inject({ method, url });
    expect({ status: missing.statusCode, body: missing.json() }).toEqual({ status: 404, body: ERROR_OF[name] });
  }
  expect((await app.inject({ url: '/nothing' })).json()).toMatchObject({
    code: 'not_found',
    detail: expect.any(String),
  });
});

test.each(NAMES)('a caller of %s is answered in its shape where it stands', async (name) => {
  const { app, gateway } = makeApp();
  gateway.callers.set(KEY, makeCaller({ dialect: name }));
  const create = createOf(name);
  for (const payload of ['{', '{}', '[]']) {
    const answer = await app.inject({ method: 'POST', url: create?.path ?? '', headers: JSON_HEADERS, payload });
    expect({ status: answer.statusCode, body: answer.json() }).toEqual({ status: 400, body: ERROR_OF[name] });
  }
});

test.each(NAMES)('any JSON that %s is sent is answered with 2xx or 4xx', async (name) => {
  const { app } = makeApp({ syncWaitSeconds: 0.001 });
  const create = createOf(name);
  const keys = fc.record(
    {
      model: fc.oneof(fc.constant('wan-2.6'), fc.jsonValue()),
      prompt: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue()),
      quality: fc.oneof(fc.constant('720p'), fc.jsonValue()),
      duration: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.jsonValue()),
      duration_seconds: fc.oneof(fc.double(), fc.jsonValue()),
      seconds: fc.oneof(fc.integer().map(String), fc.jsonValue()),
      size: fc.oneof(fc.constant('1280x720'), fc.jsonValue()),
      input_reference: fc.oneof(fc.dictionary(fc.constantFrom('image_url', 'file_id'), fc.string()), fc.jsonValue()),
      reference_image_url: fc.oneof(fc.webUrl(), fc.jsonValue()),
      idempotency_key: fc.oneof(fc.string(), fc.jsonValue()),
      seed: fc.jsonValue(),
      n: fc.oneof(fc.integer(), fc.jsonValue()),
      image: fc.oneof(fc.dictionary(fc.constantFrom('type', 'url', 'data'), fc.string()), fc.jsonValue()),
      providerOptions: fc.oneof(fc.dictionary(fc.string(), fc.dictionary(fc.string(), fc.jsonValue())), fc.jsonValue()),
    },
    { requiredKeys: ['model', 'prompt'] },
  );
  const answersWell = async (value: unknown) => {
    const url = `/${name}${create?.path}`;
    const answer = await app.inject({ method: 'POST', url, headers: JSON_HEADERS, payload: JSON.stringify(value) });
    // 504: an accepted video that is waited for.
    expect([200, 400, 504]).toContain(answer.statusCode);
    if (answer.statusCode !== 200) expect(answer.json()).toEqual(ERROR_OF[name]);
    expect(answer.body).not.toMatch(LIBRARY_WORDS);
  };
  await fc.assert(fc.asyncProperty(keys, answersWell), randomRuns(150));
});
