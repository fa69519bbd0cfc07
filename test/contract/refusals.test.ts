/** What is refused, over HTTP and against the real catalog: the same reason in the words of each dialect. */

import { CREATES, type FrontDoor, openFrontDoor } from './front-door.ts';

let door: FrontDoor;
beforeAll(async () => {
  door = await openFrontDoor();
});
afterAll(async () => {
  await door.close();
});

/** The word of a refusal, wherever its dialect has it. */
function codeOf(body: Record<string, unknown>): unknown {
  const error = body['error'] as { code?: string; type?: string } | string;
  return typeof error === 'string' ? body['code'] : (error.code ?? error.type);
}

/** What a create of each dialect is answered. */
async function refusals(key: string, more: object = {}) {
  const told: Record<string, unknown> = {};
  for (const [dialect, { url, body }] of Object.entries(CREATES)) {
    const { status, body: said } = await door.call(key, 'POST', url, { ...body, ...more });
    told[dialect] = [status, codeOf(said)];
  }
  return told;
}

test('a key that no caller has is 401 (AF-07, IN-02, A4-23, OV-04, X22)', async () => {
  expect(await refusals('stranger')).toEqual({
    airforce: [401, 'unauthenticated'],
    'airforce-2024': [401, 'unauthenticated'],
    infrai: [401, 'UNAUTHENTICATED'],
    openai: [401, 'invalid_api_key'],
    a4f: [401, 'invalid_api_key'],
  });
});

test('a model that no account offers is 400 (AF-09, A4-03, A4-21, OV-06, OV-23, X22)', async () => {
  expect(await refusals(await door.join(), { model: 'nothing' })).toEqual({
    airforce: [400, 'unknown_model'],
    'airforce-2024': [400, 'unknown_model'],
    infrai: [400, 'UNKNOWN_MODEL'],
    openai: [400, 'model_not_found'],
    a4f: [400, 'invalid_request_error'],
  });
});

test('a model that the caller may not use is 403 (A4-24, X22)', async () => {
  expect(await refusals(await door.join({ models: ['another'] }))).toEqual({
    airforce: [403, 'forbidden'],
    'airforce-2024': [403, 'forbidden'],
    infrai: [403, 'FORBIDDEN'],
    openai: [403, 'forbidden'],
    a4f: [403, 'permission_denied_error'],
  });
});

test('a spent credit is 402 (IN-03, X22)', async () => {
  expect(await refusals(await door.join({ creditMicroUsd: 1 }))).toEqual({
    airforce: [402, 'insufficient_credit'],
    'airforce-2024': [402, 'insufficient_credit'],
    infrai: [402, 'INSUFFICIENT_CREDIT'],
    openai: [402, 'insufficient_credit'],
    a4f: [402, 'insufficient_credit'],
  });
});

test('credit that running videos hold is 402 at infrai with its one code (IN-03)', async () => {
  const key = await door.join({ creditMicroUsd: 2_000_000 });
  await door.create(key, 'infrai');
  const { url, body } = CREATES.infrai;
  const { status, body: said } = await door.call(key, 'POST', url, body);
  expect([status, codeOf(said)]).toEqual([402, 'INSUFFICIENT_CREDIT']);
});

test('a video above the limit of a caller is 429 with a time to wait, or waits (A4-25, X17, X22)', async () => {
  const key = await door.join({ maxRunningVideos: 1, overflow: 'reject' });
  await door.create(key, 'airforce');
  expect(await refusals(key)).toEqual({
    airforce: [429, 'concurrency_limit_exceeded'],
    'airforce-2024': [429, 'concurrency_limit_exceeded'],
    infrai: [429, 'CONCURRENCY_LIMIT_EXCEEDED'],
    openai: [429, 'concurrency_limit_exceeded'],
    a4f: [429, 'rate_limit_exceeded'],
  });
  const { headers } = await door.call(key, 'POST', CREATES.airforce.url, CREATES.airforce.body);
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  const patient = await door.join({ maxRunningVideos: 1 });
  for (const _ of ['first', 'second', 'third', 'fourth', 'fifth']) {
    expect((await door.call(patient, 'POST', CREATES.airforce.url, CREATES.airforce.body)).body).toMatchObject({
      status: 'queued',
    });
  }
});

test('one idempotency key with two bodies is 422, with one body one video (IN-12, IN-32, X22)', async () => {
  const key = await door.join();
  const { url } = CREATES.infrai;
  const ask = (prompt: string) => door.call(key, 'POST', url, { prompt, idempotency_key: 'k-1' });
  const [first, again, other] = [await ask('a fox'), await ask('a fox'), await ask('a bear')];
  expect(again).toMatchObject({ status: 200, body: first.body });
  expect([other.status, codeOf(other.body)]).toEqual([422, 'IDEMPOTENCY_MISMATCH']);
  expect((await door.call(key, 'GET', '/infrai/v1/video/list')).body['items']).toEqual([first.body]);
});

test.each([
  ['mode', { mode: 'reference', input_images: [{ url: 'https://example.com/a.png' }] }, 'text, image'],
  ['duration_seconds', { duration_seconds: 4 }, '5 to 10'],
  ['duration_seconds', { duration_seconds: 11 }, '5 to 10'],
  ['aspect_ratio', { aspect_ratio: '4:3' }, '16:9'],
  ['quality', { quality: '480p' }, '720p'],
])('a %s that the model has not is 400 with what it has: %j (AF-11 to AF-14)', async (param, more, allowed) => {
  const { url, body } = CREATES.airforce;
  const answer = await door.call(await door.join(), 'POST', url, { ...body, ...more });
  expect(answer.status).toBe(400);
  expect(answer.body).toEqual({ error: expect.stringContaining(param), code: 'invalid_request' });
  expect(answer.body['error']).toContain(allowed);
});

test('a create without seconds is for the shortest clip of its model (AF-05, AF-12, AF-26)', async () => {
  const { url } = CREATES.airforce;
  const answer = await door.call(await door.join(), 'POST', url, { model: 'wan-2.6', prompt: 'a fox' });
  expect(answer.body).toMatchObject({ status: 'queued', cost_cents: 200 });
});

test('a resolution that no vendor has is refused (IN-10)', async () => {
  const key = await door.join();
  const ask = (resolution: string) => door.call(key, 'POST', CREATES.infrai.url, { prompt: 'a fox', resolution });
  expect([(await ask('4k')).status, (await ask('1080p')).status]).toEqual([400, 200]);
});

test.each([
  ['duration', { duration: 8, quality: '720p' }, 200],
  ['duration', { duration: 4, quality: '720p' }, 400],
  ['quality', { duration: 5, quality: '480p' }, 400],
])('a %s of a4f is held against the model: %j (A4-22, X18)', async (param, more, status) => {
  const answer = await door.call(await door.join(), 'POST', CREATES.a4f.url, { ...CREATES.a4f.body, ...more });
  if (status === 200) expect(answer.status).toBe(504);
  else expect(answer).toMatchObject({ status, body: { error: { param, code: 'n_exceeds_model_limit' } } });
});
