/** Polls, lists, models and probes at a scripted airforce upstream. */

import { airforce } from '../../src/providers/airforce.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { cut, json, type Script, type ScriptedServer, text, useScriptedServer } from '../net/scripted-server.ts';
import { CREATED } from './airforce-fixtures.ts';
import { makeCall } from './make-call.ts';

let server: ScriptedServer;
useScriptedServer((started) => {
  server = started;
});

describe('a poll of a task', () => {
  const poll = (task: object, status = 200, headers: Record<string, string> = {}) => {
    server.script = json(status, { ...CREATED, ...task }, headers);
    return airforce.poll('task-1', makeCall(server));
  };

  test('asks for its path with the id escaped', async () => {
    server.script = json(404, { error: 'not found' });
    await airforce.poll('a/b?$&', makeCall(server));
    expect(server.received[0]).toMatchObject({ method: 'GET', path: '/v1/video/tasks/a%2Fb%3F%24%26', body: '' });
  });

  test.each([
    ['queued', 0, { progress: 0, known: true }],
    ['processing', 41.7, { progress: 41, known: true }],
    ['processing', 250, { progress: 100, known: true }],
    ['processing', null, { progress: null, known: true }],
    ['dreaming', 12, { progress: 12, known: false }],
  ])('reads %s at %s as pending', async (word, progress, expected) => {
    const status = await poll({ status: word, progress }, 200, { 'retry-after': '9' });
    expect(status).toEqual({ kind: 'pending', word, retryAfterMs: 9000, ...expected });
  });

  test('reads a task without status as unknown', async () => {
    expect(await poll({ status: null })).toMatchObject({ kind: 'pending', word: '', known: false });
  });

  test('reads the link, cost and expiry at completion', async () => {
    const status = await poll({
      status: 'completed',
      progress: 100,
      result_url: 'https://cdn.example/c.mp4',
      cost_cents: 317.5,
    });
    const result = { url: 'https://cdn.example/c.mp4', needsKey: false, expiresAtMs: 1_700_086_400_000 };
    expect(status).toEqual({ kind: 'succeeded', result, costMicroUsd: 3_175_000 });
  });

  test.each([
    ['the creation and the lifetime', { expires_at: null }, 1_700_086_400_000],
    ['nothing', { expires_at: null, created: null }, null],
    ['nothing where the time is absurd', { expires_at: 1e300, created: null }, null],
  ])('derives a missing expiry from %s', async (_name, times, expiresAtMs) => {
    const status = await poll({ status: 'completed', result_url: 'https://cdn.example/c.mp4', ...times });
    expect(status).toMatchObject({ kind: 'succeeded', result: { expiresAtMs } });
  });

  test.each([[null], [''], [undefined]])('reads completion with link %p as empty', async (result_url) => {
    expect(await poll({ status: 'completed', result_url })).toMatchObject({ kind: 'succeeded', result: null });
  });

  test.each([
    ['failed', 'content policy', { message: 'content policy' }],
    ['failed', { type: 'moderation', message: 'no' }, { code: 'moderation', message: 'no' }],
    ['failed', null, {}],
    ['expired', null, { code: 'expired' }],
    ['expired', 'took too long', { code: 'expired', message: 'took too long' }],
  ])('reads %s with error %j as failed', async (word, error, upstream) => {
    const status = await poll({ status: word, error, cost_cents: 0 });
    expect(status).toEqual({ kind: 'failed', upstream, costMicroUsd: 0 });
  });

  test.each([404, 410])('reads %i as a missing task', async (status) => {
    expect(await poll({}, status)).toEqual({ kind: 'missing' });
  });

  test.each<[string, Script, object]>([
    ['a refused key', json(401, { error: 'bad key' }), { phase: 'answered', status: 401 }],
    ['a rate limit', json(429, {}, { 'retry-after': '3' }), { phase: 'answered', status: 429, retryAfterMs: 3000 }],
    ['a broken upstream', text(503, 'down'), { phase: 'answered', status: 503 }],
    ['garbage', text(200, 'hello'), { phase: 'answered', status: 200 }],
    ['an answer without a task', json(200, { status: null }), { phase: 'answered', status: 200 }],
    ['a reset', cut(), { phase: 'lost', status: undefined }],
  ])('fails as an exchange for %s', async (_name, script, expected) => {
    server.script = script;
    await expect(airforce.poll('task-1', makeCall(server))).rejects.toMatchObject({
      name: 'UpstreamError',
      ...expected,
    });
  });
});

describe('the list of tasks', () => {
  const list = (script: Script) => {
    server.script = script;
    return airforce.list?.(makeCall(server));
  };

  test('shows what adoption compares and the clock', async () => {
    const tasks = [{ ...CREATED, prompt: 'a lighthouse', duration_seconds: 8, progress: 'half', error: 5 }];
    const listed = await list(json(200, { data: tasks }, { date: 'Tue, 14 Nov 2023 22:13:20 GMT' }));
    expect(listed).toEqual({
      upstreamNowMs: 1_700_000_000_000,
      tasks: [
        {
          taskId: 'task-1',
          createdAtMs: 1_700_000_000_000,
          model: 'wan-2.6',
          prompt: 'a lighthouse',
          durationSeconds: 8,
          costMicroUsd: 3_200_000,
        },
      ],
    });
    expect(server.received[0]?.path).toBe('/v1/video/tasks');
  });

  test('derives a missing creation from the expiry', async () => {
    const { created: _created, ...task } = CREATED;
    const listed = await list(json(200, { data: [task] }));
    expect(listed?.tasks).toMatchObject([{ createdAtMs: 1_700_000_000_000, prompt: undefined }]);
  });

  test('keeps a task without a time', async () => {
    const listed = await list(json(200, { data: [{ task_id: 'task-1' }] }));
    expect(listed?.tasks).toMatchObject([{ taskId: 'task-1', createdAtMs: undefined }]);
  });

  test.each<[string, Script]>([
    ['a task without an id', json(200, { data: [CREATED, { status: 'queued' }] })],
    ['another shape', json(200, { tasks: [] })],
    ['a refusal', json(403, { error: 'no' })],
  ])('is no list with %s', async (_name, script) => {
    await expect(list(script)).rejects.toMatchObject({ phase: 'answered' });
  });
});

