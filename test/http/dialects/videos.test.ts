/** `/v1/videos` over HTTP: forms with files, media, paging and errors as the SDKs meet them. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileStore } from '../../../src/media/file-store.ts';
import { makeArchive, makeCompletedVideo, makeVideo } from '../../builders.ts';
import { makePng } from '../../fixtures/images.ts';
import { putObject } from '../../media/media-store-contract.ts';
import { AUTHORIZATION, makeApp, type TestApp } from '../test-app.ts';

const PNG = makePng();
const ERROR = { error: { message: expect.any(String), type: 'invalid_request_error', param: null, code: 'x' } };
const PATHS = ['/v1/videos', '/v1/openai/videos', '/openai/v1/videos'] as const;

interface Part {
  readonly name: string;
  readonly value: string | Buffer;
  readonly filename?: string;
  readonly type?: string;
}

/** A form's bytes as clients write them. */
function formOf(parts: readonly Part[], end = '--b0undary--\r\n'): Buffer {
  const pieces = parts.flatMap(({ name, value, filename, type }) => [
    `--b0undary\r\ncontent-disposition: form-data; name="${name}"`,
    filename === undefined ? '' : `; filename="${filename}"`,
    type === undefined ? '' : `\r\ncontent-type: ${type}`,
    '\r\n\r\n',
    value,
    '\r\n',
  ]);
  return Buffer.concat([...pieces, end].map((piece) => Buffer.from(piece)));
}

const FORM_TYPE = { 'content-type': 'multipart/form-data; boundary=b0undary' };
const TEXTS: readonly Part[] = [
  { name: 'model', value: 'wan-2.6' },
  { name: 'prompt', value: 'a fox' },
];

function post({ app }: TestApp, payload: Buffer | object, url: string = PATHS[0], more: object = {}) {
  const headers = { ...AUTHORIZATION, ...(Buffer.isBuffer(payload) && FORM_TYPE), ...more };
  return app.inject({ method: 'POST', url, headers, payload });
}

describe.each(PATHS)('at %s', (path) => {
  // The documented form, file included.
  test('a form with a file makes a video (OV-01 to OV-03, OV-09, OV-13, X21)', async () => {
    const made = makeApp();
    const form = formOf([
      ...TEXTS,
      { name: 'size', value: '1280x720' },
      { name: 'seconds', value: '8' },
      { name: 'input_reference', value: PNG, filename: '../../reference.png', type: 'image/png' },
    ]);
    const answer = await post(made, form, path);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toMatchObject({ id: 'video_1', object: 'video', status: 'queued', seconds: '8' });
    expect(made.gateway.orders[0]).toMatchObject({
      dialect: 'openai',
      retentionSeconds: 86_400,
      draft: {
        model: 'wan-2.6',
        prompt: 'a fox',
        mode: 'image',
        durationSeconds: 8,
        aspectRatio: '16:9',
        quality: '720p',
        images: [{ kind: 'bytes', mediaType: 'image/png', bytes: PNG, width: 2, height: 2 }],
        extra: {},
      },
    });
  });

  test('a video is read, and deleted once it has ended (OV-22)', async () => {
    const made = makeApp();
    made.gateway.put(makeVideo({ state: 'generating' }));
    const url = `${path}/video_1`;
    const read = await made.app.inject({ url, headers: AUTHORIZATION });
    expect(read.headers).toMatchObject({ 'openai-poll-after-ms': '5000', 'x-request-id': expect.any(String) });
    const early = await made.app.inject({ method: 'DELETE', url, headers: AUTHORIZATION });
    expect(early.statusCode).toBe(409);
    made.gateway.put(makeCompletedVideo());
    const deleted = await made.app.inject({ method: 'DELETE', url, headers: AUTHORIZATION });
    expect(deleted.json()).toEqual({ id: 'video_1', object: 'video.deleted', deleted: true });
    expect(made.gateway.removals).toEqual([{ id: 'video_1', purgesMedia: true }]);
    const again = await made.app.inject({ method: 'DELETE', url, headers: AUTHORIZATION });
    expect(again.statusCode).toBe(404);
    expect(again.json()).toMatchObject({ error: { type: 'invalid_request_error', code: 'not_found' } });
  });

  // Contract 3.2
  test.each(['edits', 'extensions', 'characters'])('%s are not supported', async (what) => {
    for (const payload of [{ prompt: 'p' }, formOf([{ name: 'prompt', value: 'p' }])]) {
      const answer = await post(makeApp(), payload, `${path}/${what}`);
      expect(answer.statusCode).toBe(400);
      expect(answer.json()).toEqual({ error: { ...ERROR.error, code: 'not_supported' } });
    }
  });
});

