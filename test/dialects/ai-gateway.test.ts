/** The AI SDK's gateway protocol, rule by rule, held against its dialect. */

import { aiGateway } from '../../src/dialects/ai-gateway.ts';
import type { DialectRequest, VideoView } from '../../src/dialects/dialect.ts';
import { Refusal, type RefusalKind } from '../../src/domain/failure.ts';
import { makeCompletedVideo, makeOffer, makeVideo } from '../builders.ts';
import { makePng } from '../fixtures/images.ts';
import { refusalOf, requestOf, routeOf, viewOf } from './dialect-routes.ts';

const PNG = makePng();
const FILE = { type: 'file', mediaType: 'image/png', data: PNG.toString('base64') };
const BYTES = { kind: 'bytes', bytes: PNG, mediaType: 'image/png', width: 2, height: 2 };
const LINK = { type: 'url', url: 'https://images.example/last.png' };
const CLIP = { type: 'url', url: 'https://clips.example/clip.mp4', mediaType: 'video/mp4' };

const start = routeOf(aiGateway, 'createMany');
const generate = routeOf(aiGateway, 'createManyAndStream');
const status = routeOf(aiGateway, 'readMany');

/** As the client sends it. */
function asked(body: object = {}, model: string | undefined = 'vendor/fox-1'): DialectRequest {
  const headers = { 'ai-video-model-specification-version': '4', ...(model !== undefined && { 'ai-model-id': model }) };
  return requestOf({ headers, body: { prompt: 'a fox', n: 1, providerOptions: {}, ...body } });
}

function warningsOf(body: object) {
  const { body: answer } = start.render([viewOf(makeVideo())], asked(body), null);
  return answer['warnings'];
}

function shown(views: readonly VideoView[]) {
  const { status: code, body } = status.render(views);
  expect(code).toBe(200);
  return body;
}

function ended(views: readonly VideoView[], body: object = {}) {
  const event = generate.renderEnd(views, asked(body));
  return event && JSON.parse(event.data);
}

const failed = (id: string, state: 'failed' | 'cancelled' | 'expired' = 'failed') =>
  viewOf(
    makeVideo({ id, state, endedAt: new Date(), failure: { kind: 'upstream_failed', message: 'no', upstream: null } }),
  );

