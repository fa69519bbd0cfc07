/** The documented rules of `/v1/videos`, and what its SDKs rely on, held against its dialect. */

import { openai } from '../../src/dialects/openai.ts';
import { UploadedFile } from '../../src/dialects/uploaded-file.ts';
import { Refusal } from '../../src/domain/failure.ts';
import { VIDEO_STATES, type Video } from '../../src/domain/video.ts';
import { makeArchive, makeCompletedVideo, makeOffer, makeRequest, makeVideo } from '../builders.ts';
import { makePng } from '../fixtures/images.ts';
import { refusalOf, requestOf, routeOf, viewOf } from './dialect-routes.ts';

const PNG = makePng();
const MINIMAL = { model: 'sora-2', prompt: 'a fox' };
const DRAFT = { ...MINIMAL, mode: 'text', images: [], extra: {} };

function parse(body: unknown) {
  return routeOf(openai, 'create').parse(requestOf({ body })).draft;
}

function shown(video: Video) {
  return routeOf(openai, 'read').render(viewOf(video)).body;
}

test('every route stands at both paths (OV-01, OV-02, OV-22, OV-24)', () => {
  const at = (path: string) =>
    openai.routes.filter((route) => route.path.startsWith(path)).map(({ method, kind }) => `${method} ${kind}`);
  expect(at('/v1/videos')).toEqual([
    'POST create',
    'GET list',
    'GET read',
    'DELETE delete',
    'GET content',
    'POST remix',
    'POST unsupported',
    'POST unsupported',
    'POST unsupported',
    'GET unsupported',
  ]);
  expect(at('/v1/openai/videos')).toEqual(at('/v1/videos'));
});

describe('a create body', () => {
  // The documented example, word for word.
  test('as in the example fills the draft (OV-12)', () => {
    const example = {
      model: 'video-model-id',
      prompt: 'A cinematic drone shot over a misty lake at sunrise',
      size: '1280x720',
      seconds: 8,
    };
    expect(parse(example)).toEqual({
      ...DRAFT,
      model: 'video-model-id',
      prompt: example.prompt,
      aspectRatio: '16:9',
      quality: '720p',
      durationSeconds: 8,
    });
  });

  test.each([
    ['720x1280', '9:16', '720p'],
    ['1920x1080', '16:9', '1080p'],
    ['1024x1792', '4:7', '1024p'],
  ])('turns size %s into a ratio and a quality (OV-08)', (size, aspectRatio, quality) => {
    expect(parse({ ...MINIMAL, size })).toEqual({ ...DRAFT, aspectRatio, quality });
  });

  test.each([8, '8'])('takes seconds as %j (OV-09, X21)', (seconds) => {
    expect(parse({ ...MINIMAL, seconds })).toEqual({ ...DRAFT, durationSeconds: 8 });
  });

  test('with a reference animates it, in each form of one (OV-10)', () => {
    const image = { kind: 'bytes', bytes: PNG, mediaType: 'image/png', width: 2, height: 2 };
    const url = 'https://example.com/a.png';
    const dataUrl = `data:image/png;base64,${PNG.toString('base64')}`;
    const imagesOf = (input_reference: unknown) => parse({ ...MINIMAL, input_reference });
    expect(imagesOf(new UploadedFile(PNG, 'f00'))).toEqual({ ...DRAFT, mode: 'image', images: [image] });
    expect(imagesOf({ image_url: dataUrl })).toEqual({ ...DRAFT, mode: 'image', images: [image] });
    expect(imagesOf({ image_url: url })).toEqual({
      ...DRAFT,
      mode: 'image',
      images: [{ kind: 'url', url, param: 'input_reference.image_url' }],
    });
  });

  test.each([true, false, 'true', 'false', null])('takes stream %j, which changes nothing (OV-11)', (stream) => {
    expect(parse({ ...MINIMAL, stream })).toEqual(DRAFT);
  });

  test('keeps unknown keys and takes null as absent', () => {
    expect(parse({ ...MINIMAL, size: null, seconds: null, input_reference: null, seed: 7, x: { y: [1] } })).toEqual({
      ...DRAFT,
      extra: { seed: 7, x: { y: [1] } },
    });
  });

  test('takes what was sent empty as absent, as in a form, but for what is only forwarded', () => {
    const reference = { image_url: '', file_id: '' };
    const empty = { size: '', seconds: '', stream: '', duration: '', n: '', negative_prompt: '' };
    for (const input_reference of ['', null]) {
      expect(parse({ ...MINIMAL, ...empty, input_reference }).extra).toMatchObject({ negative_prompt: '' });
    }
    expect(parse({ ...MINIMAL, ...empty })).toMatchObject({ mode: 'text', images: [] });
    expect(refusalOf(() => parse({ ...MINIMAL, input_reference: reference }))).toMatchObject({
      param: 'input_reference',
    });
    const url = 'https://images.example/a.png';
    expect(parse({ ...MINIMAL, input_reference: { image_url: url, file_id: '' } }).images).toMatchObject([{ url }]);
    expect(refusalOf(() => parse({ ...MINIMAL, model: '' })).message).toBe('model: must not be empty');
  });

  test.each([
    ['model', { prompt: 'a fox' }],
    ['model', { ...MINIMAL, model: '' }],
    ['prompt', { model: 'sora-2' }],
    ['prompt', { ...MINIMAL, prompt: ' ' }],
    ['size', { ...MINIMAL, size: '1280' }],
    ['size', { ...MINIMAL, size: '1281x720' }],
    ['size', { ...MINIMAL, size: '0x0' }],
    ['size', { ...MINIMAL, size: 1280 }],
    ['seconds', { ...MINIMAL, seconds: '8.5' }],
    ['seconds', { ...MINIMAL, seconds: 2.5 }],
    ['seconds', { ...MINIMAL, seconds: 0 }],
    ['stream', { ...MINIMAL, stream: 'maybe' }],
    ['input_reference', { ...MINIMAL, input_reference: 'a.png' }],
    ['input_reference', { ...MINIMAL, input_reference: {} }],
    ['input_reference', { ...MINIMAL, input_reference: { bytes: [], sha256: '' } }],
    ['input_reference', { ...MINIMAL, input_reference: new UploadedFile(Buffer.from('text'), 'f00') }],
    ['input_reference.image_url', { ...MINIMAL, input_reference: { image_url: 'file:///etc/passwd' } }],
    ['duration', { ...MINIMAL, duration: 8 }],
    ['duration_seconds', { ...MINIMAL, duration_seconds: 8 }],
    ['video', { ...MINIMAL, video: new UploadedFile(PNG, 'f00') }],
  ])('is refused for its %s in case %# (OV-06, OV-07, OV-23)', (param, body) => {
    expect(refusalOf(() => parse(body))).toMatchObject({ kind: 'invalid_request', httpStatus: 400, param });
  });
});

