/** The infrai face: preferences, idempotency keys, cancel, pages, retention, deletion. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  capabilitiesAnswer,
  deletedAnswer,
  downloadUrlAnswer,
  okAnswer,
  retentionAnswer,
  videoJob,
  videoJobDetail,
  videoJobPage,
} from '../../src/wire/infrai.ts';
import { closeSandboxes, download, readJson, type SandboxClient, startFast } from './sandbox-client.ts';

let sandbox: SandboxClient;
let client: SandboxClient;
beforeEach(async () => {
  sandbox = await startFast();
  client = sandbox.under('/infrai');
});
afterEach(closeSandboxes);

const ONE_SECOND = { prompt: 'A paper boat', duration_seconds: 1 };
const generate = (body: object = ONE_SECOND) => client.post('/v1/video/generate', body);
const create = async (body: object = ONE_SECOND) => videoJob.parse(await readJson(await generate(body)));
const read = async (what: string, id: string) => client.fetch(`/v1/video/${what}/${id}`);
const job = async (id: string) => videoJob.parse(await readJson(await read('status', id)));
const post = async (what: string, id: string, body: object = {}) => client.post(`/v1/video/${what}/${id}`, body);

async function finish(body: object = ONE_SECOND) {
  let { job_id, ...made } = await create(body);
  while (made.state === 'queued' || made.state === 'running') made = await job(job_id);
  return { job_id, ...made };
}

describe('generate', () => {
  test('answers the documented example with a queued job', async () => {
    await sandbox.standStill();
    const example = {
      prompt: 'a timelapse of a city skyline at dusk',
      prefer: 'balanced',
      resolution: '1080p',
      duration_seconds: 5,
      aspect_ratio: '16:9',
    };
    expect(await readJson(await generate(example))).toEqual({
      job_id: expect.stringMatching(/^job_/),
      state: 'queued',
      thumbnail_url: null,
    });
    expect((await sandbox.bill()).tasks).toMatchObject([{ model: 'kling-1', seconds: 5, request: example }]);
  });

  test.each([
    ['cheapest', 5, 'sandbox-mini'],
    ['balanced', 5, 'kling-1'],
    ['smartest', 5, 'wan-2.6'],
    ['smartest', 4, 'vidu-q1'],
    ['smartest', 1, 'sandbox-mini'],
  ])('takes for %s among models of %d s: %s', async (prefer, seconds, model) => {
    await create({ prompt: 'x', prefer, duration_seconds: seconds });
    expect((await sandbox.bill()).tasks).toMatchObject([{ model, seconds }]);
  });

  test.each([
    [{ ...ONE_SECOND, prompt: undefined }, 'prompt'],
    [{ ...ONE_SECOND, duration_seconds: 11 }, '1 to 10'],
    [{ ...ONE_SECOND, duration_seconds: 1.5 }, 'whole seconds'],
    [{ ...ONE_SECOND, resolution: '4k' }, '4k'],
    [{ ...ONE_SECOND, prefer: 'sora-2' }, 'prefer'],
    [{ ...ONE_SECOND, aspect: '4:3' }, 'aspect'],
    [{ ...ONE_SECOND, aspect: '16:9', aspect_ratio: '9:16' }, 'aspect'],
  ])('refuses %j and names the reason', async (body, reason) => {
    const response = await generate(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { code: 'INVALID_REQUEST', message: expect.stringContaining(reason) },
    });
  });
});

describe('an idempotency key', () => {
  const KEYED = { ...ONE_SECOND, idempotency_key: 'once' };

  test('brings the same job for the same body', async () => {
    const first = await create(KEYED);
    const again = await create({ idempotency_key: 'once', ...ONE_SECOND });
    expect(again.job_id).toBe(first.job_id);
    expect((await sandbox.bill()).tasks).toHaveLength(1);
  });

  test('is refused with another body', async () => {
    await create(KEYED);
    const other = await generate({ ...KEYED, prompt: 'A paper plane' });
    expect([other.status, await other.json()]).toEqual([
      422,
      { error: { code: 'IDEMPOTENCY_KEY_REUSED', message: expect.any(String) } },
    ]);
  });

  test('is another one for another API key', async () => {
    const { job_id } = await create(KEYED);
    const other = await client.withKey('key-b').post('/v1/video/generate', KEYED);
    expect((await readJson<{ job_id: string }>(other)).job_id).not.toBe(job_id);
  });

  test('finds the job whose answer was lost, and needs no place', async () => {
    await sandbox.setFaults({ kind: 'slow', factor: 1000 }, { kind: 'lost_create_answer', answer: 'reset', count: 1 });
    await expect(generate(KEYED)).rejects.toThrow('fetch failed');
    for (const _ of [2, 3, 4]) await create();
    const found = await create(KEYED);
    expect((await sandbox.bill()).tasks.map(({ id }) => id)[0]).toBe(found.job_id);
    expect((await sandbox.bill()).tasks).toHaveLength(4);
  });

  test('has a job recorded that was to be recorded late', async () => {
    const recorded = { afterMs: 60_000 };
    await sandbox.setFaults({ kind: 'lost_create_answer', answer: '5xx', recorded, count: 1 });
    expect((await generate(KEYED)).status).toBe(503);
    expect((await sandbox.bill()).tasks).toEqual([]);
    const { job_id } = await create(KEYED);
    expect((await read('status', job_id)).status).toBe(200);
    expect((await sandbox.bill()).tasks).toHaveLength(1);
  });
});

describe('cancel', () => {
  test('stops the job, which costs nothing and frees its place', async () => {
    await sandbox.setFaults({ kind: 'slow', factor: 1000 });
    const [first] = [await create(), await create(), await create(), await create()];
    expect((await generate()).status).toBe(429);
    expect(await readJson(await post('cancel', first.job_id, { job_id: first.job_id }))).toEqual({ ok: true });
    expect(await job(first.job_id)).toEqual({ job_id: first.job_id, state: 'cancelled', thumbnail_url: null });
    expect((await generate()).status).toBe(200);
    expect((await sandbox.bill()).tasks[0]).toMatchObject({ state: 'cancelled', costMicroUsd: 0 });
    expect((await sandbox.bill()).peakConcurrent).toEqual({ 'key-a': 4 });
  });

  test('comes too late for what has ended', async () => {
    const { job_id } = await finish();
    expect(await readJson(await post('cancel', job_id))).toEqual({ ok: false });
    expect((await job(job_id)).state).toBe('completed');
    expect((await post('cancel', 'job_none')).status).toBe(404);
  });

  test('outlives the process', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'sandbox-'));
    client = (await startFast({ dataDir, speed: 0.01 })).under('/infrai');
    const { job_id } = await create();
    await post('cancel', job_id);
    const after = await startFast({ dataDir });
    expect((await after.bill()).tasks).toMatchObject([{ id: job_id, state: 'cancelled', costMicroUsd: 0 }]);
    await closeSandboxes();
    await rm(dataDir, { recursive: true });
  });
});

describe('a job', () => {
  test('that fails says why', async () => {
    await sandbox.setFaults({ kind: 'failed_task', message: 'the model fell over' });
    const failed = await finish();
    expect(failed).toMatchObject({ state: 'failed', error: { message: 'the model fell over' } });
    expect(failed).not.toHaveProperty('video_url');
  });

  test('is told in full with what made it', async () => {
    const { job_id, video_url } = await finish();
    expect(videoJobDetail.parse(await readJson(await read('get', job_id)))).toEqual({
      job_id,
      state: 'completed',
      video_url,
      thumbnail_url: null,
      duration_seconds: 1,
      resolution: '720p',
      vendor: 'sandbox',
      model: 'sandbox-mini',
    });
  });

  test('gives a link once it is completed', async () => {
    await sandbox.setFaults({ kind: 'slow', factor: 1000, count: 1 });
    const early = await read('download_url', (await create()).job_id);
    expect([early.status, await early.json()]).toMatchObject([409, { error: { code: 'NOT_COMPLETED' } }]);
    const { job_id } = await finish();
    const link = downloadUrlAnswer.parse(await readJson(await read('download_url', job_id)));
    expect(new Date(link.expires_at).toISOString()).toBe(link.expires_at);
    expect((await download(link.url)).response.headers.get('content-type')).toBe('video/mp4');
  });

  test.each([
    ['no_result', undefined],
    ['expired_result', 410],
  ])('suffers %s', async (kind, status) => {
    await sandbox.setFaults({ kind });
    const { state, video_url } = await finish();
    expect(state).toBe('completed');
    expect(video_url && (await fetch(video_url)).status).toBe(status);
  });

  test('is kept as long as it is told to', async () => {
    const { job_id } = await finish();
    const link = async () => downloadUrlAnswer.parse(await readJson(await read('download_url', job_id)));
    const before = Date.parse((await link()).expires_at);
    const kept = retentionAnswer.parse(await readJson(await post('set_retention', job_id, { job_id, days: 90 })));
    expect(kept).toEqual({ job_id, retention_days: 90, expires_at: (await link()).expires_at });
    expect(Date.parse(kept.expires_at) - before).toBe(89 * 86_400_000);
  });

  test.each([0, -1, 1.5, 91])('is not kept for %d days', async (days) => {
    const { job_id } = await create();
    expect((await post('set_retention', job_id, { days })).status).toBe(400);
  });
});

describe('the list', () => {
  test('goes on from its cursor, newest first and without times', async () => {
    await sandbox.setFaults({ kind: 'slow', factor: 1000 });
    const made = [await create(), await create(), await create()].map(({ job_id }) => job_id).reverse();
    const page = async (query: string) =>
      videoJobPage.parse(await readJson(await client.fetch(`/v1/video/list?${query}`)));
    const first = await page('limit=2');
    const second = await page(`limit=2&cursor=${first.next_cursor}`);
    expect([...first.items, ...second.items].map(({ job_id }) => job_id)).toEqual(made);
    expect(second).not.toHaveProperty('next_cursor');
    expect(Object.keys(first.items[0] ?? {})).toEqual(['job_id', 'state', 'thumbnail_url']);
  });

  test.each(['limit=0', 'limit=101', 'cursor=nothing'])('refuses %s', async (query) => {
    expect((await client.fetch(`/v1/video/list?${query}`)).status).toBe(400);
  });
});

describe('delete', () => {
  const remove = (id: string) => client.fetch(`/v1/video/delete/${id}`, { method: 'DELETE' });

  test('takes job and clip, and says the same again', async () => {
    const { job_id, video_url } = await finish();
    for (const _ of ['first', 'again']) expect(okAnswer.parse(await readJson(await remove(job_id))).ok).toBe(true);
    expect((await read('download_url', job_id)).status).toBe(404);
    expect((await fetch(video_url ?? '')).status).toBe(404);
  });

  test('may carry an idempotency key', async () => {
    const { job_id } = await finish();
    const headers = { 'content-type': 'application/json' };
    const path = `/v1/video/delete/${job_id}`;
    const remove = (body: object) => client.fetch(path, { method: 'DELETE', headers, body: JSON.stringify(body) });
    expect((await remove({ idempotency_key: 5 })).status).toBe(400);
    expect((await read('status', job_id)).status).toBe(200);
    expect((await remove({ idempotency_key: 'once' })).status).toBe(200);
  });

  test('stops what runs', async () => {
    await sandbox.setFaults({ kind: 'slow', factor: 1000 });
    await remove((await create()).job_id);
    expect((await sandbox.bill()).tasks).toMatchObject([{ state: 'cancelled', costMicroUsd: 0 }]);
  });

  test('of all counts them', async () => {
    await sandbox.setFaults({ kind: 'slow', factor: 1000 });
    await create();
    await create();
    const removeAll = async () => deletedAnswer.parse(await readJson(await client.post('/v1/video/delete_all', {})));
    expect([await removeAll(), await removeAll()]).toEqual([{ deleted: 2 }, { deleted: 0 }]);
  });
});

test('capabilities tells one vendor with all its models', async () => {
  expect(capabilitiesAnswer.parse(await readJson(await client.fetch('/v1/video/capabilities')))).toEqual({
    vendors: [
      {
        vendor: 'sandbox',
        models: ['wan-2.6', 'kling-1', 'vidu-q1', 'sandbox-mini'],
        resolutions: ['720p', '1080p'],
        max_duration_seconds: 10,
        supports_extend: false,
        supports_upscale: false,
      },
    ],
  });
});
