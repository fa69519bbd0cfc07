/** Faults: each is seen by a client, as often as it was ordered. */

import { readClip, topLevelBoxes } from './mp4-reader.ts';
import { closeSandboxes, download, MINI, readJson, type SandboxClient, startFast } from './sandbox-client.ts';

let client: SandboxClient;
beforeEach(async () => {
  client = await startFast();
});
afterEach(closeSandboxes);

describe('the fault routes', () => {
  test('show what is left and forget on delete', async () => {
    await client.setFaults({ kind: 'failed_task', count: 2, model: 'sandbox-mini' }, { kind: 'no_result', rate: 0 });
    await client.create();
    expect((await client.faults()).faults).toEqual([
      { kind: 'failed_task', message: expect.any(String), left: 1, model: 'sandbox-mini' },
      { kind: 'no_result', rate: 0 },
    ]);
    const cleared = await client.fetch('/_sandbox/faults', { method: 'DELETE' });
    expect(await cleared.json()).toEqual({ speed: 100, faults: [] });
  });

  test.each([
    [{ faults: [{ kind: 'explode' }] }, 'lost_create_answer'],
    [{ faults: [{ kind: 'http_error', on: 'delete', status: 500 }] }, 'create, task, stream, list, models, result'],
    [{ faults: [{ kind: 'http_error', on: 'create', status: 200 }] }, '400 to 599'],
    [{ faults: [{ kind: 'lost_create_answer', answer: 'reset', recorded: 'later' }] }, 'afterMs'],
    [{ faults: [{ kind: 'slow', factor: 2, coutn: 1 }] }, 'coutn'],
    [{ faults: [{ kind: 'slow', factor: 2, count: 1, rate: 1 }] }, 'count'],
    [{ faults: {} }, 'faults'],
    [{ speed: 0 }, 'speed'],
  ])('refuse %j and say what is allowed', async (body, allowed) => {
    await client.setFaults({ kind: 'no_result' });
    const response = await client.post('/_sandbox/faults', body);
    expect(response.status).toBe(400);
    expect((await readJson<{ error: string }>(response)).error).toContain(allowed);
    expect((await client.faults()).faults).toHaveLength(1);
  });

  test('strike only the model and key they name', async () => {
    await client.setFaults({ kind: 'http_error', on: 'create', status: 503, model: 'wan-2.6', key: 'key-b' });
    const wan = { model: 'wan-2.6', prompt: 'x' };
    expect((await client.tryCreate(wan)).status).toBe(200);
    expect((await client.withKey('key-b').tryCreate()).status).toBe(200);
    expect((await client.withKey('key-b').tryCreate(wan)).status).toBe(503);
  });
});

describe('a lost create answer', () => {
  test('by reset breaks the connection after the task is made', async () => {
    await client.setFaults({ kind: 'lost_create_answer', answer: 'reset', recorded: 'now', count: 1 });
    await expect(client.tryCreate()).rejects.toThrow('fetch failed');
    expect(await client.list()).toHaveLength(1);
    expect((await client.tryCreate()).status).toBe(200);
  });

  test('by timeout leaves the caller without an answer', async () => {
    await client.setFaults({ kind: 'lost_create_answer', answer: 'timeout', recorded: 'never' });
    const answer = client.fetch('/v1/video/generations', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(MINI),
      signal: AbortSignal.timeout(200),
    });
    await expect(answer).rejects.toThrow('timeout');
    expect(await client.list()).toEqual([]);
  });

  test('by 5xx or garbage gives no task id', async () => {
    await client.setFaults(
      { kind: 'lost_create_answer', answer: '5xx', count: 1 },
      { kind: 'lost_create_answer', answer: 'garbage', count: 1 },
    );
    const failed = await client.tryCreate();
    const garbage = await client.tryCreate();
    expect([failed.status, garbage.status]).toEqual([503, 200]);
    expect(await garbage.text()).toContain('<html>');
    expect(await client.list()).toHaveLength(2);
  });

  test('recorded late appears in list and bill only then', async () => {
    const fault = { kind: 'lost_create_answer', answer: '5xx', recorded: { afterMs: 60_000 } };
    await client.setFaults(fault);
    await client.tryCreate();
    expect([await client.list(), (await client.bill()).tasks]).toEqual([[], []]);
    jest.useFakeTimers({ now: Date.now() + 60_001, doNotFake: ['setTimeout', 'setImmediate', 'nextTick'] });
    const late = await Promise.all([client.list(), client.bill()]).finally(() => jest.useRealTimers());
    expect(late).toMatchObject([[{ prompt: MINI.prompt }], { tasks: [{ key: 'key-a' }] }]);
  });
});