test('the three calls stand below /v4/ai, and the list of models (GW-01, GW-02, GW-03)', () => {
  expect(aiGateway.routes.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual([
    'GET /v4/ai/config',
    'POST /v4/ai/video-model',
    'POST /v4/ai/video-model/start',
    'POST /v4/ai/video-model/status',
  ]);
});

test('the models are listed once each, as the client reads them', () => {
  expect(routeOf(aiGateway, 'models').render([makeOffer(), makeOffer({ account: 'airforce-2' })]).body).toEqual({
    models: [
      {
        id: 'wan-2.6',
        name: 'wan-2.6',
        specification: { specificationVersion: 'v4', provider: 'clipyard', modelId: 'wan-2.6' },
        modelType: 'video',
      },
    ],
  });
});

describe('a generate body (GW-01)', () => {
  test('fills the draft; the model stands in its header', () => {
    const body = { n: 3, aspectRatio: '16:9', resolution: '1280x720', duration: 5, seed: 0, generateAudio: true };
    expect(start.parse(asked(body))).toEqual({
      draft: {
        model: 'vendor/fox-1',
        mode: 'text',
        prompt: 'a fox',
        durationSeconds: 5,
        aspectRatio: '16:9',
        quality: '720p',
        images: [],
        extra: { seed: 0, generateAudio: true },
      },
      count: 3,
    });
    expect(generate.parse(asked(body))).toEqual(start.parse(asked(body)));
  });

  test('may hold nothing but a prompt; null counts as absent', () => {
    const bare = { model: 'vendor/fox-1', mode: 'text', prompt: 'a fox', images: [], extra: {} };
    const request = requestOf({
      headers: { 'ai-model-id': 'vendor/fox-1' },
      body: { prompt: 'a fox', n: null, fps: null },
    });
    expect(start.parse(request)).toEqual({ draft: bare, count: 1 });
  });

  test.each([
    ['720p', {}, { quality: '720p' }],
    ['1920x1080', {}, { quality: '1080p', aspectRatio: '16:9' }],
    ['1080p', { aspectRatio: '9:16' }, { quality: '1080p', aspectRatio: '9:16' }],
    ['1280x720', { aspectRatio: 'adaptive' }, { quality: '720p', aspectRatio: '16:9' }],
  ])('resolution %s with %j is %j', (resolution, more, frame) => {
    expect(start.parse(asked({ resolution, ...more })).draft).toMatchObject(frame);
  });

  test('animates the image, also when it comes as a first frame only', () => {
    for (const body of [{ image: FILE }, { frameImages: [{ image: FILE, frameType: 'first_frame' }] }]) {
      expect(start.parse(asked(body)).draft).toMatchObject({ mode: 'image', images: [BYTES] });
    }
  });

  test('takes references by file and by URL', () => {
    expect(start.parse(asked({ inputReferences: [FILE, LINK] })).draft).toMatchObject({
      mode: 'reference',
      images: [BYTES, { kind: 'url', url: LINK.url, param: 'inputReferences.1.url' }],
    });
  });

  test('forwards the options of every provider and unknown keys', () => {
    const providerOptions = {
      airforce: { sound: true, style: { grain: 2 } },
      other: { sound: true },
      gateway: { only: ['x'] },
    };
    expect(start.parse(asked({ providerOptions, later: 1, seed: 7 })).draft.extra).toEqual({
      sound: true,
      style: { grain: 2 },
      later: 1,
      seed: 7,
    });
  });

  test.each<[object, string]>([
    [{ prompt: undefined }, 'prompt'],
    [{ prompt: ' ' }, 'prompt'],
    [{ n: 0 }, 'n'],
    [{ n: 17 }, 'n'],
    [{ n: 1.5 }, 'n'],
    [{ duration: 'long' }, 'duration'],
    [{ duration: 0.5 }, 'duration'],
    [{ seed: 'x' }, 'seed'],
    [{ fps: -1 }, 'fps'],
    [{ resolution: '1x1' }, 'resolution'],
    [{ resolution: '1280x720', aspectRatio: '9:16' }, 'resolution'],
    [{ image: { type: 'file', mediaType: 'image/png' } }, 'image.data'],
    [{ image: { type: 'file', mediaType: 'image/png', data: '***' } }, 'image.data'],
    [{ image: { type: 'url', url: 'file:///etc/passwd' } }, 'image.url'],
    [{ image: 'https://images.example/a.png' }, 'image'],
    [{ inputReferences: [{ ...FILE, mediaType: 'video/mp4' }] }, 'inputReferences.0'],
    [{ frameImages: [{ image: FILE, frameType: 'middle' }] }, 'frameImages.0.frameType'],
    [{ providerOptions: { a: { k: 1 }, b: { k: 2 } } }, 'providerOptions'],
    [{ providerOptions: { a: 1 } }, 'providerOptions.a'],
  ])('%j is refused for %s', (body, param) => {
    expect(refusalOf(() => start.parse(asked(body)))).toMatchObject({ kind: 'invalid_request', param });
  });

  test.each([undefined, '', ' ', 'm'.repeat(257)])('model %j is refused', (model) => {
    const request = requestOf({ headers: { 'ai-model-id': model }, body: { prompt: 'a fox' } });
    expect(refusalOf(() => start.parse(request))).toMatchObject({ kind: 'invalid_request', param: 'ai-model-id' });
  });
});

describe('warnings (GW-05)', () => {
  test('there are none about what is made as asked', () => {
    expect(warningsOf({ seed: 7, generateAudio: false, duration: 5, image: FILE })).toEqual([]);
  });

  test.each([
    ['fps', { fps: 24 }],
    ['aspectRatio', { aspectRatio: 'adaptive', image: FILE }],
    ['frameImages', { frameImages: [{ image: LINK, frameType: 'last_frame' }] }],
    ['inputReferences', { image: FILE, inputReferences: [FILE] }],
    ['providerOptions.gateway', { providerOptions: { gateway: { order: ['a'] } } }],
  ])('%s cannot be had', (feature, body) => {
    expect(warningsOf(body)).toEqual([{ type: 'unsupported', feature, details: expect.any(String) }]);
    expect(ended([viewOf(makeCompletedVideo())], body).warnings).toEqual(warningsOf(body));
  });
});

describe('a callback (GW-02, GW-05)', () => {
  const body = { callbackUrl: 'https://hooks.example/1' };

  test('is taken from a start, whose answer alone shows the secret that signs', () => {
    expect(start.parse(asked(body))).toMatchObject({ callback: { param: 'callbackUrl', url: body.callbackUrl } });
    const { body: answer } = start.render([viewOf(makeVideo())], asked(body), { id: 'job_1', secret: 'secret' });
    const asyncJob = { jobId: 'job_1', status: 'pending', webhookSigningSecret: 'secret' };
    expect(answer).toMatchObject({ warnings: [], providerMetadata: { gateway: { asyncJob } } });
    expect(warningsOf(body)).toEqual([]);
  });

  test('of a long answer is told nothing, and the answer says so', () => {
    expect(generate.parse(asked(body))).not.toHaveProperty('callback');
    const warning = { type: 'unsupported', feature: 'callbackUrl', details: expect.any(String) };
    expect(ended([viewOf(makeCompletedVideo())], body).warnings).toEqual([warning]);
  });
});

test('a start is answered with the operation that the status takes (GW-02, GW-03)', () => {
  const views = [makeVideo({ id: 'video_a' }), makeVideo({ id: 'video_b' })].map(viewOf);
  const { status: code, body } = start.render(views, asked({ n: 2 }), null);
  expect({ code, body }).toEqual({ code: 200, body: { operation: { videos: ['video_a', 'video_b'] }, warnings: [] } });
  expect(status.parse(requestOf({ body: { operation: body['operation'] } }))).toEqual(['video_a', 'video_b']);
});

test.each([
  undefined,
  null,
  'video_1',
  {},
  { videos: [] },
  { videos: [1] },
  { videos: Array(17).fill('v') },
  { videos: ['v'], x: 1 },
])('operation %j is refused (GW-03)', (operation) => {
  expect(refusalOf(() => status.parse(requestOf({ body: { operation } })))).toMatchObject({ kind: 'invalid_request' });
});

describe('an operation', () => {
  test('is pending until all of its videos have ended (GW-03)', () => {
    for (const state of ['queued', 'submitting', 'unconfirmed', 'generating', 'archiving'] as const) {
      const views = [viewOf(makeCompletedVideo()), viewOf(makeVideo({ state }))];
      expect(shown(views)).toEqual({ status: 'pending' });
      expect(ended(views)).toBeNull();
    }
  });

  test('that is completed has a link for each video (GW-01, GW-03, GW-04)', () => {
    const views = [viewOf(makeCompletedVideo({ id: 'video_a' })), viewOf(makeCompletedVideo({ id: 'video_b' }))];
    const videos = [CLIP, CLIP];
    const providerMetadata = { clipyard: { videos: [{ id: 'video_a' }, { id: 'video_b' }] } };
    expect(shown(views)).toMatchObject({ status: 'completed', videos, warnings: [], providerMetadata });
    expect(ended(views)).toMatchObject({ type: 'result', videos, warnings: [], providerMetadata });
  });

  test('shows what was made although others failed, and says so (GW-03, GW-05)', () => {
    const views = [failed('video_a'), viewOf(makeCompletedVideo({ id: 'video_b' }))];
    const warnings = [{ type: 'other', message: 'video video_a: no' }];
    expect(shown(views)).toMatchObject({ status: 'completed', videos: [CLIP], warnings });
    expect(ended(views)).toMatchObject({ type: 'result', videos: [CLIP], warnings });
  });

  test.each(['failed', 'expired'] as const)('of which all are %s is an error (GW-03)', (state) => {
    expect(shown([failed('video_a', state)])).toEqual({ status: 'error', error: 'video video_a: no' });
  });

  test('that was cancelled says so (GW-03)', () => {
    expect(shown([failed('video_a', 'cancelled')])).toEqual({ status: 'cancelled' });
    const mixed = [failed('video_a', 'cancelled'), failed('video_b')];
    expect(shown(mixed)).toEqual({ status: 'error', error: 'video video_a: no; video video_b: no' });
  });

  test('whose clip was purged is an error (GW-03)', () => {
    const view = { ...viewOf(makeCompletedVideo({ id: 'video_a' })), clipUrl: null };
    expect(shown([view])).toEqual({ status: 'error', error: 'video video_a: the clip has been removed' });
  });

  test.each(['failed', 'cancelled', 'expired'] as const)(
    'that is %s has an error event that is not repeated (GW-01)',
    (state) => {
      const event = ended([failed('video_a', state)]);
      expect(event).toMatchObject({
        type: 'error',
        message: expect.any(String),
        errorType: 'failed_dependency',
        param: null,
      });
      // What the client repeats by itself: 408, 409, 429 and 5xx.
      expect(event.statusCode).toBe(424);
    },
  );
});

test.each<[RefusalKind, number, string]>([
  ['invalid_request', 400, 'invalid_request_error'],
  ['unauthenticated', 401, 'authentication_error'],
  ['insufficient_credit', 402, 'invalid_request_error'],
  ['credit_held', 402, 'invalid_request_error'],
  ['forbidden', 403, 'forbidden'],
  ['unknown_model', 404, 'model_not_found'],
  ['not_found', 404, 'not_found'],
  ['too_large', 413, 'invalid_request_error'],
  ['idempotency_mismatch', 422, 'invalid_request_error'],
  ['too_many_videos', 429, 'rate_limit_exceeded'],
  ['internal', 500, 'internal_server_error'],
  ['unavailable', 503, 'internal_server_error'],
])('a refusal as %s is %d %s (GW-06)', (kind, code, type) => {
  const answer = aiGateway.renderRefusal(new Refusal(kind, 'no', { param: 'quality' }));
  expect(answer.status).toBe(code);
  expect(answer.body).toEqual({
    error: { message: expect.any(String), type, param: 'resolution', code: expect.any(String) },
  });
});
