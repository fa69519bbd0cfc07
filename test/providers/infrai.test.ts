/** What is infrai's own: its words for a request, its open state words, its cancel, and a list without times. */

import { sight } from '../../src/domain/adoption.ts';
import type { VideoRequest } from '../../src/domain/video-request.ts';
import { infrai } from '../../src/providers/infrai.ts';
import { makeRequest } from '../builders.ts';
import { json, type ScriptedServer, useScriptedServer } from '../net/scripted-server.ts';
import { makeCall } from './make-call.ts';

const IMAGE = { kind: 'url', url: 'https://example.com/a.png' } as const;
const STORED = { kind: 'stored', sha256: 'f'.repeat(64), mediaType: 'image/png', sizeBytes: 3 } as const;

let server: ScriptedServer;
useScriptedServer((started) => {
  server = started;
});

function start(request: Partial<VideoRequest>) {
  server.script = json(200, { job_id: 'job-1', state: 'queued' });
  return infrai.start(makeRequest(request), makeCall(server, { upstreamModel: 'cheapest' }));
}

async function sentBody(request: Partial<VideoRequest>) {
  await start(request);
  return JSON.parse(server.received[0]?.body ?? '');
}

describe('the body of a create', () => {
  test('says everything in the documented words', async () => {
    expect(await sentBody({ prompt: 'a skyline', durationSeconds: 5, quality: '1080p' })).toEqual({
      prompt: 'a skyline',
      duration_seconds: 5,
      aspect: '16:9',
      resolution: '1080p',
      prefer: 'cheapest',
      idempotency_key: 'submission-1',
    });
  });

  test('leaves out what the model leaves open', async () => {
    const body = await sentBody({ aspectRatio: null, quality: null });
    expect(Object.keys(body).sort()).toEqual(['duration_seconds', 'idempotency_key', 'prefer', 'prompt']);
  });

  test('names an uploaded image by a link of ours (IN-07)', async () => {
    const url = `https://clips.example/input-images/${STORED.sha256}.png`;
    expect(await sentBody({ mode: 'image', images: [STORED] })).toMatchObject({ reference_image_url: url });
  });

  test.each(['image', 'reference'] as const)('names the image of mode %s', async (mode) => {
    expect(await sentBody({ mode, images: [IMAGE] })).toMatchObject({ reference_image_url: IMAGE.url });
  });

  test('forwards other keys but never over ours', async () => {
    const extra = { seed: 7, nested: { a: [1] }, prefer: 'smartest', aspect_ratio: '1:1', idempotency_key: 'x' };
    const body = await sentBody({ extra });
    expect(body).toMatchObject({ seed: 7, nested: { a: [1] }, prefer: 'cheapest', idempotency_key: 'submission-1' });
    expect(body).not.toHaveProperty('aspect_ratio');
  });

  test('is the same in every try', async () => {
    expect(infrai.facts.honoursIdempotencyKey).toBe(true);
    const first = await sentBody({});
    server.received.length = 0;
    expect(await sentBody({})).toEqual(first);
  });
});

describe('a request without words here', () => {
  test.each<[string, Partial<VideoRequest>, string]>([
    ['480p', { quality: '480p' }, 'infrai makes clips in 720p, 1080p, 4k, not 480p'],
    ['another aspect ratio', { aspectRatio: '4:3' }, 'infrai makes clips of 16:9, 9:16, 1:1, not 4:3'],
    ['two images', { mode: 'reference', images: [IMAGE, IMAGE] }, 'infrai takes one reference image, not 2'],
    ['no image for its mode', { mode: 'reference' }, 'mode reference needs an image'],
  ])('is refused unsent with %s', async (_name, request, message) => {
    const upstream = { message: expect.stringContaining(message) };
    expect(await start(request)).toEqual({ kind: 'refused', reason: 'request', upstream });
    expect(server.received).toHaveLength(0);
  });
});

describe('a poll of a job', () => {
  const poll = (job: object) => {
    server.script = json(200, { job_id: 'job-1', ...job });
    return infrai.poll('job-1', makeCall(server));
  };

  test.each(['queued', 'running', 'pending', 'processing', 'IN_PROGRESS'])('knows the word %s', async (state) => {
    expect(await poll({ state })).toMatchObject({ kind: 'pending', progress: null, word: state, known: true });
  });

  test('takes a job without a state for unknown', async () => {
    expect(await poll({})).toMatchObject({ kind: 'pending', word: '', known: false });
  });

  test.each(['completed', 'succeeded', 'done'])('takes %s for completed', async (state) => {
    expect(await poll({ state, video_url: 'https://cdn.example/c.mp4' })).toEqual({
      kind: 'succeeded',
      result: { url: 'https://cdn.example/c.mp4', needsKey: false, expiresAtMs: null },
      costMicroUsd: null,
    });
  });

  test.each([undefined, null, ''])('finds no result under the link %p', async (video_url) => {
    expect(await poll({ state: 'completed', video_url })).toMatchObject({ kind: 'succeeded', result: null });
  });

  test.each<[string, object, object]>([
    ['text', { state: 'failed', error: 'too dark' }, { message: 'too dark' }],
    [
      'an object',
      { state: 'failed', error: { code: 'dark', message: 'too dark' } },
      { code: 'dark', message: 'too dark' },
    ],
    ['nothing', { state: 'failed' }, {}],
    ['something else', { state: 'failed', error: [1] }, {}],
    ['the word cancelled', { state: 'canceled' }, { code: 'cancelled' }],
    ['the word expired', { state: 'expired', error: 'too late' }, { code: 'expired', message: 'too late' }],
  ])('reads a failure with %s', async (_name, job, upstream) => {
    expect(await poll(job)).toEqual({ kind: 'failed', upstream, costMicroUsd: null });
  });
});

describe('a cancel of a job', () => {
  test.each([true, false])('is heard with the answer %s', async (ok) => {
    server.script = json(200, { ok });
    await expect(infrai.cancel('job/1', makeCall(server))).resolves.toBeUndefined();
    const [received] = server.received;
    expect(received).toMatchObject({ method: 'POST', path: '/v1/video/cancel/job%2F1', body: '{"job_id":"job/1"}' });
  });

  test('fails where the upstream refuses it', async () => {
    server.script = json(404, { error: { code: 'not_found', message: 'no such job' } });
    await expect(infrai.cancel('job-1', makeCall(server))).rejects.toMatchObject({ status: 404 });
  });
});

describe('the list of jobs', () => {
  test('makes no job a candidate for adoption', async () => {
    server.script = json(200, { items: [{ job_id: 'job-1' }], next_cursor: 'x' });
    const { tasks } = await infrai.list(makeCall(server));
    expect(tasks).toEqual([{ taskId: 'job-1', createdAtMs: undefined, costMicroUsd: null }]);
    expect(sight(tasks, { prompt: makeRequest().prompt, sentAtMs: 0, rivals: [] }).candidates).toEqual([]);
  });
});