describe('an HTTP error', () => {
  test('on create makes no task and carries its hint', async () => {
    await client.setFaults({ kind: 'http_error', on: 'create', status: 429, retryAfterSeconds: 7, count: 1 });
    const refused = await client.tryCreate();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '7']);
    expect(await client.list()).toEqual([]);
    expect((await client.tryCreate()).status).toBe(200);
  });

  test('strikes the place it is ordered for', async () => {
    const { task_id, result_url = '' } = await client.finish();
    const asks = {
      task: () => client.fetch(`/v1/video/tasks/${task_id}`),
      stream: () => client.fetch(`/v1/video/tasks/${task_id}/stream`),
      list: () => client.fetch('/v1/video/tasks'),
      models: () => client.fetch('/v1/models'),
      result: () => fetch(result_url),
    };
    await client.setFaults(
      ...Object.keys(asks).map((on, index) => ({ kind: 'http_error', on, status: 500 + index, count: 1 })),
    );
    const struck = await Promise.all(Object.values(asks).map((ask) => ask()));
    const spared = await Promise.all(Object.values(asks).map((ask) => ask()));
    expect(struck.map(({ status }) => status)).toEqual([500, 501, 502, 503, 504]);
    expect(spared.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  });
});

describe('a faulty task', () => {
  test('that is stuck stays processing and expires unbilled', async () => {
    await client.setFaults({ kind: 'stuck_progress', atProgress: 30 });
    const { task_id } = await client.create();
    const later = (afterMs: number) => {
      jest.useFakeTimers({ now: Date.now() + afterMs, doNotFake: ['setTimeout', 'setImmediate', 'nextTick'] });
      return client.task(task_id).finally(() => jest.useRealTimers());
    };
    expect(await later(3_600_000)).toMatchObject({ status: 'processing', progress: 30 });
    expect(await later(86_400_000)).toMatchObject({ status: 'expired', cost_cents: 0 });
  });

  test('that fails says why and costs nothing', async () => {
    await client.setFaults({ kind: 'failed_task', message: 'the model fell over' });
    const task = await client.finish();
    expect(task).toMatchObject({ status: 'failed', error: 'the model fell over', cost_cents: 0 });
    expect(task).not.toHaveProperty('result_url');
    expect((await client.bill()).tasks).toMatchObject([{ state: 'failed', costMicroUsd: 0 }]);
  });

  test('with an unknown status word ends all the same', async () => {
    await client.setFaults({ kind: 'unknown_status' }, { kind: 'slow', factor: 10 });
    const { task_id } = await client.create();
    const words = (await client.stream(task_id)).slice(0, -1).map(({ data }) => JSON.parse(data).status);
    expect([...new Set(words)]).toEqual(['warming_up', 'processing', 'completed']);
  });

  test('that is slow is not done at its usual time', async () => {
    await client.setFaults({ kind: 'slow', factor: 1000, count: 1 });
    const slow = await client.create();
    await client.finish();
    expect((await client.task(slow.task_id)).status).toBe('queued');
  });

  test('that is missing at first is 404, then there', async () => {
    await client.setFaults({ kind: 'missing_at_first', forMs: 60_000 });
    const { task_id } = await client.create();
    expect((await client.fetch(`/v1/video/tasks/${task_id}`)).status).toBe(404);
    jest.useFakeTimers({ now: Date.now() + 60_000, doNotFake: ['setTimeout', 'setImmediate', 'nextTick'] });
    const found = await client.task(task_id).finally(() => jest.useRealTimers());
    expect(found.status).toBe('completed');
  });

  test('that is overbilled costs more at its end', async () => {
    await client.setFaults({ kind: 'overbilled', factor: 4 });
    const { cost_cents } = await client.create();
    const task = await client.finish();
    expect([cost_cents, task.cost_cents]).toEqual([1, 4]);
  });
});