describe('the published models', () => {
  const caps = {
    aspect_ratios: ['16:9'],
    qualities: ['720p'],
    min_duration_s: 5,
    max_duration_s: 10,
    modes: ['text', 'image'],
    price_per_second_cents: 40,
  };

  test('are the readable ones that make video', async () => {
    server.script = json(200, {
      data: [
        { id: 'wan-2.6', output_modalities: ['video'], video_caps: caps },
        { id: 'bare', video_caps: { min_duration_s: 4, max_duration_s: 4, price_per_second_cents: 0.5 } },
        { id: 'chat', output_modalities: ['text'] },
        { id: 'no-caps', output_modalities: ['video'], video_caps: null },
        { id: 'bad-caps', output_modalities: ['video'], video_caps: { ...caps, price_per_second_cents: 'free' } },
        { id: 'backwards', output_modalities: ['video'], video_caps: { ...caps, min_duration_s: 20 } },
        { output_modalities: ['video'], video_caps: caps },
        'a string',
      ],
    });
    expect(await airforce.models?.(makeCall(server))).toEqual([
      {
        upstreamModel: 'wan-2.6',
        pricePerSecondMicroUsd: 400_000,
        capabilities: {
          modes: ['text', 'image'],
          aspectRatios: ['16:9'],
          qualities: ['720p'],
          minDurationSeconds: 5,
          maxDurationSeconds: 10,
          durationsSeconds: null,
        },
      },
      {
        upstreamModel: 'bare',
        pricePerSecondMicroUsd: 5000,
        capabilities: {
          modes: [],
          aspectRatios: [],
          qualities: [],
          minDurationSeconds: 4,
          maxDurationSeconds: 4,
          durationsSeconds: null,
        },
      },
    ]);
    expect(server.received[0]?.path).toBe('/v1/models');
  });

  test('are read without what is odd about them', async () => {
    const odd = { ...caps, modes: ['text', 'extend'], aspect_ratios: null, qualities: ['720p', 'a\0'] };
    server.script = json(200, { data: [{ id: 'wan-2.6', video_caps: odd }] });
    expect(await airforce.models?.(makeCall(server))).toMatchObject([
      { upstreamModel: 'wan-2.6', capabilities: { modes: ['text'], aspectRatios: [], qualities: ['720p'] } },
    ]);
  });

  test.each<[string, unknown]>([
    ['none at all', []],
    ['none of video', [{ id: 'chat', output_modalities: ['text'] }]],
    ['none that can be read', [{ id: 'wan-2.6', video_caps: { ...caps, price_per_second_cents: 'free' } }]],
    ['none whose numbers can be', [{ id: 'wan-2.6', video_caps: { ...caps, price_per_second_cents: 1e300 } }]],
    ['none of a known mode', [{ id: 'wan-2.6', video_caps: { ...caps, modes: ['extend'] } }]],
    ['no list', { id: 'wan-2.6', video_caps: caps }],
  ])('are not taken back by a list with %s', async (_name, data) => {
    server.script = json(200, { data });
    await expect(airforce.models?.(makeCall(server))).rejects.toMatchObject({ phase: 'answered', status: 200 });
  });

  test('are none where the list is refused', async () => {
    server.script = json(500, {});
    await expect(airforce.models?.(makeCall(server))).rejects.toMatchObject({ phase: 'answered', status: 500 });
  });
});

describe('a probe', () => {
  test('passes when the list is answered', async () => {
    server.script = json(200, { data: [] });
    await expect(airforce.probe?.(makeCall(server))).resolves.toBeUndefined();
    expect(server.received[0]).toMatchObject({ method: 'GET', path: '/v1/video/tasks' });
  });

  test('fails with the status of a refusal', async () => {
    server.script = json(401, { error: 'bad key' });
    await expect(airforce.probe?.(makeCall(server))).rejects.toMatchObject({ phase: 'answered', status: 401 });
  });
});

describe('the table of providers', () => {
  test('has each provider under its own name', () => {
    for (const [name, provider] of Object.entries(PROVIDERS_BY_NAME)) expect(provider.name).toBe(name);
  });

  test('states the documented facts of airforce', () => {
    expect(airforce.facts).toEqual({
      answersAtEnd: false,
      mostImages: 8,
      honoursIdempotencyKey: false,
      cancels: false,
      listWindow: { answeredMs: 5000, unansweredMs: 30_000 },
      timing: { firstPollMs: 5000, minPollMs: 5000, maxPollMs: 15_000, deadlineMs: 86_400_000 },
      resultTtlMs: 86_400_000,
    });
    expect(airforce.cancel).toBeUndefined();
  });
});