describe('a form', () => {
  // Contract 3.2: what the SDKs make of nested values.
  test('nests by brackets and lists by empty ones', async () => {
    const made = makeApp();
    const form = formOf([
      ...TEXTS,
      { name: 'input_reference[image_url]', value: 'https://example.com/a.png' },
      { name: 'tags[]', value: 'one' },
      { name: 'tags[]', value: 'two' },
      { name: 'camera[path][to]', value: 'left' },
      { name: 'camera[speed]', value: '3' },
      { name: 'settings', value: '{"seed":7}', type: 'application/json' },
    ]);
    expect((await post(made, form)).statusCode).toBe(200);
    expect(made.gateway.orders[0]?.draft).toMatchObject({
      images: [{ kind: 'url', url: 'https://example.com/a.png' }],
      extra: { tags: ['one', 'two'], camera: { path: { to: 'left' }, speed: '3' }, settings: { seed: 7 } },
    });
  });

  test('has no file where none was chosen, and no field that was not filled in', async () => {
    const made = makeApp();
    const nothing = { name: 'input_reference', value: Buffer.alloc(0), filename: '' };
    expect((await post(made, formOf([...TEXTS, nothing, { name: 'size', value: '' }]))).statusCode).toBe(200);
    expect(made.gateway.orders[0]?.draft).toMatchObject({ mode: 'text', images: [], extra: {} });
    expect(made.gateway.orders[0]?.draft).not.toHaveProperty('quality');
  });

  test('repeats are told by the bytes of its file', async () => {
    const made = makeApp();
    const withFile = (bytes: Buffer) => formOf([...TEXTS, { name: 'input_reference', value: bytes, filename: 'a' }]);
    for (const bytes of [PNG, PNG, Buffer.concat([PNG, PNG])]) {
      await post(made, withFile(bytes), PATHS[0], { 'idempotency-key': 'k-1' });
    }
    const [first, second, third] = made.gateway.orders.map(({ idempotency }) => idempotency?.bodyHash);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
  });

  test.each<[string, readonly Part[]]>([
    ['without a model', TEXTS.slice(1)],
    ['of nothing', []],
    ['with a field twice', [...TEXTS, ...TEXTS]],
    ['with a nameless field', [...TEXTS, { name: '', value: 'x' }]],
    ['with half a bracket', [...TEXTS, { name: 'a[b', value: 'x' }]],
    ['with __proto__', [...TEXTS, { name: '__proto__', value: 'x' }]],
    ['with __proto__ inside', [...TEXTS, { name: 'a[__proto__][b]', value: 'x' }]],
    ['with constructor', [...TEXTS, { name: 'constructor', value: 'x' }]],
    ['nested too deep', [...TEXTS, { name: `a${'[b]'.repeat(9)}`, value: 'x' }]],
    ['with a list that is an object', [...TEXTS, { name: 'a[b]', value: 'x' }, { name: 'a[]', value: 'x' }]],
    ['with an object that is a text', [...TEXTS, { name: 'a', value: 'x' }, { name: 'a[b]', value: 'x' }]],
    ['with NUL', [...TEXTS, { name: 'a', value: 'x\0y' }]],
    ['with broken JSON', [...TEXTS, { name: 'a', value: '{', type: 'application/json' }]],
    ['with __proto__ in JSON', [...TEXTS, { name: 'a', value: '{"__proto__":1}', type: 'application/json' }]],
    ['with a file of text', [...TEXTS, { name: 'input_reference', value: 'text', filename: 'a.png' }]],
    ['with an empty file', [...TEXTS, { name: 'input_reference', value: '', filename: 'a.png' }]],
    ['with a file elsewhere', [...TEXTS, { name: 'mask', value: PNG, filename: 'a.png' }]],
    ['with a file inside', [...TEXTS, { name: 'input_reference[x]', value: PNG, filename: 'a.png' }]],
  ])('%s is refused (OV-23)', async (_, parts) => {
    const made = makeApp();
    const answer = await post(made, formOf(parts));
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
    expect(made.gateway.orders).toEqual([]);
  });

  test.each(['', '--b0undary\r\ncontent-dis'])('that ends with %j is refused', async (end) => {
    const answer = await post(makeApp(), formOf(TEXTS, end));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().error.message).toMatch(/^the body is not a valid form: it has to end in the boundary/);
  });

  test('without a boundary, and a name that its parser refuses, are told of in our words', async () => {
    const { app } = makeApp();
    const headers = { ...AUTHORIZATION, 'content-type': 'multipart/form-data' };
    const without = await app.inject({ method: 'POST', url: '/openai/v1/videos', headers, payload: 'x' });
    const named = await post(makeApp(), formOf([...TEXTS, { name: 'constructor', value: 'x' }]));
    expect(without.json().error.message).toContain('the boundary that Content-Type names');
    expect(named.json().error.message).toContain('has a name that none may have');
  });

  test.each<[string, () => readonly Part[], string]>([
    [
      'a file beyond 32 MiB',
      () => [{ name: 'input_reference', value: Buffer.alloc(32 * 1024 * 1024 + 1), filename: 'a' }],
      'a file of the form is too large',
    ],
    [
      'two files',
      () => Array(2).fill({ name: 'input_reference', value: PNG, filename: 'a' }),
      'the form carries too many files',
    ],
    [
      'a hundred fields and more',
      () => Array.from({ length: 101 }, (_, n) => ({ name: `f${n}`, value: 'x' })),
      'the form has too many fields',
    ],
    [
      'fields beyond 16 MiB in all',
      () => Array.from({ length: 3 }, (_, n) => ({ name: `f${n}`, value: 'x'.repeat(6 * 1024 * 1024) })),
      'the fields exceed 16777216 bytes',
    ],
  ])('with %s is answered 413', async (_, parts, message) => {
    const answer = await post(makeApp(), formOf(parts()));
    expect(answer.statusCode).toBe(413);
    expect(answer.json()).toMatchObject({ error: { code: 'too_large', message } });
  });

  test('that is too large is answered while it is being sent', async () => {
    const { app } = makeApp();
    const address = await app.listen({ host: '127.0.0.1', port: 0 });
    const form = formOf([{ name: 'input_reference', value: Buffer.alloc(40 * 1024 * 1024), filename: 'a' }]);
    const answer = await fetch(`${address}/v1/videos`, {
      method: 'POST',
      headers: { ...AUTHORIZATION, ...FORM_TYPE },
      body: form,
    });
    expect(answer.status).toBe(413);
    await app.close();
  });

  test('without a boundary is refused', async () => {
    const headers = { ...AUTHORIZATION, 'content-type': 'multipart/form-data' };
    const answer = await makeApp().app.inject({ method: 'POST', url: '/v1/videos', headers, payload: formOf(TEXTS) });
    expect(answer.statusCode).toBe(400);
  });

  test.each([
    ['POST', '/v1/video/generations'],
    ['POST', '/v1/video/generate'],
    ['DELETE', '/v1/videos/video_1'],
  ] as const)('is not taken by %s %s (OV-05)', async (method, url) => {
    const made = makeApp();
    made.gateway.put(makeCompletedVideo());
    const headers = { ...AUTHORIZATION, ...FORM_TYPE };
    const answer = await made.app.inject({ method, url, headers, payload: formOf(TEXTS) });
    expect(answer.statusCode).toBe(415);
    expect(made.gateway.orders).toEqual([]);
  });
});