describe('a faulty result', () => {
  async function resultUnder(fault: Record<string, unknown>) {
    await client.setFaults(fault);
    return (await client.finish()).result_url ?? '';
  }

  test('can be absent from a completed task', async () => {
    await client.setFaults({ kind: 'no_result' });
    const task = await client.finish();
    expect(task.status).toBe('completed');
    expect(task).not.toHaveProperty('result_url');
  });

  test.each([403, 404, 410])('can be dead with %d for good', async (status) => {
    const url = await resultUnder({ kind: 'expired_result', status, count: 1 });
    expect([(await fetch(url)).status, (await fetch(url)).status]).toEqual([status, status]);
  });

  test('can be a page instead of a clip', async () => {
    const { response, bytes } = await download(await resultUnder({ kind: 'html_result' }));
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(bytes.toString()).toContain('<html>');
  });

  test('can be cut off, and goes on from there', async () => {
    const url = await resultUnder({ kind: 'cut_result', atFraction: 0.25, count: 1 });
    const cut = await download(url);
    const promised = Number(cut.response.headers.get('content-length'));
    expect([cut.broken, cut.bytes.length]).toEqual([true, Math.floor(promised / 4)]);
    const rest = await download(url, { range: `bytes=${cut.bytes.length}-` });
    expect(rest.broken).toBe(false);
    expect(await readClip(Buffer.concat([cut.bytes, rest.bytes]))).toMatchObject({ durationSeconds: 1 });
  });

  test('can come slowly and whole', async () => {
    const url = await resultUnder({ kind: 'no_result', rate: 0 });
    const usual = await download(url);
    await client.setFaults({ kind: 'slow_result', bytesPerSecond: usual.bytes.length * 5 });
    expect((await download(url)).bytes).toEqual(usual.bytes);
  });

  test('can end early without lying about its length', async () => {
    const { response, bytes, broken } = await download(await resultUnder({ kind: 'truncated_result' }));
    expect([broken, bytes.length]).toEqual([false, Number(response.headers.get('content-length'))]);
    expect(() => topLevelBoxes(bytes)).toThrow('the boxes end at');
  });

  test('can be blown up to any size and stay a clip', async () => {
    const { response, bytes } = await download(await resultUnder({ kind: 'large_result', sizeBytes: 3_000_000 }));
    expect([bytes.length, response.headers.get('content-length')]).toEqual([3_000_000, '3000000']);
    expect(topLevelBoxes(bytes).at(-1)).toBe('free');
    expect(await readClip(bytes)).toMatchObject({ durationSeconds: 1, codec: 'avc' });
  });

  test('can exceed what 32 bits count, in ranges', async () => {
    const sizeBytes = 5_000_000_000;
    const url = await resultUnder({ kind: 'large_result', sizeBytes });
    const head = await fetch(url, { method: 'HEAD' });
    expect(head.headers.get('content-length')).toBe(String(sizeBytes));
    const tail = await download(url, { range: `bytes=${sizeBytes - 3}-` });
    expect(tail.response.headers.get('content-range')).toBe(`bytes ${sizeBytes - 3}-${sizeBytes - 1}/${sizeBytes}`);
    expect([...tail.bytes]).toEqual([0, 0, 0]);
    const start = await download(url, { range: 'bytes=0-199999' });
    const freeAt = start.bytes.indexOf('free', start.bytes.indexOf('mdat'));
    expect(start.bytes.readUInt32BE(freeAt - 4)).toBe(1);
    expect(Number(start.bytes.readBigUInt64BE(freeAt + 4))).toBe(sizeBytes - (freeAt - 4));
  });
});
