/** One clip in the words of each dialect, from its create to its bytes, against everything real but the upstream. */

import { makePng } from './fixtures/images.ts';
import { type Stack, startStack } from './stack.ts';

const PNG = makePng();
const FORM_TYPE = 'multipart/form-data; boundary=b0undary';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
}, 300_000);
afterAll(async () => {
  await stack?.close();
});

async function call(method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) {
  const answer = await stack.app.inject({ method, url, headers: stack.headers, ...(payload && { payload }) });
  return { status: answer.statusCode, body: answer.json() };
}

/** What a signed link leads to. */
async function followed(link: string) {
  return await stack.app.inject({ url: link.replace(/^http:\/\/[^/]+/, '') });
}

function isMp4(bytes: Buffer): boolean {
  return bytes.toString('latin1', 4, 8) === 'ftyp';
}

test('airforce-2024 streams a task to its link (AO-02, AO-11, AO-14, AO-15, AO-18)', async () => {
  const tasks = '/airforce-2024/v1/video/tasks';
  const wanted = { model: 'sandbox-mini', prompt: 'a red fox', duration_seconds: 1, seed: 7, sound: true };
  const { body } = await call('POST', '/airforce-2024/v1/video/generations', wanted);
  const { task_id: id } = body;
  expect(body).toMatchObject({ status: 'queued', cost_cents: 1 });
  const stream = await stack.app.inject({ url: `${tasks}/${id}/stream`, headers: stack.headers });
  expect([...stream.body.matchAll(/^event: (.*)$/gm)].at(-1)?.[1]).toBe('completed');
  const task = (await call('GET', `${tasks}/${id}`)).body;
  expect(task).toMatchObject({ status: 'completed', progress: 100, cost_cents: 1 });
  expect(isMp4((await followed(task['result_url'])).rawPayload)).toBe(true);
  expect((await call('DELETE', `${tasks}/${id}`)).body).toEqual({ deleted: true });
  expect((await followed(task['result_url'])).statusCode).toBe(410);
});

test('infrai chooses a model, keeps the clip and deletes it (IN-05, IN-11, IN-18, IN-22, IN-25, IN-26)', async () => {
  const jobs = '/infrai/v1/video';
  const { body } = await call('POST', `${jobs}/generate`, {
    prompt: 'a red fox',
    prefer: 'cheapest',
    duration_seconds: 1,
  });
  const { job_id: id } = body;
  await stack.ended(id);
  expect((await call('GET', `${jobs}/get/${id}`)).body).toMatchObject({
    state: 'completed',
    duration_seconds: 1,
    resolution: '720p',
    vendor: 'airforce',
    model: 'sandbox-mini',
  });
  const { createdAt } = await stack.video(id);
  const expiresAt = new Date(createdAt.getTime() + 90 * 86_400_000).toISOString();
  const kept = await call('POST', `${jobs}/set_retention/${id}`, { days: 90 });
  expect(kept.body).toEqual({ job_id: id, retention_days: 90, expires_at: expiresAt });
  const link = (await call('GET', `${jobs}/download_url/${id}`)).body;
  expect(link).toMatchObject({ expires_at: expiresAt });
  expect(isMp4((await followed(link['url'])).rawPayload)).toBe(true);
  expect((await call('POST', `${jobs}/cancel/${id}`)).body).toEqual({ ok: false });
  expect((await call('DELETE', `${jobs}/delete/${id}`)).body).toEqual({ ok: true });
  expect((await call('GET', `${jobs}/status/${id}`)).status).toBe(404);
});

// Contract 3.2
test('openai takes a form with an image and serves the content (OV-01, OV-02, OV-10, OV-13)', async () => {
  const fields = { model: 'sandbox-mini', prompt: 'a red fox', seconds: '1', size: '1280x720' };
  const texts = Object.entries(fields).map(
    ([name, value]) => `--b0undary\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head = '--b0undary\r\ncontent-disposition: form-data; name="input_reference"; filename="a.png"\r\n\r\n';
  const payload = Buffer.concat([Buffer.from(texts.join('') + head), PNG, Buffer.from('\r\n--b0undary--\r\n')]);
  const headers = { ...stack.headers, 'content-type': FORM_TYPE };
  const answer = await stack.app.inject({ method: 'POST', url: '/v1/openai/videos', headers, payload });
  const { id } = answer.json();
  const early = await call('GET', `/v1/videos/${id}/content`);
  expect(early).toMatchObject({ status: 409, body: { error: { code: 'not_ready' } } });
  await stack.ended(id);
  expect((await call('GET', `/v1/videos/${id}`)).body).toMatchObject({
    status: 'completed',
    seconds: '1',
    size: '1280x720',
    url: expect.any(String),
  });
  const content = await stack.app.inject({ url: `/v1/videos/${id}/content`, headers: stack.headers });
  expect(isMp4(content.rawPayload)).toBe(true);
  const { body: remix } = await call('POST', `/v1/videos/${id}/remix`, { prompt: 'at night' });
  expect(remix).toMatchObject({ remixed_from_video_id: id, prompt: 'at night', status: 'queued' });
  expect((await stack.ended(remix['id'])).state).toBe('completed');
  expect((await call('DELETE', `/v1/videos/${id}`)).body).toEqual({ id, object: 'video.deleted', deleted: true });
  expect((await call('GET', `/v1/videos/${id}/content`)).status).toBe(404);
});

test('a4f answers with the clip itself (A4-01, A4-08 to A4-12, X19)', async () => {
  const payload = { model: 'sandbox-mini', prompt: 'a red fox', quality: '720p', duration: 1 };
  const headers = stack.headers;
  const answer = await stack.app.inject({ method: 'POST', url: '/v1/video/generations', headers, payload });
  expect(answer.statusCode).toBe(200);
  const { created, data } = answer.json();
  const video = await stack.video(String(answer.headers['x-video-id']));
  expect(created).toBe(Math.floor((video.endedAt?.getTime() ?? 0) / 1000));
  expect(data).toEqual([{ b64_json: expect.any(String), url: null, revised_prompt: null }]);
  const clip = Buffer.from(data[0].b64_json, 'base64');
  expect(isMp4(clip)).toBe(true);
  expect(clip.length).toBe(video.archive?.sizeBytes);
  expect(video.request).toMatchObject({ aspectRatio: '9:16', durationSeconds: 1 });
});
