/** The openai face: sizes and seconds, multipart, pages, content with ranges, remix and delete. */

import { videoList, video as videoSchema } from '../../src/wire/openai/videos.ts';
import { readClip } from './mp4-reader.ts';
import { closeSandboxes, readJson, type SandboxClient, startFast } from './sandbox-client.ts';

let sandbox: SandboxClient;
let client: SandboxClient;
beforeEach(async () => {
  sandbox = await startFast();
  client = sandbox.under('/openai');
});
afterEach(closeSandboxes);

const ONE_SECOND = { model: 'sandbox-mini', prompt: 'A paper boat', seconds: '1' };
const tryCreate = (body: object = ONE_SECOND) => client.post('/v1/videos', body);
const create = async (body: object = ONE_SECOND) => videoSchema.parse(await readJson(await tryCreate(body)));
const poll = async (id: string) => videoSchema.parse(await readJson(await client.fetch(`/v1/videos/${id}`)));
const content = (id: string, init: RequestInit = {}) => client.fetch(`/v1/videos/${id}/content`, init);
const remove = (id: string) => client.fetch(`/v1/videos/${id}`, { method: 'DELETE' });

async function finish(body: object = ONE_SECOND) {
  let video = await create(body);
  while (video.status === 'queued' || video.status === 'in_progress') video = await poll(video.id);
  return video;
}

const refusal = (code: string, param: string | null = null) => ({
  error: { message: expect.any(String), type: 'invalid_request_error', param, code },
});

describe('create', () => {
  test('answers with a queued video', async () => {
    await sandbox.standStill();
    const video = await create({ model: 'sora-2', prompt: 'x', size: '1280x720', seconds: 8 });
    expect(video).toEqual({
      id: expect.stringMatching(/^video_/),
      object: 'video',
      model: 'sora-2',
      status: 'queued',
      progress: 0,
      created_at: expect.any(Number),
      completed_at: null,
      expires_at: (video.created_at ?? 0) + 86_400,
      error: null,
      prompt: 'x',
      remixed_from_video_id: null,
      seconds: '8',
      size: '1280x720',
      cost_cents: 80,
    });
  });

  test('takes four seconds upright as the default', async () => {
    expect(await create({ model: 'sandbox-mini', prompt: 'x' })).toMatchObject({ seconds: '4', size: '720x1280' });
    expect(await create({ model: 'wan-2.6', prompt: 'x' })).toMatchObject({ seconds: '5' });
  });

  test('takes a form with a file as well', async () => {
    await sandbox.standStill();
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...ONE_SECOND, size: '720x720', 'tags[]': 'a', 'meta[note]': 'b' })) {
      form.set(name, value);
    }
    form.set('input_reference', new Blob(['not really an image'], { type: 'image/png' }), 'start.png');
    const made = await client.fetch('/v1/videos', { method: 'POST', body: form });
    expect(await readJson(made)).toMatchObject({ status: 'queued', seconds: '1', size: '720x720' });
    const input_reference = {
      filename: 'start.png',
      mediaType: 'image/png',
      sizeBytes: 19,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    };
    expect((await sandbox.bill()).tasks).toMatchObject([
      { request: { ...ONE_SECOND, size: '720x720', tags: ['a'], meta: { note: 'b' }, input_reference } },
    ]);
  });

  test('stands under its other path too', async () => {
    const made = await client.post('/v1/openai/videos', ONE_SECOND);
    const { id } = await readJson<{ id: string }>(made);
    expect((await client.fetch(`/v1/openai/videos/${id}`)).status).toBe(200);
  });

  test.each([
    [{ ...ONE_SECOND, model: undefined }, 'invalid_request', 'model'],
    [{ ...ONE_SECOND, model: 'sora-9' }, 'model_not_found', 'model'],
    [{ ...ONE_SECOND, prompt: '' }, 'invalid_request', 'prompt'],
    [{ ...ONE_SECOND, seconds: '1.5' }, 'invalid_request', 'seconds'],
    [{ ...ONE_SECOND, seconds: '11' }, 'invalid_request', 'seconds'],
    [{ ...ONE_SECOND, size: '123x456' }, 'invalid_request', 'size'],
    [{ ...ONE_SECOND, size: '1792x1024' }, 'invalid_request', 'size'],
    [{ ...ONE_SECOND, input_reference: {} }, 'invalid_request', 'input_reference'],
  ])('refuses %j as %s', async (body, code, param) => {
    const response = await tryCreate(body);
    expect([response.status, await response.json()]).toEqual([400, refusal(code, param)]);
  });

  test('refuses a form that is cut short', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=edge' };
    const body = '--edge\r\ncontent-disposition: form-data; name="model"\r\n\r\nsandb';
    const response = await client.fetch('/v1/videos', { method: 'POST', headers, body });
    expect([response.status, await response.json()]).toEqual([400, refusal('invalid_request')]);
  });

  test('refuses other types of body', async () => {
    const headers = { 'content-type': 'application/xml' };
    expect((await client.fetch('/v1/videos', { method: 'POST', headers, body: '<x/>' })).status).toBe(415);
  });
});

