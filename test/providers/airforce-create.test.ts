/** Creates at a scripted airforce upstream: what is sent, and what is made of every kind of answer. */

import { UnusableImage } from '../../src/domain/image-header.ts';
import type { StartCall } from '../../src/domain/provider.ts';
import type { VideoRequest } from '../../src/domain/video-request.ts';
import { airforce } from '../../src/providers/airforce.ts';
import {
  cut,
  json,
  type Script,
  type ScriptedServer,
  silence,
  startScriptedServer,
  text,
  useScriptedServer,
} from '../net/scripted-server.ts';
import { CREATED, REQUEST } from './airforce-fixtures.ts';
import { makeCall } from './make-call.ts';

let server: ScriptedServer;
useScriptedServer((started) => {
  server = started;
});

async function sentBody(request: Partial<VideoRequest>) {
  server.script = json(200, CREATED);
  await airforce.start({ ...REQUEST, ...request }, makeCall(server));
  return JSON.parse(server.received[0]?.body ?? '');
}

describe('the body of a create', () => {
  test('says everything that has a price explicitly', async () => {
    expect(await sentBody({})).toEqual({
      model: 'wan-2.6',
      prompt: 'a lighthouse',
      mode: 'text',
      duration_seconds: 8,
      aspect_ratio: '16:9',
      quality: '720p',
    });
    expect(server.received[0]).toMatchObject({ method: 'POST', path: '/v1/video/generations' });
    expect(server.received[0]?.headers.authorization).toBe('Bearer sk-upstream-test');
  });

  test('carries images by URL or as base64', async () => {
    const body = await sentBody({
      mode: 'reference',
      images: [
        { kind: 'url', url: 'https://example.com/a.png' },
        { kind: 'stored', sha256: 'f'.repeat(64), mediaType: 'image/png', sizeBytes: 3 },
      ],
    });
    expect(body).toMatchObject({
      mode: 'reference',
      input_images: [{ url: 'https://example.com/a.png' }, { b64_json: Buffer.from('png').toString('base64') }],
    });
  });

  test('forwards other keys but never over ours (AF-17)', async () => {
    const extra = {
      seed: 7,
      nested: { a: [1, null] },
      model: 'gratis',
      duration_seconds: 1,
      quality: '4k',
      input_images: [],
    };
    const body = await sentBody({ extra, quality: null, aspectRatio: null });
    expect(body).toEqual({
      model: 'wan-2.6',
      prompt: 'a lighthouse',
      mode: 'text',
      duration_seconds: 8,
      seed: 7,
      nested: { a: [1, null] },
    });
  });
});

describe('the outcome of a create', () => {
  const outcomeOf = (script: Script, overrides: Partial<StartCall> = {}) => {
    server.script = script;
    return airforce.start(REQUEST, makeCall(server, overrides));
  };

  test.each([200, 201, 202])('is started for %i with an id', async (status) => {
    const outcome = await outcomeOf(json(status, CREATED));
    expect(outcome).toEqual({ kind: 'started', taskId: 'task-1', costMicroUsd: 3_200_000 });
  });

  test('is started even if only the id is readable', async () => {
    const odd = { task_id: 'task-1', status: 7, created: 'now', cost_cents: 'three' };
    expect(await outcomeOf(json(200, odd))).toEqual({ kind: 'started', taskId: 'task-1', costMicroUsd: null });
  });

  test.each([
    [400, 'request'],
    [401, 'unauthenticated'],
    [402, 'undecided'],
    [403, 'undecided'],
    [404, 'no route'],
    [409, 'request'],
    [413, 'request'],
    [422, 'request'],
    [429, 'rate limited'],
  ])('is refused for %i as %s', async (status, reason) => {
    const outcome = await outcomeOf(json(status, { error: 'no', code: 'because' }, { 'x-request-id': 'r1' }));
    const upstream = { status, message: 'no', code: 'because', requestId: 'r1' };
    expect(outcome).toEqual({ kind: 'refused', reason, upstream, retryAfterMs: undefined });
  });

  test('keeps the hint of a rate limit', async () => {
    const outcome = await outcomeOf(
      json(429, { error: { type: 'rate_limit', message: 'slow down' } }, { 'retry-after': '7' }),
    );
    expect(outcome).toMatchObject({ kind: 'refused', retryAfterMs: 7000 });
    expect(outcome).toMatchObject({ upstream: { code: 'rate_limit', message: 'slow down' } });
  });

  test.each<[string, Script]>([
    ['500', json(500, { error: 'oops' })],
    ['501 in HTML', text(501, '<html>not implemented</html>')],
    ['503', json(503, {}, { 'retry-after': '1' })],
    ['200 without an id', json(200, { status: 'queued' })],
    ['200 with an empty id', json(200, { ...CREATED, task_id: '' })],
    ['200 with a fraction for an id', json(200, { ...CREATED, task_id: 0.5 })],
    ['200 with garbage', text(200, '{"task_id": "task')],
    ['200 without a body', text(200, '')],
    ['200 cut in its body', cut(200)],
    ['200 that never ends in its bound', text(200, 'x'.repeat(5_000_000))],
  ])('is lost but answered for %s', async (_name, script) => {
    const outcome = await outcomeOf(script);
    expect(outcome).toMatchObject({ kind: 'lost', answered: true, upstream: { status: expect.any(Number) } });
    expect(server.received).toHaveLength(1);
  });

  test.each<[string, Script, number]>([
    ['a reset', cut(), 10_000],
    ['a timeout', silence, 1000],
  ])('is lost without an answer for %s', async (_name, script, timeoutMs) => {
    expect(await outcomeOf(script, { timeoutMs })).toMatchObject({ kind: 'lost', answered: false });
    expect(server.received).toHaveLength(1);
  });

  test('is not sent where no server listens', async () => {
    const closed = await startScriptedServer();
    await closed.close();
    const outcome = await outcomeOf(silence, { baseUrl: closed.origin });
    expect(outcome).toMatchObject({ kind: 'not sent', message: expect.stringContaining('ECONNREFUSED') });
  });

  test('is refused unsent where an image cannot be used', async () => {
    server.script = json(200, CREATED);
    const images = [{ kind: 'stored', sha256: 'f'.repeat(64), mediaType: 'image/png', sizeBytes: 3 }] as const;
    const loadImage = () => Promise.reject(new UnusableImage('the image is gone'));
    const outcome = await airforce.start({ ...REQUEST, images }, makeCall(server, { loadImage }));
    expect(outcome).toEqual({ kind: 'refused', reason: 'image', upstream: { message: 'the image is gone' } });
    expect(server.received).toHaveLength(0);
  });

  test('is not sent where the store of images is away', async () => {
    server.script = json(200, CREATED);
    const images = [{ kind: 'stored', sha256: 'f'.repeat(64), mediaType: 'image/png', sizeBytes: 3 }] as const;
    const loadImage = () => Promise.reject(new Error('the store is away'));
    const outcome = await airforce.start({ ...REQUEST, images }, makeCall(server, { loadImage }));
    expect(outcome).toMatchObject({ kind: 'not sent', message: expect.stringContaining('the store is away') });
    expect(server.received).toHaveLength(0);
  });
});
