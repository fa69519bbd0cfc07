/** Several videos under one operation: made together, waited for over a real connection, asked for. */

import type { AppOptions } from '../../../src/http/app.ts';
import { makeCompletedVideo, makeVideo } from '../../builders.ts';
import { AUTHORIZATION, makeApp, type TestApp } from '../test-app.ts';

const MODEL = { 'ai-model-id': 'vendor/fox-1' };
const BASE = '/v4/ai/video-model';
const opened: TestApp[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map(({ app }) => app.close()));
});

interface Listening extends TestApp {
  readonly url: string;
}

async function listen(overrides: Partial<AppOptions> = {}): Promise<Listening> {
  const made = makeApp(overrides);
  opened.push(made);
  return { ...made, url: await made.app.listen({ host: '127.0.0.1', port: 0 }) };
}

function post(made: TestApp, path: string, payload: object, headers: Record<string, string> = {}) {
  return made.app.inject({ method: 'POST', url: path, headers: { ...AUTHORIZATION, ...MODEL, ...headers }, payload });
}

/** Asks for the long answer; resolves with its head. */
async function generate({ url }: Listening, body: object, init: RequestInit = {}) {
  return await fetch(`${url}${BASE}`, {
    method: 'POST',
    headers: { ...AUTHORIZATION, ...MODEL, accept: 'text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'a fox', ...body }),
    ...init,
  });
}

/** The data of the events of a stream that has ended. */
function eventsOf(text: string): unknown[] {
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data));
}

async function released(made: TestApp): Promise<void> {
  while (made.gateway.watching > 0) await new Promise((resolve) => setImmediate(resolve));
}

test.each(['', '/ai-gateway'])('n videos are one operation at %s/v4/ai (GW-02, GW-03)', async (prefix) => {
  const made = await listen();
  const { statusCode, body } = await post(made, `${prefix}${BASE}/start`, { prompt: 'a fox', n: 2 });
  expect({ statusCode, body: JSON.parse(body) }).toEqual({
    statusCode: 200,
    body: { operation: { videos: ['video_1', 'video_2'] }, warnings: [] },
  });
  expect(made.gateway.orders).toMatchObject([
    { dialect: 'ai-gateway', retentionSeconds: 86_400, draft: { model: 'vendor/fox-1' } },
    { dialect: 'ai-gateway' },
  ]);
  const ask = async () =>
    (await post(made, `${prefix}${BASE}/status`, { operation: JSON.parse(body).operation })).json();
  expect(await ask()).toEqual({ status: 'pending' });
  made.gateway.put(makeCompletedVideo({ id: 'video_1' }));
  expect(await ask()).toEqual({ status: 'pending' });
  made.gateway.put(makeCompletedVideo({ id: 'video_2' }));
  expect(await ask()).toMatchObject({ status: 'completed', videos: [{ type: 'url' }, { type: 'url' }] });
});

test('an idempotency key stands for the body, the model and the count (GW-02)', async () => {
  const made = await listen();
  const key = { 'idempotency-key': 'aisdk_vid_1' };
  await post(made, `${BASE}/start`, { prompt: 'a fox', n: 1 }, key);
  await post(made, `${BASE}/start`, { n: 1, prompt: 'a fox' }, key);
  await post(made, `${BASE}/start`, { prompt: 'a fox', n: 1 }, { ...key, 'ai-model-id': 'vendor/fox-2' });
  const [first, second, other] = made.gateway.orders;
  expect(first?.idempotency?.key).toBe('aisdk_vid_1');
  expect(second?.idempotency?.bodyHash).toBe(first?.idempotency?.bodyHash);
  expect(other?.idempotency?.bodyHash).not.toBe(first?.idempotency?.bodyHash);
});

test.each([['video_9'], ['../x'], ['%00'], ['__proto__']])('an operation with %j is unknown (GW-06)', async (id) => {
  const answer = await post(await listen(), `${BASE}/status`, { operation: { videos: [id] } });
  expect(answer.statusCode).toBe(404);
  expect(answer.json()).toMatchObject({ error: { type: 'not_found', message: expect.any(String) } });
});

test('the long answer is heartbeats and then one event (GW-01)', async () => {
  const made = await listen({ streams: { heartbeatMs: 5 } });
  const answer = await generate(made, { n: 2 }, {});
  expect(answer.status).toBe(200);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'x-video-id': 'video_1, video_2',
    'x-request-id': expect.any(String),
  });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes(': ping\n\n')) text += (await reader?.read())?.value ?? '';
  expect(eventsOf(text)).toEqual([]);
  made.gateway.put(makeCompletedVideo({ id: 'video_2' }));
  made.gateway.put(makeCompletedVideo({ id: 'video_1' }));
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) text += read.value;
  expect(eventsOf(text)).toMatchObject([{ type: 'result', videos: [{ type: 'url' }, { type: 'url' }] }]);
  await released(made);
});

test('a first read that fails is repeated, for the videos are made (GW-01)', async () => {
  const made = await listen({ streams: { heartbeatMs: 5 } });
  const read = made.gateway.read.bind(made.gateway);
  jest.spyOn(made.gateway, 'read').mockImplementationOnce(async () => {
    made.gateway.put(makeVideo({ state: 'failed', endedAt: new Date() }));
    made.gateway.read = read;
    throw new Error('catalog away');
  });
  const answer = await generate(made, {});
  expect(answer.status).toBe(200);
  expect(eventsOf(await answer.text())).toMatchObject([{ type: 'error', statusCode: 424 }]);
});

test('a client that leaves does not cancel its videos (GW-01)', async () => {
  const made = await listen();
  const controller = new AbortController();
  await generate(made, { n: 2 }, { signal: controller.signal });
  controller.abort();
  await released(made);
  expect(made.gateway.cancels).toEqual([]);
  expect([...made.gateway.videos.values()].map(({ state }) => state)).toEqual(['queued', 'queued']);
});

test('what is wrong is told before the long answer begins (GW-06)', async () => {
  const answer = await generate(await listen(), { n: 99 });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ error: { type: 'invalid_request_error', param: 'n' } });
});
