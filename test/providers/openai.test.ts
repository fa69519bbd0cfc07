/** What is `/v1/videos`' own: sizes, uploads as multipart, content behind the key, and a list that can be adopted from. */

import { UnusableImage } from '../../src/domain/image-header.ts';
import type { StartCall } from '../../src/domain/provider.ts';
import type { VideoRequest } from '../../src/domain/video-request.ts';
import { openai } from '../../src/providers/openai.ts';
import { makeRequest } from '../builders.ts';
import {
  json,
  type ReceivedRequest,
  type Script,
  type ScriptedServer,
  startScriptedServer,
  text,
  useScriptedServer,
} from '../net/scripted-server.ts';
import { makeCall } from './make-call.ts';

const IMAGE = { kind: 'url', url: 'https://example.com/a.png' } as const;
const STORED = { kind: 'stored', sha256: 'f'.repeat(64), mediaType: 'image/png', sizeBytes: 3 } as const;
const VIDEO = { id: 'video_1', object: 'video', created_at: 1_758_941_485, status: 'queued', model: 'sora-2' };

/** As vLLM-Omni says it (0.30.0). */
const MISSING_PROMPT = `[{'type': 'missing', 'loc': ('body', 'prompt'), 'msg': 'Field required', 'input': None}]`;

let server: ScriptedServer;
useScriptedServer((started) => {
  server = started;
});

function start(request: Partial<VideoRequest>) {
  server.script = json(200, VIDEO);
  return openai.start(makeRequest(request), makeCall(server, { upstreamModel: 'sora-2' }));
}

async function sentBody(request: Partial<VideoRequest>) {
  await start(request);
  return JSON.parse(server.received[0]?.body ?? '');
}

async function sentForm(request: Partial<VideoRequest>): Promise<FormData> {
  await start(request);
  const { headers, body } = server.received[0] ?? {};
  return await new Response(body ?? '', { headers: { 'content-type': headers?.['content-type'] ?? '' } }).formData();
}

