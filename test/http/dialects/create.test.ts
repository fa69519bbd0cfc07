/**
 * Creating a video over HTTP: what reaches the gateway, and what is refused before it does.
 *
 * @jest-environment-options {"timeZone":"Asia/Kathmandu"}
 */

import { airforce } from '../../../src/dialects/airforce.ts';
import { Refusal } from '../../../src/domain/failure.ts';
import { makeCaller } from '../../builders.ts';
import { KEY } from '../fake-gateway.ts';
import { AUTHORIZATION, makeApp } from '../test-app.ts';

const URL = '/v1/video/generations';
const BODY = { model: 'wan-2.6', prompt: 'a fox', duration_seconds: 8, sound: true };

function create(made: ReturnType<typeof makeApp>, body: object, headers: Record<string, string> = {}) {
  return made.app.inject({ method: 'POST', url: URL, headers: { ...AUTHORIZATION, ...headers }, payload: body });
}

test.each([URL, `/airforce${URL}`])('POST %s accepts a video (AF-05, AF-06, AF-09, AF-17)', async (url) => {
  const { app, gateway } = makeApp();
  const answer = await app.inject({ method: 'POST', url, headers: AUTHORIZATION, payload: BODY });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answer.json()).toMatchObject({ task_id: 'video_1', status: 'queued', progress: 0, cost_cents: 320 });
  expect(gateway.orders).toEqual([
    {
      caller: gateway.callers.get(KEY),
      dialect: 'airforce',
      draft: {
        model: 'wan-2.6',
        prompt: 'a fox',
        mode: 'text',
        durationSeconds: 8,
        images: [],
        extra: { sound: true },
      },
      retentionSeconds: 86_400,
      idempotency: null,
      times: {},
    },
  ]);
});