test('a JSON body makes a video as well (OV-03, OV-12)', async () => {
  const made = makeApp();
  const answer = await post(made, { model: 'wan-2.6', prompt: 'a fox', size: '1280x720', seconds: 8 });
  expect(answer.json()).toMatchObject({ id: 'video_1', seconds: '8', size: '1280x720' });
});

test('an image at a private address is refused (OV-10)', async () => {
  const body = { model: 'm', prompt: 'p', input_reference: { image_url: 'http://10.0.0.1/a.png' } };
  const answer = await post(makeApp(), body);
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toMatchObject({ error: { param: 'input_reference.image_url' } });
});

// Contract 3.2
test('a remix is a new video that names its source', async () => {
  const made = makeApp();
  made.gateway.put(makeCompletedVideo({ id: 'source' }));
  made.gateway.put(makeCompletedVideo({ id: 'foreign', callerId: 'caller_2' }));
  const answer = await post(made, { prompt: 'at night' }, '/v1/videos/source/remix');
  expect(answer.json()).toMatchObject({ id: 'video_1', prompt: 'at night', remixed_from_video_id: 'source' });
  expect((await post(made, { prompt: 'at night' }, '/v1/videos/foreign/remix')).statusCode).toBe(404);
  expect((await post(made, {}, '/v1/videos/source/remix')).statusCode).toBe(400);
});

