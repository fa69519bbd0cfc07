/** api.airforce's documented rules, held against its dialect. */

import { airforce } from '../../src/dialects/airforce.ts';
import type { DialectRoute, RouteKind, RoutesByKind } from '../../src/dialects/dialect.ts';
import { Refusal } from '../../src/domain/failure.ts';
import { VIDEO_STATES, type Video } from '../../src/domain/video.ts';
import { makeCompletedVideo, makeOffer, makeRequest, makeVideo } from '../builders.ts';
import { encodeImage, makePng } from '../fixtures/images.ts';
import { viewOf } from './dialect-routes.ts';

const PNG = makePng();
const MINIMAL = { model: 'wan-2.6', prompt: 'a fox' };

function routeOf<K extends RouteKind>(kind: K): RoutesByKind[K] {
  const isWanted = (route: DialectRoute): route is DialectRoute<K> => route.kind === kind;
  const route = airforce.routes.find(isWanted);
  if (route === undefined) throw new Error(`no ${kind} route`);
  return route;
}

function parse(body: unknown) {
  return routeOf('create').parse({ params: {}, query: {}, headers: {}, body }).draft;
}

function refusalOf(body: unknown): Refusal {
  try {
    parse(body);
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

function taskOf(video: Video) {
  return routeOf('read').render(viewOf(video)).body;
}

describe('a create body', () => {
  test('of two keys is a text draft (AF-09 to AF-11)', () => {
    expect(parse(MINIMAL)).toEqual({ ...MINIMAL, mode: 'text', images: [], extra: {} });
  });

  test('of all documented keys fills the draft (AF-12 to AF-15)', () => {
    const url = 'https://example.com/dragon.jpg';
    const asked = { ...MINIMAL, mode: 'image', duration_seconds: 5, aspect_ratio: '16:9', quality: '720p' };
    expect(parse({ ...asked, input_images: [{ url }] })).toEqual({
      ...MINIMAL,
      mode: 'image',
      durationSeconds: 5,
      aspectRatio: '16:9',
      quality: '720p',
      images: [{ kind: 'url', url, param: 'input_images.0.url' }],
      extra: {},
    });
  });

  test('keeps unknown keys as they stand (AF-17)', () => {
    const extra = { seed: 7, sound: true, camera: { path: [1, null, 'x'] } };
    expect(parse({ ...MINIMAL, ...extra }).extra).toEqual(extra);
  });

  test('takes what was sent empty as absent, in images as well', () => {
    const empty = { mode: '', duration_seconds: '', aspect_ratio: '', quality: '', input_images: '' };
    expect(parse({ ...MINIMAL, ...empty })).toEqual(parse(MINIMAL));
    const image = { url: 'https://images.example/a.png', b64_json: '' };
    expect(parse({ ...MINIMAL, mode: 'image', input_images: [image] }).images).toMatchObject([{ url: image.url }]);
  });

  test('takes null in optional fields as absent', () => {
    const nulls = { mode: null, duration_seconds: null, aspect_ratio: null, quality: null, input_images: null };
    expect(parse({ ...MINIMAL, ...nulls })).toEqual({ ...MINIMAL, mode: 'text', images: [], extra: {} });
  });

  test.each([
    ['model', { prompt: 'a fox' }],
    ['model', { model: '', prompt: 'a fox' }],
    ['model', { model: 'x'.repeat(257), prompt: 'a fox' }],
    ['prompt', { model: 'wan-2.6' }],
    ['prompt', { model: 'wan-2.6', prompt: ' \n' }],
    ['prompt', { model: 'wan-2.6', prompt: 7 }],
    ['prompt', { model: 'wan-2.6', prompt: 'ä'.repeat(16 * 1024 + 1) }],
    ['mode', { ...MINIMAL, mode: 'video' }],
    ['duration_seconds', { ...MINIMAL, duration_seconds: 2.5 }],
    ['duration_seconds', { ...MINIMAL, duration_seconds: '8' }],
    ['duration_seconds', { ...MINIMAL, duration_seconds: 0 }],
    ['duration_seconds', { ...MINIMAL, duration_seconds: 1e300 }],
    ['aspect_ratio', { ...MINIMAL, aspect_ratio: ' ' }],
    ['quality', { ...MINIMAL, quality: ['720p'] }],
    ['input_images', { ...MINIMAL, mode: 'image' }],
    ['input_images', { ...MINIMAL, mode: 'image', input_images: [] }],
    ['input_images', { ...MINIMAL, mode: 'image', input_images: [{ url: 'http://a.b' }, { url: 'http://a.b' }] }],
    ['input_images', { ...MINIMAL, mode: 'reference' }],
    ['input_images', { ...MINIMAL, mode: 'reference', input_images: Array(9).fill({ url: 'http://a.b' }) }],
    ['input_images', { ...MINIMAL, input_images: [{ url: 'http://a.b' }] }],
    ['input_images.0', { ...MINIMAL, mode: 'image', input_images: [{}] }],
    ['input_images.0', { ...MINIMAL, mode: 'image', input_images: [{ url: 'http://a.b', b64_json: 'AAAA' }] }],
    ['input_images.0.url', { ...MINIMAL, mode: 'image', input_images: [{ url: 'file:///etc/passwd' }] }],
    ['input_images.0.url', { ...MINIMAL, mode: 'image', input_images: [{ url: 'dragon.jpg' }] }],
    ['input_images.0.b64_json', { ...MINIMAL, mode: 'image', input_images: [{ b64_json: 'not base64!' }] }],
    ['input_images.0.b64_json', { ...MINIMAL, mode: 'image', input_images: [{ b64_json: 'aGVsbG8=' }] }],
  ])('is refused for its %s in case %# (AF-09 to AF-16)', (param, body) => {
    expect(refusalOf(body)).toMatchObject({ kind: 'invalid_request', httpStatus: 400, param });
  });

  test.each([[undefined], [null], ['text'], [[MINIMAL]]])('that is no object is refused: %j', (body) => {
    expect(refusalOf(body).message).toBe('the body must be a JSON object');
  });

  // Each is taken for a digit of base64 by its last byte alone, or by its place in another alphabet.
  test.each(['\u0169', '\ua169', '-', '_'])('is refused for an image with %j in its base64', (other) => {
    const b64_json = PNG.toString('base64').replace('i', other);
    const body = { ...MINIMAL, mode: 'image', input_images: [{ b64_json }] };
    expect(refusalOf(body).message).toContain('is not base64');
  });

  test('is refused when forwarded keys exceed 64 KiB', () => {
    expect(refusalOf({ ...MINIMAL, blob: 'x'.repeat(64 * 1024) }).message).toContain('blob');
  });

  test('of reference mode takes one to eight images (AF-01, AF-16)', () => {
    const images = (count: number) => Array(count).fill({ url: 'https://example.com/a.png' });
    expect(parse({ ...MINIMAL, mode: 'reference', input_images: images(1) }).images).toHaveLength(1);
    expect(parse({ ...MINIMAL, mode: 'reference', input_images: images(8) }).images).toHaveLength(8);
  });

  test.each([
    ['image/png', PNG],
    ['image/jpeg', encodeImage('jpeg', { width: 2 })],
    ['image/webp', encodeImage('webp', { width: 2 })],
  ])('may carry %s as base64 or data URL', (mediaType, bytes) => {
    const base64 = bytes.toString('base64');
    for (const b64_json of [base64, base64.replace(/=+$/, ''), `data:image/unknown;base64,${base64}`]) {
      const [image] = parse({ ...MINIMAL, mode: 'image', input_images: [{ b64_json }] }).images;
      expect(image).toEqual({ kind: 'bytes', mediaType, bytes, width: 2, height: 2 });
    }
  });
});

describe('a create answer', () => {
  test('has exactly the documented keys (AF-20 to AF-26)', () => {
    const answer = routeOf('create').render(viewOf(makeVideo({ createdAt: new Date(1_715_000_000_999) })));
    expect(answer).toEqual({
      status: 200,
      body: {
        task_id: 'video_1',
        status: 'queued',
        model: 'wan-2.6',
        created: 1_715_000_000,
        expires_at: 1_715_086_400,
        progress: 0,
        cost_cents: 320,
      },
    });
  });

  test('stays the same once the video moved on', () => {
    const first = routeOf('create').render(viewOf(makeVideo()));
    expect(routeOf('create').render(viewOf(makeCompletedVideo({ settledMicroUsd: 1 })))).toEqual(first);
  });
});

describe('a task', () => {
  test('that completed looks as documented (AF-34)', () => {
    expect(taskOf(makeCompletedVideo())).toEqual({
      task_id: 'video_1',
      status: 'completed',
      progress: 100,
      result_url: 'https://clips.example/clip.mp4',
      model: 'wan-2.6',
      duration_seconds: 8,
      created: 1_715_000_000,
      expires_at: 1_715_086_400,
      cost_cents: 320,
    });
  });

  test('has their word for each state (AF-29, X3)', () => {
    expect(Object.fromEntries(VIDEO_STATES.map((state) => [state, taskOf(makeVideo({ state }))['status']]))).toEqual({
      queued: 'queued',
      submitting: 'processing',
      unconfirmed: 'processing',
      generating: 'processing',
      archiving: 'processing',
      completed: 'completed',
      failed: 'failed',
      cancelled: 'failed',
      expired: 'expired',
    });
  });

  test('shows at most 99 % before it is archived (X3)', () => {
    expect(taskOf(makeVideo({ state: 'generating', progress: 42 }))).toMatchObject({ progress: 42 });
    expect(taskOf(makeVideo({ state: 'archiving', progress: 100 }))).toMatchObject({ progress: 99 });
  });

  test('has a link only when completed and kept (AF-31)', () => {
    const kept = makeCompletedVideo();
    expect(taskOf({ ...kept, state: 'archiving' })).not.toHaveProperty('result_url');
    expect(taskOf({ ...kept, state: 'cancelled' })).not.toHaveProperty('result_url');
    expect(taskOf({ ...kept, purgedAt: new Date() })).not.toHaveProperty('result_url');
  });

  test('has an error text in failed ends alone (AF-32)', () => {
    const failure = { kind: 'upstream_failed', message: 'blocked by the filter', upstream: null } as const;
    expect(taskOf(makeVideo({ state: 'failed', failure }))).toMatchObject({ error: 'blocked by the filter' });
    expect(taskOf(makeVideo({ state: 'cancelled' }))['error']).toMatch(/^cancelled/);
    expect(taskOf(makeVideo({ state: 'expired' }))['error']).toEqual(expect.any(String));
    for (const state of ['queued', 'generating', 'completed'] as const) {
      expect(taskOf(makeVideo({ state }))).not.toHaveProperty('error');
    }
  });

  test.each([
    ['the estimate while it runs', makeVideo({ state: 'generating' }), 320],
    ['what was settled at the end', makeCompletedVideo({ settledMicroUsd: 2_855_000 }), 285.5],
    ['the estimate while a bill is reviewed', makeCompletedVideo({ settledMicroUsd: null }), 320],
    ['nothing when it failed', makeVideo({ state: 'failed' }), 0],
    ['nothing when it expired', makeVideo({ state: 'expired' }), 0],
    ['nothing when it was cancelled in time', makeVideo({ state: 'cancelled' }), 0],
    ['the bill of a cancel that came late', makeVideo({ state: 'cancelled', settledMicroUsd: 3_200_000 }), 320],
  ])('costs %s (AF-26, AF-33, AF-48)', (_, video, cents) => {
    expect(taskOf(video)).toMatchObject({ cost_cents: cents });
  });

  test('asks running pollers to wait five seconds (AF-27)', () => {
    expect(routeOf('read').render(viewOf(makeVideo())).headers).toEqual({ 'retry-after': '5' });
    expect(routeOf('read').render(viewOf(makeCompletedVideo())).headers).toBeUndefined();
  });

  test('expires exactly a day after the second shown (AF-04)', () => {
    for (const millisecond of [0, 1, 499, 500, 999]) {
      const task = taskOf(makeVideo({ createdAt: new Date(1_715_000_000_000 + millisecond) }));
      expect(task).toMatchObject({ created: 1_715_000_000, expires_at: 1_715_086_400 });
    }
  });

  test('expires when the caller keeps media shorter', () => {
    const createdAt = new Date(1_715_000_000_000);
    const video = makeVideo({ createdAt, expiresAt: new Date(1_715_003_600_000) });
    expect(taskOf(video)).toMatchObject({ expires_at: 1_715_003_600 });
  });
});

describe('the other routes', () => {
  test('list asks for a hundred and takes no parameters (AF-40)', () => {
    const query = { limit: '5', status: 'completed', cursor: '\0' };
    expect(routeOf('list').parse({ params: {}, query, headers: {}, body: undefined })).toEqual({ limit: 100 });
  });

  test('list shows whole tasks under data (AF-39)', () => {
    const views = [makeCompletedVideo(), makeVideo({ id: 'video_2' })].map(viewOf);
    const { body } = routeOf('list').render({ views, nextCursor: 'more' });
    expect(body).toEqual({ data: views.map(({ video }) => taskOf(video)) });
  });

  test('stream sends whole tasks, then done (AF-35 to AF-38)', () => {
    const { renderChange, closing } = routeOf('stream');
    const video = makeCompletedVideo();
    expect(renderChange(viewOf(video))).toEqual({ event: 'state', data: JSON.stringify(taskOf(video)) });
    expect(closing).toEqual([{ event: 'done', data: '[DONE]' }]);
  });

  test('delete removes the record and tells nothing (AF-42, AF-43)', () => {
    const route = routeOf('delete');
    expect(route).toMatchObject({ purgesMedia: false, unknownId: 'success' });
    expect(route.render('video_1')).toEqual({ status: 200, body: { deleted: true } });
  });

  test('models show capabilities and prices once (AF-44 to AF-47)', () => {
    const offers = [makeOffer(), makeOffer({ account: 'airforce-2', pricePerSecondMicroUsd: 900_000 })];
    expect(routeOf('models').render(offers).body).toEqual({
      object: 'list',
      data: [
        {
          id: 'wan-2.6',
          object: 'model',
          created: 0,
          owned_by: 'clipyard',
          output_modalities: ['video'],
          video_caps: {
            aspect_ratios: ['16:9', '9:16'],
            qualities: ['720p', '1080p'],
            min_duration_s: 5,
            max_duration_s: 10,
            modes: ['text', 'image'],
            price_per_second_cents: 40,
          },
        },
      ],
    });
  });

  test('errors are a text and a code (AF-52, X4, X17)', () => {
    const refusal = new Refusal('insufficient_credit', 'the credit is spent');
    expect(airforce.renderRefusal(refusal)).toEqual({
      status: 402,
      body: { error: 'the credit is spent', code: 'insufficient_credit' },
    });
    expect(airforce.renderRefusal(new Refusal('too_many_videos', 'four already')).body).toMatchObject({
      code: 'concurrency_limit_exceeded',
    });
    expect(airforce.renderRefusal(new Refusal('invalid_request', 'too short', { param: 'prompt' })).body).toMatchObject(
      {
        error: 'prompt: too short',
      },
    );
  });

  test('tasks of other dialects render as well', () => {
    const request = makeRequest({ model: 'veo', durationSeconds: 4 });
    expect(taskOf(makeVideo({ request }))).toMatchObject({ model: 'veo', duration_seconds: 4 });
  });
});