describe('a video', () => {
  test('completes with its times and its cost', async () => {
    await sandbox.setFaults({ kind: 'overbilled', factor: 3 });
    const video = await finish();
    expect(video).toMatchObject({ status: 'completed', progress: 100, cost_cents: 3, error: null });
    expect(video.completed_at).toBeGreaterThanOrEqual(video.created_at ?? Number.NaN);
  });

  test('that fails carries a code and a message', async () => {
    await sandbox.setFaults({ kind: 'failed_task', message: 'the model fell over' });
    const error = { code: 'generation_failed', message: 'the model fell over' };
    expect(await finish()).toMatchObject({ status: 'failed', error, cost_cents: 0 });
  });

  test('that was never finished has failed as expired', async () => {
    await sandbox.setFaults({ kind: 'stuck_progress' });
    const { id } = await create();
    jest.useFakeTimers({ now: Date.now() + 86_400_000, doNotFake: ['setTimeout', 'setImmediate', 'nextTick'] });
    const late = await poll(id).finally(() => jest.useRealTimers());
    expect(late).toMatchObject({ status: 'failed', error: { code: 'expired' } });
  });

  test('can be remixed with its own settings', async () => {
    await sandbox.standStill();
    const source = await create({ ...ONE_SECOND, size: '1280x720' });
    const answer = await client.post(`/v1/videos/${source.id}/remix`, { prompt: 'A paper plane' });
    expect(await readJson(answer)).toMatchObject({
      status: 'queued',
      prompt: 'A paper plane',
      seconds: '1',
      size: '1280x720',
      remixed_from_video_id: source.id,
    });
    expect((await client.post('/v1/videos/video_none/remix', { prompt: 'x' })).status).toBe(404);
  });

  test('is deleted only when it has ended', async () => {
    await sandbox.setFaults({ kind: 'slow', factor: 1000, count: 1 });
    const running = await remove((await create()).id);
    expect([running.status, await running.json()]).toEqual([409, refusal('video_not_ended')]);
    const { id } = await finish();
    expect(await readJson(await remove(id))).toEqual({ id, deleted: true, object: 'video.deleted' });
    expect([(await remove(id)).status, (await content(id)).status]).toEqual([404, 404]);
    expect((await sandbox.bill()).tasks).toHaveLength(2);
  });
});