test.each([
  ['bare', 'k-1', 'k-1'],
  ['quoted', '"k-1"', 'k-1'],
  ['quoted with escapes', '"k\\"\\\\1"', 'k"\\1'],
  ['of 255 characters', 'k'.repeat(255), 'k'.repeat(255)],
])('an idempotency key that is %s reaches the gateway', async (_, header, key) => {
  const made = makeApp();
  await create(made, BODY, { 'idempotency-key': header });
  expect(made.gateway.orders[0]?.idempotency).toEqual({ key, bodyHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
});

test.each(['', '""', 'k'.repeat(256), 'naïve'])('idempotency key %j is refused', async (header) => {
  const made = makeApp();
  const answer = await create(made, BODY, { 'idempotency-key': header });
  expect(answer.statusCode).toBe(400);
  expect(made.gateway.orders).toEqual([]);
});

test('the body hash ignores order and white space alone', async () => {
  const made = makeApp();
  const bodies = [
    '{"model":"m","prompt":"p","x":{"a":1,"b":[1,2]}}',
    '{ "x": {"b":[1, 2],"a":1.0}, "prompt": "p", "model": "m" }',
    '{"model":"m","prompt":"p","x":{"a":1,"b":[2,1]}}',
  ];
  for (const payload of bodies) {
    const headers = { ...AUTHORIZATION, 'content-type': 'application/json; charset=utf-8', 'idempotency-key': 'k-1' };
    await made.app.inject({ method: 'POST', url: URL, headers, payload });
  }
  const [first, second, third] = made.gateway.orders.map(({ idempotency }) => idempotency?.bodyHash);
  expect(first).toBe(second);
  expect(first).not.toBe(third);
});

test.each([
  'http://127.0.0.1/a.png',
  'http://2130706433/a.png',
  'https://[::ffff:10.0.0.1]/a.png',
  'http://169.254.169.254/latest/meta-data',
  'http://localhost:9000/a.png',
])('an image at %s is refused', async (url) => {
  const made = makeApp({ trustedHosts: ['127.0.0.1:9000'] });
  const answer = await create(made, { ...BODY, mode: 'image', input_images: [{ url }] });
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toEqual({
    error: expect.stringMatching(/^input_images\.0\.url: .*private address/),
    code: 'invalid_request',
  });
});

test.each(['http://127.0.0.1:9000/a.png', 'https://10.0.0.1/a.png', 'https://example.com/a.png'])(
  'an image at trusted or public %s is taken',
  async (url) => {
    const made = makeApp({ trustedHosts: ['127.0.0.1:9000', '10.0.0.1:443'] });
    const answer = await create(made, { ...BODY, mode: 'image', input_images: [{ url }] });
    expect(answer.statusCode).toBe(200);
  },
);

test.each([
  [new Refusal('insufficient_credit', 'spent'), 402, undefined],
  [new Refusal('forbidden', 'this model is not yours'), 403, undefined],
  [new Refusal('idempotency_mismatch', 'another body'), 422, undefined],
  [new Refusal('too_many_videos', 'four already', { retryAfterSeconds: 12.2 }), 429, '13'],
  [new Refusal('unavailable', 'the catalog is away'), 503, '5'],
])('a refusal by the gateway keeps its status: %s (X17, X22)', async (refusal, status, retryAfter) => {
  const made = makeApp();
  made.gateway.failure = refusal;
  const answer = await create(made, BODY);
  expect(answer.statusCode).toBe(status);
  expect(answer.headers['retry-after']).toBe(retryAfter);
  expect(answer.json()).toEqual({ error: refusal.message, code: expect.any(String) });
});

test('a defect tells its request id and nothing else', async () => {
  const made = makeApp();
  made.gateway.failure = new TypeError('password is hunter2');
  const answer = await create(made, BODY, { 'x-request-id': 'req-7' });
  expect(answer.statusCode).toBe(500);
  expect(answer.json()).toEqual({ error: expect.stringContaining('req-7'), code: 'internal' });
  expect(answer.body).not.toContain('hunter2');
  expect(made.logged.join('')).toContain('hunter2');
});

test('the key is never logged', async () => {
  const made = makeApp();
  made.gateway.failure = new Error('broken');
  await create(made, BODY);
  expect(made.logged.join('')).not.toContain(KEY);
});

describe('at a path that two dialects document', () => {
  function makeShared(dialect: 'airforce' | null) {
    const routes = airforce.routes.map((route) =>
      route.kind === 'create'
        ? { ...route, ownKeys: ['duration', 'ratio'], render: () => ({ status: 200, body: { other: true } }) }
        : route,
    );
    const made = makeApp({ dialects: { other: { ...airforce, routes }, airforce } });
    made.gateway.callers.set(KEY, makeCaller({ dialect }));
    return made;
  }
  const plain = { model: 'm', prompt: 'p' };

  test.each([
    ['the caller decides first', 'airforce', { ...plain, duration: 5 }, false],
    ['the body decides for a caller without', null, { ...plain, mode: 'text' }, false],
    ['the body decides for the other', null, { ...plain, ratio: '1:1' }, true],
    ['the first answers when nothing decides', null, plain, true],
  ] as const)('%s (X1)', async (_, dialect, body, isOther) => {
    const answer = await create(makeShared(dialect), body);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual(isOther ? { other: true } : expect.objectContaining({ status: 'queued' }));
  });

  test('words of both are refused by name (X1)', async () => {
    const answer = await create(makeShared(null), { ...plain, duration: 5, ratio: '1:1', aspect_ratio: '1:1' });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()['error']).toMatch(/duration, ratio .*aspect_ratio/);
  });

  test('a prefix decides over the words', async () => {
    const made = makeShared(null);
    const payload = { ...plain, duration: 5, aspect_ratio: '1:1' };
    const answer = await made.app.inject({ method: 'POST', url: `/airforce${URL}`, headers: AUTHORIZATION, payload });
    expect(answer.json()).toMatchObject({ status: 'queued' });
    expect(made.gateway.orders[0]?.draft.extra).toEqual({ duration: 5 });
  });
});

describe('when a video is wanted', () => {
  test('is read from headers, as times or as seconds from now', async () => {
    const made = makeApp();
    const at = new Date(Date.now() + 3_600_000);
    const before = Date.now();
    const headers = { 'x-start-before': '60', 'x-end-before': at.toISOString(), 'x-priority': 'High' };
    expect((await create(made, BODY, headers)).statusCode).toBe(200);
    const { startBefore, ...times } = made.gateway.orders[0]?.times ?? {};
    expect(times).toEqual({ endBefore: at, priority: 1 });
    expect(startBefore?.getTime()).toBeGreaterThanOrEqual(before + 60_000);
    expect(startBefore?.getTime()).toBeLessThanOrEqual(Date.now() + 60_000);
  });

  test.each([
    ['2099-07-01', '2099-07-01T00:00:00Z'],
    ['2099-07-01T10:30', '2099-07-01T10:30:00Z'],
    ['2099-07-01T10:30:00.250', '2099-07-01T10:30:00.250Z'],
    ['2099-07-01T10:30:00Z', '2099-07-01T10:30:00Z'],
    ['2099-07-01T10:30:00-02:30', '2099-07-01T13:00:00Z'],
    ['2099-07-01T10:30:00+0545', '2099-07-01T04:45:00Z'],
  ])('is the same instant wherever the gateway runs: %s', async (value, instant) => {
    const made = makeApp();
    expect((await create(made, BODY, { 'x-end-before': value })).statusCode).toBe(200);
    expect(made.gateway.orders[0]?.times).toEqual({ endBefore: new Date(instant) });
  });

  test.each([
    ['x-start-before', 'tomorrow'],
    ['x-start-before', '0'],
    ['x-start-before', '-5'],
    ['x-end-before', '2020-01-01T00:00:00Z'],
    ['x-end-before', '1e9'],
    ['x-priority', 'urgent'],
    ['x-priority', '1'],
    ['x-priority', '__proto__'],
    ['x-priority', 'constructor'],
  ])('is refused as %s: %s', async (name, value) => {
    const made = makeApp();
    const answer = await create(made, BODY, { [name]: value });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ error: expect.stringContaining(name) });
    expect(made.gateway.orders).toEqual([]);
  });
});
