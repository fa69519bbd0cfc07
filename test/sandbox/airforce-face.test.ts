/** The airforce face: what a client of the documented API sees. */

import { taskList } from '../../src/wire/airforce.ts';
import { closeSandboxes, MINI, readJson, type SandboxClient, startFast } from './sandbox-client.ts';

let client: SandboxClient;
beforeEach(async () => {
  client = await startFast();
});
afterEach(closeSandboxes);

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const EXAMPLE = {
  model: 'wan-2.6',
  prompt: 'A red fox darting across snowy hills at dawn',
  duration_seconds: 8,
  aspect_ratio: '16:9',
  quality: '720p',
  sound: true,
};

describe('create', () => {
  test('answers the documented example with the documented fields', async () => {
    await client.standStill();
    const task = await client.create(EXAMPLE);
    expect(task).toEqual({
      task_id: expect.stringMatching(UUID),
      status: 'queued',
      model: 'wan-2.6',
      created: expect.any(Number),
      expires_at: task.created + 86_400,
      progress: 0,
      cost_cents: 320,
    });
  });

  test('takes the shortest duration as the default', async () => {
    expect((await client.create({ model: 'wan-2.6', prompt: 'x' })).cost_cents).toBe(200);
  });

  test.each([
    [{ prompt: 'x' }, 'model'],
    [{ ...MINI, prompt: '' }, 'prompt'],
    [{ ...MINI, model: 'sora-9' }, 'sora-9'],
    [{ ...MINI, model: 'sandbox-chat' }, 'sandbox-chat'],
    [{ ...MINI, duration_seconds: 11 }, '1 to 10'],
    [{ ...MINI, duration_seconds: 1.5 }, 'duration_seconds'],
    [{ ...EXAMPLE, aspect_ratio: '4:3' }, 'aspect_ratio'],
    [{ ...MINI, quality: '8k' }, 'quality'],
    [{ ...EXAMPLE, mode: 'reference', input_images: [{ url: 'https://a.example/1.png' }] }, 'mode'],
    [{ ...MINI, mode: 'image' }, 'input_images'],
    [{ ...MINI, mode: 'image', input_images: [{}] }, 'input_images'],
  ])('refuses %j and names the reason', async (body, reason) => {
    const response = await client.tryCreate(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.stringContaining(reason), code: expect.any(String) });
  });

  test('refuses broken JSON in the same shape', async () => {
    const headers = { 'content-type': 'application/json' };
    const response = await client.fetch('/v1/video/generations', { method: 'POST', headers, body: '{"model":' });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: expect.any(String), code: expect.any(String) });
  });

  test('refuses the fifth running task of a key', async () => {
    await client.post('/_sandbox/faults', { speed: 0.01 });
    for (const _ of [1, 2, 3, 4]) await client.create();
    const fifth = await client.tryCreate();
    expect(fifth.status).toBe(429);
    expect(Number(fifth.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await client.withKey('key-b').tryCreate()).status).toBe(200);
    expect((await client.bill()).peakConcurrent).toEqual({ 'key-a': 4, 'key-b': 1 });
  });

  test('answers under its own prefix too', async () => {
    expect((await client.post('/airforce/v1/video/generations', MINI)).status).toBe(200);
  });
});

describe('keys', () => {
  test('are required on every documented route', async () => {
    const paths = ['/v1/models', '/v1/video/tasks', '/v1/video/tasks/x', '/v1/video/tasks/x/stream'];
    const answers = await Promise.all(paths.map((path) => fetch(`${client.url}${path}`)));
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(await answers[0]?.json()).toEqual({ error: expect.any(String), code: 'unauthorized' });
  });

  test('outside the given list are refused', async () => {
    const strict = await startFast({ keys: ['key-b'] });
    expect((await strict.tryCreate()).status).toBe(401);
    expect((await strict.withKey('key-b').tryCreate()).status).toBe(200);
  });
});

describe('a task', () => {
  test('completes with its link and its cost', async () => {
    const task = await client.finish({ ...MINI, seed: 5 });
    expect(task).toMatchObject({ status: 'completed', progress: 100, cost_cents: 1, duration_seconds: 1 });
    expect(task.result_url).toContain(`${client.url}/_sandbox/results/${task.task_id}?expires=${task.expires_at}`);
  });

  test('is unknown to other keys and under other ids', async () => {
    const { task_id } = await client.create();
    const foreign = await client.withKey('key-b').fetch(`/v1/video/tasks/${task_id}`);
    const unknown = await client.fetch('/v1/video/tasks/undefined');
    expect([foreign.status, unknown.status]).toEqual([404, 404]);
  });

  test('streams every change, its end and the closing word', async () => {
    await client.configure({ speed: 5 });
    const { task_id } = await client.create();
    const events = await client.stream(task_id);
    const looks = events.slice(0, -1).map(({ data }) => JSON.parse(data));
    const progress = looks.map((look) => look.progress);
    expect(events.map(({ event }) => event)).toEqual([...looks.map(() => 'state'), 'done']);
    expect(events.at(-1)?.data).toBe('[DONE]');
    expect(looks.at(-1)).toMatchObject({ task_id, status: 'completed', result_url: expect.any(String) });
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(looks.length).toBeGreaterThan(5);
  });

  test('that has ended streams its last state again', async () => {
    const { task_id } = await client.finish();
    expect((await client.stream(task_id)).map(({ event }) => event)).toEqual(['state', 'done']);
  });
});

describe('the list', () => {
  test('shows the own tasks with every field, newest first', async () => {
    const first = await client.create({ ...MINI, prompt: 'first' });
    await client.withKey('key-b').create();
    await client.stream(first.task_id);
    const second = await client.create({ ...MINI, prompt: 'second' });
    const tasks = taskList.parse({ data: await client.list() }).data;
    expect(tasks.map(({ task_id }) => task_id)).toEqual([second.task_id, first.task_id]);
    expect(tasks[1]).toMatchObject({
      status: 'completed',
      model: 'sandbox-mini',
      prompt: 'first',
      duration_seconds: 1,
      created: first.created,
      cost_cents: 1,
    });
  });

  test('loses deleted records, and the bill keeps them', async () => {
    const { task_id, result_url = '' } = await client.finish();
    const path = `/v1/video/tasks/${task_id}`;
    const foreign = await client.withKey('key-b').fetch(path, { method: 'DELETE' });
    expect(await foreign.json()).toEqual({ deleted: true });
    expect(await client.list()).toHaveLength(1);
    for (const _ of ['first', 'again']) {
      expect(await (await client.fetch(path, { method: 'DELETE' })).json()).toEqual({ deleted: true });
    }
    expect(await client.list()).toEqual([]);
    expect((await client.bill()).tasks).toHaveLength(1);
    expect((await fetch(result_url, { method: 'HEAD' })).status).toBe(200);
  });
});

test('models lists capabilities and one model of another kind', async () => {
  const { object, data } = await readJson<{ object: string; data: Record<string, unknown>[] }>(
    await client.fetch('/v1/models'),
  );
  expect(object).toBe('list');
  expect(data.find(({ id }) => id === 'wan-2.6')).toMatchObject({
    object: 'model',
    output_modalities: ['video'],
    video_caps: { min_duration_s: 5, max_duration_s: 10, price_per_second_cents: 40, modes: ['text', 'image'] },
  });
  expect(data.map((model) => model['output_modalities'])).toContainEqual(['text']);
});