describe('a video', () => {
  const created = makeVideo({ createdAt: new Date(1_758_941_485_000), request: makeRequest({ model: 'sora-2' }) });

  // Contract 3.3
  test('just created looks as documented (OV-14 to OV-21)', () => {
    expect(routeOf(openai, 'create').render(viewOf(created))).toEqual({
      status: 200,
      body: {
        id: 'video_1',
        object: 'video',
        model: 'sora-2',
        status: 'queued',
        progress: 0,
        created_at: 1_758_941_485,
        completed_at: null,
        expires_at: 1_759_027_885,
        error: null,
        prompt: created.request.prompt,
        remixed_from_video_id: null,
        seconds: '8',
        size: '1280x720',
      },
    });
  });

  // Contract 3.3
  test('that completed has its time and its link', () => {
    expect(shown(makeCompletedVideo())).toMatchObject({
      status: 'completed',
      progress: 100,
      completed_at: 1_715_000_160,
      url: 'https://clips.example/clip.mp4',
    });
    expect(shown(makeCompletedVideo({ purgedAt: new Date() }))).not.toHaveProperty('url');
    expect(shown(makeVideo({ state: 'archiving', progress: 100 }))).toMatchObject({ progress: 99, completed_at: null });
  });

  test('has their word for each state (OV-17, X3)', () => {
    expect(Object.fromEntries(VIDEO_STATES.map((state) => [state, shown(makeVideo({ state }))['status']]))).toEqual({
      queued: 'queued',
      submitting: 'in_progress',
      unconfirmed: 'in_progress',
      generating: 'in_progress',
      archiving: 'in_progress',
      completed: 'completed',
      failed: 'failed',
      cancelled: 'failed',
      expired: 'failed',
    });
  });

  test.each([
    ['failed', 'upstream_failed'],
    ['cancelled', 'cancelled'],
    ['expired', 'expired'],
  ] as const)('that is %s says so in its error (X3, X4)', (state, code) => {
    expect(shown(makeVideo({ state }))['error']).toEqual({ code, message: expect.any(String) });
  });

  test('shows the size it was asked for, else the clip’s (OV-20, OV-21)', () => {
    const request = makeRequest({ aspectRatio: null, quality: null, durationSeconds: 12 });
    expect(shown(makeVideo({ request }))).toMatchObject({ size: null, seconds: '12' });
    const archive = makeArchive({ width: 640, height: 360 });
    expect(shown(makeCompletedVideo({ request, archive }))).toMatchObject({ size: '640x360' });
  });

  // Contract 3.4
  test('that runs says when to ask again (OV-22)', () => {
    expect(routeOf(openai, 'read').render(viewOf(makeVideo())).headers).toEqual({
      'openai-poll-after-ms': '5000',
      'retry-after': '5',
    });
    expect(routeOf(openai, 'read').render(viewOf(makeCompletedVideo())).headers).toBeUndefined();
  });
});

