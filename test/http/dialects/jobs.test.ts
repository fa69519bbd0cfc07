/** Cancelling, keeping and deleting jobs over HTTP, one and all. */

import { choose } from '../../../src/domain/prefer.ts';
import { makeCompletedVideo, makeOffer, makeVideo } from '../../builders.ts';
import { AUTHORIZATION, makeApp, type TestApp } from '../test-app.ts';

const JOBS = '/v1/video';

function call({ app }: TestApp, method: 'GET' | 'POST' | 'DELETE', path: string, payload?: object) {
  const url = `${JOBS}${path}`;
  return app.inject({ method, url, headers: AUTHORIZATION, ...(payload !== undefined && { payload }) });
}

test.each([
  ['in the body', { idempotency_key: 'k-1' }, undefined],
  ['in the header', {}, 'k-1'],
  ['in both', { idempotency_key: 'k-1' }, 'k-1'],
])('an idempotency key %s is the same key of the same body (IN-05, IN-12)', async (_, inBody, inHeader) => {
  const made = makeApp();
  const payload = { prompt: 'a fox', ...inBody };
  const headers = { ...AUTHORIZATION, ...(inHeader !== undefined && { 'idempotency-key': inHeader }) };
  const url = `/infrai${JOBS}/generate`;
  expect((await made.app.inject({ method: 'POST', url, headers, payload })).statusCode).toBe(200);
  const bare = { headers: { ...AUTHORIZATION, 'idempotency-key': 'k-1' }, payload: { prompt: 'a fox' } };
  expect((await made.app.inject({ method: 'POST', url, ...bare })).statusCode).toBe(200);
  const [first, second] = made.gateway.orders;
  expect(first).toMatchObject({ dialect: 'infrai', idempotency: { key: 'k-1' }, retentionSeconds: 2_592_000 });
  expect(first?.idempotency).toEqual(second?.idempotency);
});

test('two idempotency keys that differ are refused (IN-12)', async () => {
  const made = makeApp();
  const headers = { ...AUTHORIZATION, 'idempotency-key': 'k-2' };
  const payload = { prompt: 'a fox', idempotency_key: 'k-1' };
  const answer = await made.app.inject({ method: 'POST', url: `${JOBS}/generate`, headers, payload });
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toEqual({ error: { code: 'INVALID_REQUEST', message: expect.any(String) } });
  expect(made.gateway.orders).toEqual([]);
});

test.each([
  [{ resolution: '4k' }, 'resolution: no model on offer takes this request'],
  [{ aspect: '1:1' }, 'aspect: no model on offer takes this request'],
  [{ reference_image_url: 'https://example.com/a.png' }, 'reference_image_url: no model on offer takes this request'],
  [{ duration_seconds: 99 }, 'duration_seconds: no model on offer takes this request'],
])('what no model takes is told by the name it was sent under: %j (IN-03, IN-10)', async (more, words) => {
  const made = makeApp();
  const { capabilities } = makeOffer();
  const offers = [
    makeOffer({ capabilities: { ...capabilities, modes: ['text'], aspectRatios: ['16:9'], qualities: ['720p'] } }),
  ];
  made.gateway.create = async ({ draft }) => {
    choose(draft, offers);
    throw new Error('it was taken');
  };
  const answer = await call(made, 'POST', '/generate', { prompt: 'a city', ...more });
  expect(answer.json()).toMatchObject({ error: { message: expect.stringMatching(new RegExp(`^${words}`)) } });
});

test('a reference image at a private address is refused (IN-07)', async () => {
  const payload = { prompt: 'a fox', reference_image_url: 'http://169.254.169.254/latest' };
  const answer = await call(makeApp(), 'POST', '/generate', payload);
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toMatchObject({
    error: { message: expect.stringMatching(/^reference_image_url: .*169\.254/) },
  });
});

test('cancel stops what runs, and only that (IN-16, IN-17, X14, X15)', async () => {
  const made = makeApp();
  made.gateway.put(makeVideo({ state: 'generating' }));
  made.gateway.put(makeCompletedVideo({ id: 'video_2' }));
  expect((await call(made, 'POST', '/cancel/video_1', { job_id: 'another' })).json()).toEqual({ ok: true });
  expect((await call(made, 'POST', '/cancel/video_1')).json()).toEqual({ ok: false });
  expect((await call(made, 'POST', '/cancel/video_2')).json()).toEqual({ ok: false });
  expect((await call(made, 'POST', '/cancel/video_9')).statusCode).toBe(404);
  expect(made.gateway.cancels).toEqual(['video_1']);
});