describe('content', () => {
  test('is the clip, whole and in parts, behind the key', async () => {
    const { id } = await finish();
    const whole = await content(id);
    const bytes = Buffer.from(await whole.arrayBuffer());
    expect(whole.headers.get('content-type')).toBe('video/mp4');
    expect(await readClip(bytes)).toMatchObject({ durationSeconds: 1, width: 360, height: 640 });
    const headers = { range: 'bytes=1000-', 'if-range': whole.headers.get('etag') ?? '' };
    const part = await content(id, { headers });
    expect([part.status, Buffer.from(await part.arrayBuffer())]).toEqual([206, bytes.subarray(1000)]);
    expect((await content(id, { headers: { range: 'bytes=99999999-' } })).status).toBe(416);
    expect((await content(id, { method: 'HEAD' })).headers.get('content-length')).toBe(String(bytes.length));
    expect((await fetch(`${client.url}/v1/videos/${id}/content`)).status).toBe(401);
    expect((await client.withKey('key-b').fetch(`/v1/videos/${id}/content`)).status).toBe(404);
  });

  test('is a conflict before the end, and gone after its time', async () => {
    await sandbox.setFaults({ kind: 'slow', factor: 1000, count: 1 });
    const early = await content((await create()).id);
    expect([early.status, await early.json()]).toEqual([409, refusal('video_not_ready')]);
    const { id } = await finish();
    jest.useFakeTimers({ now: Date.now() + 86_401_000, doNotFake: ['setTimeout', 'setImmediate', 'nextTick'] });
    const late = await content(id).finally(() => jest.useRealTimers());
    expect(late.status).toBe(410);
  });

  test('knows no other variant', async () => {
    const { id } = await finish();
    const answer = await client.fetch(`/v1/videos/${id}/content?variant=thumbnail`);
    expect([answer.status, await answer.json()]).toEqual([400, refusal('not_supported', 'variant')]);
  });

  test.each([
    [{ kind: 'no_result' }, 404],
    [{ kind: 'expired_result', status: 403 }, 403],
    [{ kind: 'http_error', on: 'result', status: 503 }, 503],
  ])('suffers %j', async (fault, status) => {
    await sandbox.setFaults(fault);
    expect((await content((await finish()).id)).status).toBe(status);
  });

  test('is a page, cut off or short as ordered', async () => {
    const { id } = await finish();
    const { length } = Buffer.from(await (await content(id)).arrayBuffer());
    await sandbox.setFaults({ kind: 'html_result', count: 1 }, { kind: 'truncated_result', atFraction: 0.5 });
    const page = await finish();
    expect(await (await content(page.id)).text()).toContain('<html>');
    const short = await content((await finish()).id);
    expect((await short.arrayBuffer()).byteLength).toBe(Math.floor(length / 2));
    await sandbox.setFaults({ kind: 'cut_result' });
    await expect((await content(id)).arrayBuffer()).rejects.toThrow('terminated');
  });
});

describe('the list', () => {
  const page = async (query: string) => videoList.parse(await readJson(await client.fetch(`/v1/videos?${query}`)));

  test('goes on behind an id, in either order', async () => {
    await sandbox.setFaults({ kind: 'slow', factor: 1000 });
    const made = [(await create()).id, (await create()).id, (await create()).id] as const;
    const newest = await page('limit=2');
    expect(newest.data.map(({ id }) => id)).toEqual([made[2], made[1]]);
    expect(newest).toMatchObject({ object: 'list', has_more: true, first_id: made[2], last_id: made[1] });
    expect(await page(`limit=2&after=${newest.last_id}`)).toMatchObject({ data: [{ id: made[0] }], has_more: false });
    expect((await page('order=asc')).data.map(({ id }) => id)).toEqual(made);
  });

  test('is empty for a new key', async () => {
    expect(await page('')).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: false });
  });

  test.each(['limit=0', 'limit=101', 'order=up', 'after=video_none'])('refuses %s', async (query) => {
    const response = await client.fetch(`/v1/videos?${query}`);
    const [param = ''] = query.split('=');
    expect([response.status, await response.json()]).toEqual([400, refusal('invalid_request', param)]);
  });
});

test.each(['edits', 'extensions', 'characters'])('%s is not supported', async (what) => {
  const answer = await client.post(`/v1/videos/${what}`, { prompt: 'x' });
  expect([answer.status, await answer.json()]).toEqual([400, refusal('not_supported')]);
});
