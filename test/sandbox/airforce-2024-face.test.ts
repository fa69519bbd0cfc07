/** The airforce-2024 face: only what a client of the older revision sees otherwise. */

import { closeSandboxes, MINI, readJson, type SandboxClient, startFast } from './sandbox-client.ts';

let sandbox: SandboxClient;
let client: SandboxClient;
beforeEach(async () => {
  sandbox = await startFast();
  client = sandbox.under('/airforce-2024');
});
afterEach(closeSandboxes);

describe('create', () => {
  test('answers without progress and with its own ids', async () => {
    await sandbox.standStill();
    const task = await client.create({ ...MINI, seed: 5, sound: true });
    expect(task).toEqual({
      task_id: expect.stringMatching(/^vid_[0-9A-F]{20}$/),
      status: 'queued',
      model: 'sandbox-mini',
      created: expect.any(Number),
      expires_at: task.created + 86_400,
      cost_cents: 1,
    });
  });

  test.each([
    [{ ...MINI, seed: 'five' }, 'seed'],
    [{ ...MINI, sound: 'loud' }, 'sound'],
    [{ ...MINI, prompt: '' }, 'prompt'],
  ])('refuses %j by a type and a message', async (body, field) => {
    const response = await client.tryCreate(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { type: 'invalid_request', message: expect.stringContaining(field) },
    });
  });
});

describe('a task', () => {
  test('is running, with progress from then on', async () => {
    await sandbox.post('/_sandbox/faults', { speed: 0.01 });
    const { task_id } = await client.create();
    expect(await client.task(task_id)).not.toHaveProperty('progress');
    jest.useFakeTimers({ now: Date.now() + 60_000, doNotFake: ['setTimeout', 'setImmediate', 'nextTick'] });
    const running = await client.task(task_id).finally(() => jest.useRealTimers());
    expect(running).toMatchObject({ status: 'running', progress: expect.any(Number) });
  });

  test('that fails carries an error object and no cost', async () => {
    await sandbox.setFaults({ kind: 'failed_task', message: 'the model fell over' });
    expect(await client.finish()).toMatchObject({
      status: 'failed',
      error: { type: expect.any(String), message: 'the model fell over' },
      cost_cents: 0,
    });
  });

  test.each([
    ['completed', []],
    ['failed', [{ kind: 'failed_task' }]],
  ])('streams its progress and ends with %s', async (end, faults) => {
    await sandbox.setFaults(...faults);
    const { task_id } = await client.create();
    const events = await client.stream(task_id);
    const names = events.map(({ event }) => event);
    expect(names).toEqual([...names.slice(0, -1).map(() => 'progress'), end]);
    expect(names.length).toBeGreaterThan(1);
    expect(JSON.parse(events.at(-1)?.data ?? '')).toMatchObject({ task_id, status: end });
  });

  test('loses its clip with its record', async () => {
    const { task_id, result_url = '' } = await client.finish();
    expect((await fetch(result_url, { method: 'HEAD' })).status).toBe(200);
    expect((await client.fetch(`/v1/video/tasks/${task_id}`, { method: 'DELETE' })).status).toBe(200);
    expect((await fetch(result_url, { method: 'HEAD' })).status).toBe(404);
    expect((await sandbox.bill()).tasks).toMatchObject([{ id: task_id, state: 'completed', costMicroUsd: 10_000 }]);
  });
});

describe('the list', () => {
  const idsOf = async (query: string) => {
    const { data } = await readJson<{ data: { task_id: string }[] }>(await client.fetch(`/v1/video/tasks${query}`));
    return data.map(({ task_id }) => task_id);
  };

  test('takes a limit and a status', async () => {
    const done = await client.finish();
    await sandbox.setFaults({ kind: 'stuck_progress' });
    const stuck = await client.create();
    expect(await idsOf('')).toEqual([stuck.task_id, done.task_id]);
    expect(await idsOf('?limit=1')).toEqual([stuck.task_id]);
    expect(await idsOf('?limit=20&status=completed')).toEqual([done.task_id]);
  });

  test.each(['limit=0', 'limit=201', 'limit=x', 'status=processing'])('refuses %s', async (query) => {
    const response = await client.fetch(`/v1/video/tasks?${query}`);
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: { type: 'invalid_request', message: expect.any(String) } },
    ]);
  });
});