test('delete cancels what runs and takes the artifacts (IN-22, IN-23, X9)', async () => {
  const made = makeApp();
  made.gateway.put(makeVideo({ state: 'generating' }));
  made.gateway.put(makeCompletedVideo({ id: 'video_2' }));
  made.gateway.put(makeVideo({ id: 'foreign', callerId: 'caller_2' }));
  for (const id of ['video_1', 'video_2', 'video_1', 'foreign', 'video_9', '%00']) {
    const answer = await made.app.inject({
      method: 'DELETE',
      url: `${JOBS}/delete/${id}?idempotency_key=k`,
      headers: { ...AUTHORIZATION, 'idempotency-key': 'k' },
      payload: { idempotency_key: 'k' },
    });
    expect({ id, status: answer.statusCode, body: answer.json() }).toEqual({ id, status: 200, body: { ok: true } });
  }
  expect(made.gateway.cancels).toEqual(['video_1']);
  expect(made.gateway.removals).toEqual([
    { id: 'video_1', purgesMedia: true },
    { id: 'video_2', purgesMedia: true },
  ]);
});

test('delete_all counts own jobs, running ones cancelled first (IN-24)', async () => {
  const made = makeApp();
  for (let n = 0; n < 401; n += 1) made.gateway.put(makeCompletedVideo({ id: `video_${n}` }));
  made.gateway.put(makeVideo({ id: 'running', state: 'generating' }));
  made.gateway.put(makeVideo({ id: 'foreign', callerId: 'caller_2' }));
  expect((await call(made, 'POST', '/delete_all', {})).json()).toEqual({ deleted: 402 });
  expect(made.gateway.cancels).toEqual(['running']);
  expect([...made.gateway.videos.keys()]).toEqual(['foreign']);
  expect((await call(made, 'POST', '/delete_all')).json()).toEqual({ deleted: 0 });
});

test('set_retention moves the expiry from the creation (IN-26, IN-27, IN-29)', async () => {
  const made = makeApp();
  made.gateway.put(makeCompletedVideo());
  const answer = await call(made, 'POST', '/set_retention/video_1', { job_id: '...', days: 90 });
  expect(answer.json()).toEqual({
    job_id: 'video_1',
    retention_days: 90,
    expires_at: '2024-08-04T12:53:20.000Z',
  });
  expect((await call(made, 'POST', '/set_retention/video_1', { days: 0 })).statusCode).toBe(400);
  expect((await call(made, 'POST', '/set_retention/video_1')).statusCode).toBe(400);
  expect((await call(made, 'POST', '/set_retention/video_9', { days: 1 })).statusCode).toBe(404);
});

test('the list goes on from its cursor (IN-19, IN-20)', async () => {
  const made = makeApp();
  for (const id of ['video_1', 'video_2', 'video_3']) made.gateway.put(makeVideo({ id }));
  const first = (await call(made, 'GET', '/list?limit=2')).json();
  expect(first).toMatchObject({ items: [{ job_id: 'video_1' }, { job_id: 'video_2' }], next_cursor: 'video_2' });
  const second = (await call(made, 'GET', `/list?limit=2&cursor=${first['next_cursor']}`)).json();
  expect(second).toEqual({ items: [{ job_id: 'video_3', state: 'queued' }] });
  expect((await call(made, 'GET', '/list?cursor=unknown')).statusCode).toBe(400);
});

// The documented walk, step by step; what was deleted is gone at the end.
test('the end-to-end example runs in its order (IN-33)', async () => {
  const made = makeApp();
  const { job_id: id } = (await call(made, 'POST', '/generate', { prompt: 'a city', prefer: 'balanced' })).json();
  expect((await call(made, 'GET', `/status/${id}`)).json()).toEqual({ job_id: id, state: 'queued' });
  expect((await call(made, 'POST', `/cancel/${id}`, { job_id: '...' })).json()).toEqual({ ok: true });
  expect((await call(made, 'GET', `/get/${id}`)).json()).toMatchObject({ state: 'cancelled', vendor: 'airforce' });
  expect((await call(made, 'GET', '/list')).json()).toEqual({ items: [{ job_id: id, state: 'cancelled' }] });
  expect((await call(made, 'DELETE', `/delete/${id}`)).json()).toEqual({ ok: true });
  expect((await call(made, 'POST', '/delete_all', {})).json()).toEqual({ deleted: 0 });
  const last = await call(made, 'GET', `/download_url/${id}`);
  expect(last.statusCode).toBe(404);
  expect(last.json()).toEqual({ error: { code: 'NOT_FOUND', message: expect.any(String) } });
});