test('remixes of two videos are no repeats of each other', async () => {
  const made = makeApp();
  for (const id of ['one', 'other']) made.gateway.put(makeVideo({ id }));
  for (const [index, id] of ['one', 'other', 'one'].entries()) {
    await post(made, { prompt: 'at night' }, `/v1/videos/${id}/remix`, { 'idempotency-key': `k-${index}` });
  }
  const [first, second, third] = made.gateway.orders.map(({ idempotency }) => idempotency?.bodyHash);
  expect(second).not.toBe(first);
  expect(third).toBe(first);
});

// Contract 3.2: the SDKs ask for the next page with `after`.
test('the list goes on after the last id', async () => {
  const made = makeApp();
  for (const id of ['video_1', 'video_2', 'video_3']) made.gateway.put(makeVideo({ id }));
  const get = async (query: string) =>
    (await made.app.inject({ url: `/v1/videos${query}`, headers: AUTHORIZATION })).json();
  expect(await get('?limit=2')).toMatchObject({ first_id: 'video_1', last_id: 'video_2', has_more: true });
  expect(await get('?limit=2&after=video_2&order=asc')).toMatchObject({ data: [{ id: 'video_3' }], has_more: false });
  expect(made.gateway.filters.at(-1)).toMatchObject({ order: 'oldest', cursor: 'video_2' });
  expect(await get('?after=unknown')).toMatchObject({ error: { param: 'after', code: 'invalid_request' } });
});

describe('content', () => {
  const BYTES = randomBytes(1000);
  let root: string;
  let made: TestApp;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'clipyard-content-'));
    const store = createFileStore(root);
    await putObject(store, 'videos/video_1/clip.mp4', BYTES);
    await putObject(store, 'videos/video_1/poster.jpg', Buffer.from('a poster'));
    made = makeApp({ store });
    const archive = makeArchive({
      clipKey: 'videos/video_1/clip.mp4',
      posterKey: 'videos/video_1/poster.jpg',
      sizeBytes: 1000,
    });
    made.gateway.put(makeCompletedVideo({ archive, expiresAt: new Date(Date.now() + 60_000) }));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function get(url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') {
    return made.app.inject({ method, url, headers: { ...AUTHORIZATION, ...headers } });
  }

  // Contract 3.2, OV-24
  test.each(PATHS)('at %s is the clip', async (path) => {
    const answer = await get(`${path}/video_1/content`);
    expect(answer.headers).toMatchObject({ 'content-type': 'video/mp4', 'content-length': '1000' });
    expect(answer.rawPayload.equals(BYTES)).toBe(true);
  });

  test('may be asked for by HEAD and in ranges', async () => {
    const head = await get('/v1/videos/video_1/content?variant=video', {}, 'HEAD');
    expect(head.headers).toMatchObject({
      'content-length': '1000',
      'accept-ranges': 'bytes',
      'content-type': 'video/mp4',
    });
    expect(head.body).toBe('');
    const part = await get('/v1/videos/video_1/content', { range: 'bytes=990-' });
    expect(part.statusCode).toBe(206);
    expect(part.headers['content-range']).toBe('bytes 990-999/1000');
    expect(part.rawPayload.equals(BYTES.subarray(990))).toBe(true);
    expect((await get('/v1/videos/video_1/content', { range: 'bytes=1000-' })).statusCode).toBe(416);
  });

  test('as a thumbnail is the poster', async () => {
    const answer = await get('/v1/videos/video_1/content?variant=thumbnail');
    expect(answer.headers['content-type']).toBe('image/jpeg');
    expect(answer.body).toBe('a poster');
  });

  test('that is not there says why (X3, X22)', async () => {
    made.gateway.put(makeVideo({ id: 'running', state: 'generating' }));
    made.gateway.put(makeVideo({ id: 'failed', state: 'failed', expiresAt: new Date(Date.now() + 60_000) }));
    made.gateway.put(
      makeCompletedVideo({ id: 'purged', purgedAt: new Date(), expiresAt: new Date(Date.now() + 60_000) }),
    );
    made.gateway.put(makeCompletedVideo({ id: 'expired', expiresAt: new Date(Date.now() - 1) }));
    const statuses: Record<string, number> = {};
    for (const id of ['running', 'failed', 'purged', 'expired', 'unknown', '%00']) {
      const answer = await get(`/v1/videos/${id}/content`);
      expect(answer.json()).toHaveProperty('error.code');
      statuses[id] = answer.statusCode;
    }
    expect(statuses).toEqual({ running: 409, failed: 404, purged: 410, expired: 410, unknown: 404, '%00': 404 });
    expect((await get('/v1/videos/running/content')).headers['retry-after']).toBe('5');
    expect((await get('/v1/videos/video_1/content?variant=x')).statusCode).toBe(400);
  });
});