describe('the body of a create', () => {
  test('says everything in the documented words', async () => {
    expect(await sentBody({ prompt: 'a misty lake', durationSeconds: 8 })).toEqual({
      model: 'sora-2',
      prompt: 'a misty lake',
      seconds: '8',
      size: '1280x720',
    });
    expect(server.received[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
    expect(server.received[0]?.headers).not.toHaveProperty('idempotency-key');
  });

  test.each([
    ['16:9', '720p', '1280x720'],
    ['9:16', '720p', '720x1280'],
    ['1:1', '720p', '720x720'],
    ['16:9', '1080p', '1920x1080'],
    ['9:16', null, '720x1280'],
    [null, '1080p', '1080x1920'],
    ['7:4', '1024p', '1792x1024'],
    [null, null, undefined],
  ])('sends %s in %s as the size %s', async (aspectRatio, quality, size) => {
    expect((await sentBody({ aspectRatio, quality })).size).toBe(size);
  });

  test('forwards other keys but never over ours', async () => {
    const extra = { seed: 7, nested: { a: [1, null] }, model: 'gratis', seconds: '1', size: '9x9', stream: true };
    expect(await sentBody({ extra })).toEqual({
      model: 'sora-2',
      prompt: makeRequest().prompt,
      seconds: '8',
      size: '1280x720',
      seed: 7,
      nested: { a: [1, null] },
    });
  });
});

describe('a create with an image', () => {
  test.each(['image', 'reference'] as const)('by URL in mode %s carries its bytes (OV-10)', async (mode) => {
    const form = await sentForm({ mode, images: [IMAGE] });
    const file = form.get('input_reference');
    expect(file instanceof File && (await file.text())).toBe('png');
  });

  test('carries it as a file beside the fields', async () => {
    const form = await sentForm({ mode: 'image', images: [STORED], prompt: 'über "alles"\r\nhinaus' });
    const { input_reference: file, ...fields } = Object.fromEntries(form.entries());
    expect(fields).toEqual({
      model: 'sora-2',
      prompt: 'über "alles"\r\nhinaus',
      seconds: '8',
      size: '1280x720',
    });
    if (!(file instanceof File)) throw new Error('input_reference is not a file');
    expect({ name: file.name, type: file.type, text: await file.text() }).toEqual({
      name: 'reference.png',
      type: 'image/png',
      text: 'png',
    });
    expect(server.received[0]?.headers).toMatchObject({ 'content-length': expect.any(String), connection: 'close' });
  });

  test('forwards other keys by the names of the SDKs', async () => {
    const extra = { seed: 7, sound: true, nothing: null, nested: { a: { b: 'c' } }, tags: ['x', 'y'], model: 'gratis' };
    const form = await sentForm({ mode: 'image', images: [STORED], extra });
    expect(form.get('seed')).toBe('7');
    expect(form.get('sound')).toBe('true');
    expect(form.has('nothing')).toBe(false);
    expect(form.get('nested[a][b]')).toBe('c');
    expect(form.getAll('tags[]')).toEqual(['x', 'y']);
    expect(form.getAll('model')).toEqual(['sora-2']);
  });

  test('is not sent when the image is gone', async () => {
    server.script = json(200, VIDEO);
    const loadImage = () => Promise.reject(new UnusableImage('the image is gone'));
    const request = makeRequest({ mode: 'image', images: [STORED] });
    const outcome = await openai.start(request, makeCall(server, { loadImage }));
    expect(outcome).toEqual({ kind: 'refused', reason: 'image', upstream: { message: 'the image is gone' } });
    expect(server.received).toHaveLength(0);
  });
});

describe('a request without words here', () => {
  test.each<[string, Partial<VideoRequest>, string]>([
    ['a frame without a size', { aspectRatio: '21:9' }, 'no size for 21:9 in 720p'],
    ['a quality without a size', { quality: '8k' }, 'no size for 16:9 in 8k'],
    ['part of a second', { durationSeconds: 2.5 }, 'whole seconds, not 2.5'],
    ['two images', { mode: 'reference', images: [IMAGE, STORED] }, 'one reference image, not 2'],
    ['no image for its mode', { mode: 'image' }, 'mode image needs an image'],
  ])('is refused unsent with %s', async (_name, request, message) => {
    const upstream = { message: expect.stringContaining(message) };
    expect(await start(request)).toEqual({ kind: 'refused', reason: 'request', upstream });
    expect(server.received).toHaveLength(0);
  });
});

describe('the answer to a create', () => {
  test.each<[unknown, number | null]>([
    [12.5, 125_000],
    [undefined, null],
    ['much', null],
  ])('with cost_cents %p costs %p micro-dollars', async (cost_cents, costMicroUsd) => {
    server.script = json(200, { ...VIDEO, status: 7, cost_cents });
    const outcome = await openai.start(makeRequest(), makeCall(server));
    expect(outcome).toEqual({ kind: 'started', taskId: 'video_1', costMicroUsd });
  });
});

describe('a poll of a video', () => {
  const poll = (video: object, headers: Record<string, string> = {}) => {
    server.script = json(200, { ...VIDEO, ...video }, headers);
    return openai.poll('video_1', makeCall(server));
  };

  test.each([
    [0, 0],
    [41.7, 41],
    [250, 100],
    [undefined, null],
    ['half', null],
  ])('reads the progress %p as %p', async (progress, expected) => {
    expect(await poll({ status: 'in_progress', progress })).toMatchObject({ kind: 'pending', progress: expected });
  });

  test.each<[Record<string, string>, number | undefined]>([
    [{ 'openai-poll-after-ms': '9'.repeat(30) }, 86_400_000],
    [{ 'openai-poll-after-ms': '2500' }, 2500],
    [{ 'openai-poll-after-ms': '2500', 'retry-after': '9' }, 9000],
    [{ 'openai-poll-after-ms': 'soon' }, undefined],
  ])('takes the hint of %p', async (headers, retryAfterMs) => {
    expect(await poll({}, headers)).toMatchObject({ kind: 'pending', retryAfterMs });
  });

  test('finds the content behind the key', async () => {
    const status = await poll({ status: 'completed', expires_at: 1_759_000_000, cost_cents: 80 });
    expect(status).toEqual({
      kind: 'succeeded',
      result: { url: `${server.origin}/v1/videos/video_1/content`, needsKey: true, expiresAtMs: 1_759_000_000_000 },
      costMicroUsd: 800_000,
    });
  });

  test.each<[string, object]>([
    ['url', { url: 'https://cdn.example/c.mp4' }],
    ['video_url', { video_url: 'https://cdn.example/c.mp4' }],
    ['result_url', { result_url: 'https://cdn.example/c.mp4' }],
    ['video.url', { video: { url: 'https://cdn.example/c.mp4', duration: 8 } }],
    ['output.url', { output: { url: 'https://cdn.example/c.mp4' } }],
    ['outputs.video_url', { outputs: { video_url: 'https://cdn.example/c.mp4', cost: 0.5 } }],
    ['output', { output: 'https://cdn.example/c.mp4' }],
    ['output[0]', { output: ['https://cdn.example/c.mp4'] }],
    ['data[0].url', { data: [{ url: 'https://cdn.example/c.mp4' }] }],
    ['urls[0]', { urls: ['https://cdn.example/c.mp4'], unsigned_urls: ['https://other.example/'] }],
    ['unsigned_urls[0]', { unsigned_urls: ['https://cdn.example/c.mp4'] }],
    ['metadata.url', { metadata: { url: 'https://cdn.example/c.mp4' } }],
  ])('takes the link at %s before the content, without the key', async (_name, answer) => {
    const result = { url: 'https://cdn.example/c.mp4', needsKey: false };
    expect(await poll({ status: 'completed', ...answer })).toMatchObject({ kind: 'succeeded', result });
  });

  test.each(['/files/video_1.mp4', 'data:video/mp4;base64,AAAA', 'files/video_1.mp4', 'cdn.example:8443/c.mp4'])(
    'passes on the link %s as it is',
    async (url) => {
      expect(await poll({ status: 'completed', url })).toMatchObject({ result: { url, needsKey: false } });
    },
  );

  test.each<[string, unknown]>([
    ['nothing', null],
    ['a word', 'pending'],
    ['an object', { get: 'https://cdn.example/c.mp4' }],
    ['a bucket', 's3://bucket/c.mp4'],
    ['a file', 'file:///etc/passwd'],
    ['what cannot be stored', 'https://cdn.example/\0.mp4'],
    ['more than a link can be', `https://cdn.example/${'x'.repeat(9000)}`],
    ['the video itself', '/v1/videos/video_1'],
  ])('takes the content where the link is %s', async (_name, url) => {
    const result = { url: `${server.origin}/v1/videos/video_1/content`, needsKey: true };
    expect(await poll({ status: 'completed', url })).toMatchObject({ kind: 'succeeded', result });
  });

  test.each<[object, object | undefined]>([
    [{ status: 'plated' }, undefined],
    [{ status: 'queued', progress: 100, url: 'https://cdn.example/c.mp4' }, undefined],
    [{ status: 'plated', url: 'https://cdn.example/c.mp4' }, { url: 'https://cdn.example/c.mp4' }],
    [{ status: 'plated', progress: 100 }, { needsKey: true }],
  ])('under a word that is not known, shows where the clip may be: %j', async (answer, result) => {
    expect(await poll(answer)).toMatchObject({ kind: 'pending', ...(result && { result }) });
    if (result === undefined) expect(await poll(answer)).not.toHaveProperty('result');
  });

  test('takes a link to the content for the content, with its query', async () => {
    const unsigned_urls = ['/v1/videos/video_1/content?index=0'];
    expect(await poll({ status: 'completed', unsigned_urls })).toMatchObject({
      result: { url: `${server.origin}/v1/videos/video_1/content?index=0`, needsKey: true },
    });
  });

  test.each<[object, number | null]>([
    [{ usage: { cost: 0.5 } }, 500_000],
    [{ usage: { cost: 0.5 }, cost_cents: 80 }, 800_000],
    [{ usage: { cost_in_usd_ticks: 500_000_000 } }, 50_000],
    [{ cost_in_usd_ticks: 37_756_000 }, 3776],
    [{ outputs: { cost: 0.25 } }, 250_000],
    [{ usage: { cost: 0 } }, null],
    [{ usage: { cost: 3, currency: 'CNY' } }, null],
    [{ usage: { cost: 'much' } }, null],
    [{ usage: { cost: 1e300 } }, null],
    [{ cost: 12 }, null],
    [{ cost_cents: -5 }, null],
    [{ cost_cents: 0 }, 0],
  ])('reads the cost in %j as %p micro-dollars', async (answer, costMicroUsd) => {
    expect(await poll({ status: 'completed', ...answer })).toMatchObject({ costMicroUsd });
  });

  test.each([null, undefined, 'tomorrow', 1e300])('takes the expiry %p for unknown', async (expires_at) => {
    expect(await poll({ status: 'completed', expires_at })).toMatchObject({ result: { expiresAtMs: null } });
  });

  test.each<[unknown, object]>([
    [
      { code: 'moderation_blocked', message: 'no' },
      { code: 'moderation_blocked', message: 'no' },
    ],
    [null, {}],
    ['odd', { message: 'odd' }],
    [7, { code: '7' }],
    [
      { code: 1301, message: 'sensitive' },
      { code: '1301', message: 'sensitive' },
    ],
  ])('reads a failure with the error %p', async (error, upstream) => {
    expect(await poll({ status: 'failed', error })).toEqual({ kind: 'failed', upstream, costMicroUsd: null });
  });
});

describe('the list of videos', () => {
  const list = (...data: readonly object[]) => {
    server.script = json(200, { object: 'list', data });
    return openai.list(makeCall(server));
  };

  test('shows all that adoption compares', async () => {
    const { tasks } = await list({ ...VIDEO, prompt: 'a misty lake', seconds: '8', cost_cents: 80 });
    expect(tasks).toEqual([
      {
        taskId: 'video_1',
        createdAtMs: 1_758_941_485_000,
        model: 'sora-2',
        prompt: 'a misty lake',
        durationSeconds: 8,
        costMicroUsd: 800_000,
      },
    ]);
  });

  test.each([
    [8, 8],
    ['12', 12],
    ['long', undefined],
    ['', undefined],
    [null, undefined],
  ])('reads the seconds %p as %p', async (seconds, durationSeconds) => {
    expect((await list({ ...VIDEO, seconds, prompt: null })).tasks[0]).toMatchObject({ durationSeconds });
  });

  test('keeps a video that has no time', async () => {
    const { tasks } = await list({ ...VIDEO, created_at: null });
    expect(tasks).toMatchObject([{ taskId: 'video_1', createdAtMs: undefined }]);
  });
});

describe('a server that takes forms alone', () => {
  const isForm = (request: ReceivedRequest) => (request.headers['content-type'] ?? '').startsWith('multipart/');
  let formServer: ScriptedServer;
  beforeEach(async () => {
    formServer = await startScriptedServer();
  });
  afterEach(() => formServer.close());
  const startThere = (overrides: Partial<StartCall> = {}) =>
    openai.start(makeRequest({ extra: { seed: 7 } }), makeCall(formServer, { upstreamModel: 'sora-2', ...overrides }));

  test.each<[string, Script]>([
    ['the repr of what is missing', json(400, { error: { message: MISSING_PROMPT, type: 'Bad Request', code: 400 } })],
    ['pydantic’s list', json(422, { detail: [{ type: 'missing', loc: ['body', 'prompt'], msg: 'Field required' }] })],
    ['an unsupported media type', text(415, 'Unsupported Media Type')],
    ['the name of the form', json(422, { error: 'Content-Type must be multipart/form-data' })],
  ])('gets one after it has refused JSON with %s, and from then on at once', async (_name, refusal) => {
    formServer.script = (response, request) => (isForm(request) ? json(200, VIDEO) : refusal)(response, request);
    expect(await startThere()).toMatchObject({ kind: 'started', taskId: 'video_1' });
    expect(formServer.received.map(isForm)).toEqual([false, true]);
    expect(await startThere()).toMatchObject({ kind: 'started' });
    expect(formServer.received.map(isForm)).toEqual([false, true, true]);
    const { headers, body = '' } = formServer.received[1] ?? {};
    const form = await new Response(body, { headers: { 'content-type': headers?.['content-type'] ?? '' } }).formData();
    const { prompt } = makeRequest();
    expect(Object.fromEntries(form)).toEqual({ model: 'sora-2', prompt, seconds: '8', size: '1280x720', seed: '7' });
  });

  test('is asked once more and no oftener, and is not remembered for a refusal', async () => {
    formServer.script = json(415, {});
    expect(await startThere()).toMatchObject({ kind: 'refused', upstream: { status: 415 } });
    expect(formServer.received.map(isForm)).toEqual([false, true]);
    formServer.script = json(200, VIDEO);
    await startThere();
    expect(formServer.received.map(isForm)).toEqual([false, true, false]);
  });

  test.each<[string, Script]>([
    [
      'a wrong value',
      json(422, { detail: [{ type: 'enum', loc: ['body', 'size'], msg: 'Input should be 720x1280' }] }),
    ],
    ['a lost answer', json(500, { error: 'multipart/form-data' })],
    ['a missing quota', json(400, { error: { code: 'insufficient_quota', message: 'multipart' } })],
  ])('is not guessed from %s', async (_name, script) => {
    formServer.script = script;
    await startThere();
    expect(formServer.received).toHaveLength(1);
  });

  test('gets no form when the time of its create is over', async () => {
    formServer.script = (response, request) => setTimeout(() => json(415, {})(response, request), 300);
    const outcome = await startThere({ timeoutMs: 400 });
    // The form is answered as late as the JSON was, which is more than what was left.
    expect(outcome).toMatchObject({ kind: 'lost', answered: false });
    expect(formServer.received.map(isForm)).toEqual([false, true]);
  });
});