describe('the list', () => {
  const list = routeOf(openai, 'list');

  // Contract 3.2
  test('takes limit, order and after', () => {
    expect(list.parse(requestOf({}))).toEqual({ limit: 20, order: 'newest' });
    expect(list.parse(requestOf({ query: { limit: '100', order: 'asc', after: 'video_9' } }))).toEqual({
      limit: 100,
      order: 'oldest',
      cursor: 'video_9',
    });
    for (const query of [{ limit: '0' }, { limit: '101' }, { limit: 'x' }, { order: 'up' }, { order: 'constructor' }]) {
      expect(refusalOf(() => list.parse(requestOf({ query }))).httpStatus).toBe(400);
    }
  });

  // Contract 3.3
  test('is a page with its ends and whether there is more', () => {
    const videos = [makeVideo(), makeVideo({ id: 'video_2' })];
    expect(list.render({ views: videos.map(viewOf), nextCursor: 'video_2' }).body).toEqual({
      object: 'list',
      data: videos.map(shown),
      first_id: 'video_1',
      last_id: 'video_2',
      has_more: true,
    });
    expect(list.render({ views: [], nextCursor: null }).body).toEqual({
      object: 'list',
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
  });
});

describe('a remix', () => {
  const remix = routeOf(openai, 'remix');

  // Contract 3.2
  test('takes the settings of its source and a new prompt', () => {
    const images = [{ kind: 'url', url: 'https://example.com/a.png' }] as const;
    const request = makeRequest({ mode: 'image', images, extra: { seed: 7 }, quality: null, remixOf: 'video_0' });
    const parsed = remix.parse(requestOf({ body: { prompt: 'at night', model: 'other' } }), makeVideo({ request }));
    expect(parsed.draft).toEqual({
      model: 'wan-2.6',
      mode: 'image',
      prompt: 'at night',
      durationSeconds: 8,
      aspectRatio: '16:9',
      images,
      extra: { seed: 7 },
      remixOf: 'video_1',
    });
  });

  test.each([undefined, {}, { prompt: '' }, { prompt: 7 }])('of %j is refused', (body) => {
    expect(refusalOf(() => remix.parse(requestOf({ body }), makeVideo())).httpStatus).toBe(400);
  });

  // Contract 3.3
  test('shows what it was made from', () => {
    expect(shown(makeVideo({ request: makeRequest({ remixOf: 'video_0' }) }))).toMatchObject({
      remixed_from_video_id: 'video_0',
    });
  });
});

describe('content', () => {
  const { choose } = routeOf(openai, 'content');
  const of = (variant: string | undefined, video: Video) =>
    choose(requestOf({ query: variant === undefined ? {} : { variant } }), video);

  // Contract 3.2
  test('is the clip or its poster', () => {
    expect(of(undefined, makeCompletedVideo())).toBe('clip');
    expect(of('video', makeCompletedVideo())).toBe('clip');
    expect(of('thumbnail', makeCompletedVideo())).toBe('poster');
    expect(of('spritesheet', makeCompletedVideo())).toBe('spritesheet');
  });

  // Contract 3.2: 409 is what the SDKs take as passing.
  test('that is not there yet is a conflict', () => {
    expect(refusalOf(() => of('video', makeVideo({ state: 'archiving' })))).toMatchObject({
      httpStatus: 409,
      code: 'not_ready',
      retryAfterSeconds: 5,
    });
  });

  test('of unknown variants is refused', () => {
    expect(refusalOf(() => of('gif', makeCompletedVideo()))).toMatchObject({ httpStatus: 400, param: 'variant' });
  });
});

// Contract 3.2, X8, X9
test('a delete waits for the end and takes the media', () => {
  const route = routeOf(openai, 'delete');
  expect(route).toMatchObject({ purgesMedia: true, whileRunning: 'refuse', unknownId: 'not found' });
  expect(route.render('video_1').body).toEqual({ id: 'video_1', object: 'video.deleted', deleted: true });
});

test('the models are listed once each', () => {
  expect(routeOf(openai, 'models').render([makeOffer(), makeOffer({ account: 'airforce-2' })]).body).toEqual({
    object: 'list',
    data: [{ id: 'wan-2.6', object: 'model', created: 0, owned_by: 'clipyard' }],
  });
});

// Contract 3.4
test.each([
  [new Refusal('unauthenticated', 'no key'), 401, 'authentication_error', null, 'invalid_api_key'],
  [new Refusal('invalid_request', 'bad', { param: 'model' }), 400, 'invalid_request_error', 'model', 'invalid_request'],
  [new Refusal('unknown_model', 'x', { param: 'model' }), 400, 'invalid_request_error', 'model', 'model_not_found'],
  [
    new Refusal('invalid_request', 'x', { param: 'duration_seconds' }),
    400,
    'invalid_request_error',
    'seconds',
    'invalid_request',
  ],
  [new Refusal('invalid_request', 'x', { param: 'cursor' }), 400, 'invalid_request_error', 'after', 'invalid_request'],
  [new Refusal('insufficient_credit', 'x'), 402, 'insufficient_quota', null, 'insufficient_credit'],
  [new Refusal('too_many_videos', 'x'), 429, 'rate_limit_error', null, 'concurrency_limit_exceeded'],
  [new Refusal('internal', 'x'), 500, 'server_error', null, 'internal'],
])('the error of %s is in the envelope (OV-23)', (refusal, status, type, param, code) => {
  expect(openai.renderRefusal(refusal)).toEqual({
    status,
    body: { error: { message: expect.stringContaining(refusal.message), type, param, code } },
  });
});
