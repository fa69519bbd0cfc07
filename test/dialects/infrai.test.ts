/** infrai's documented rules, held against its dialect. */

import { infrai } from '../../src/dialects/infrai.ts';
import { Refusal } from '../../src/domain/failure.ts';
import { isEnded, VIDEO_STATES, type Video } from '../../src/domain/video.ts';
import { makeArchive, makeCompletedVideo, makeOffer, makeRequest, makeVideo } from '../builders.ts';
import { refusalOf, requestOf, routeOf, viewOf } from './dialect-routes.ts';

const MINIMAL = { prompt: 'a fox' };
const DRAFT = { ...MINIMAL, model: null, prefer: 'balanced', mode: 'text', images: [], extra: {} };

function parse(body: unknown) {
  return routeOf(infrai, 'create').parse(requestOf({ body }));
}

function jobOf(video: Video) {
  return routeOf(infrai, 'read').render(viewOf(video)).body;
}

test('all ten capabilities have their routes (IN-01, IN-31)', () => {
  expect(infrai.routes.map(({ method, path }) => `${method} ${path.replace('/v1/video/', '')}`).toSorted()).toEqual([
    'DELETE delete/:id',
    'GET capabilities',
    'GET download_url/:id',
    'GET get/:id',
    'GET list',
    'GET status/:id',
    'POST cancel/:id',
    'POST delete_all',
    'POST generate',
    'POST set_retention/:id',
  ]);
});

describe('a generate body', () => {
  test('of a prompt alone is a balanced text draft (IN-06, IN-11)', () => {
    expect(parse(MINIMAL)).toEqual({ draft: DRAFT });
  });

  // The documented example, word for word.
  test('as in the example fills the draft (IN-14)', () => {
    const example =
      '{"prompt": "a timelapse of a city skyline at dusk", "prefer": "balanced", "resolution": "1080p", ' +
      '"duration_seconds": 5, "aspect_ratio": "16:9"}';
    expect(parse(JSON.parse(example)).draft).toEqual({
      ...DRAFT,
      prompt: 'a timelapse of a city skyline at dusk',
      quality: '1080p',
      durationSeconds: 5,
      aspectRatio: '16:9',
    });
  });

  test('with a reference image animates it (IN-07)', () => {
    const url = 'https://example.com/dragon.jpg';
    expect(parse({ ...MINIMAL, reference_image_url: url }).draft).toMatchObject({
      mode: 'image',
      images: [{ kind: 'url', url, param: 'reference_image_url' }],
    });
  });

  test('hands its idempotency key on (IN-12)', () => {
    expect(parse({ ...MINIMAL, idempotency_key: 'k-1' })).toEqual({ draft: DRAFT, idempotencyKey: 'k-1' });
  });

  test('takes aspect under both names (IN-09, X13)', () => {
    for (const body of [{ aspect: '9:16' }, { aspect_ratio: '9:16' }, { aspect: '9:16', aspect_ratio: '9:16' }]) {
      expect(parse({ ...MINIMAL, ...body }).draft.aspectRatio).toBe('9:16');
    }
  });

  test('takes null in optional fields as absent', () => {
    const nulls = {
      reference_image_url: null,
      duration_seconds: null,
      aspect: null,
      aspect_ratio: null,
      resolution: null,
      prefer: null,
      idempotency_key: null,
      model: null,
    };
    expect(parse({ ...MINIMAL, ...nulls })).toEqual({ draft: DRAFT });
  });

  test('may name a model, and keeps unknown keys', () => {
    expect(parse({ ...MINIMAL, model: 'wan-2.6', seed: 7 }).draft).toMatchObject({
      model: 'wan-2.6',
      extra: { seed: 7 },
    });
  });

  test.each([
    ['prompt', {}],
    ['prompt', { prompt: ' ' }],
    ['prompt', { prompt: 7 }],
    ['reference_image_url', { ...MINIMAL, reference_image_url: 'dragon.jpg' }],
    ['reference_image_url', { ...MINIMAL, reference_image_url: 'file:///etc/passwd' }],
    ['duration_seconds', { ...MINIMAL, duration_seconds: '5' }],
    ['duration_seconds', { ...MINIMAL, duration_seconds: 0 }],
    ['duration_seconds', { ...MINIMAL, duration_seconds: 2.5 }],
    ['duration_seconds', { ...MINIMAL, duration_seconds: 1e300 }],
    ['aspect', { ...MINIMAL, aspect: '4:3' }],
    ['aspect', { ...MINIMAL, aspect: '16:9', aspect_ratio: '9:16' }],
    ['aspect_ratio', { ...MINIMAL, aspect_ratio: '4:3' }],
    ['resolution', { ...MINIMAL, resolution: '480p' }],
    ['prefer', { ...MINIMAL, prefer: 'fastest' }],
    ['idempotency_key', { ...MINIMAL, idempotency_key: 7 }],
    ['model', { ...MINIMAL, model: {} }],
  ])('is refused for its %s in case %# (IN-06 to IN-11, X13)', (param, body) => {
    expect(refusalOf(() => parse(body))).toMatchObject({ kind: 'invalid_request', httpStatus: 400, param });
  });
});

describe('a job', () => {
  test('has our word for each state (IN-13, IN-15, X3)', () => {
    expect(Object.fromEntries(VIDEO_STATES.map((state) => [state, jobOf(makeVideo({ state }))['state']]))).toEqual({
      queued: 'queued',
      submitting: 'running',
      unconfirmed: 'running',
      generating: 'running',
      archiving: 'running',
      completed: 'completed',
      failed: 'failed',
      cancelled: 'cancelled',
      expired: 'expired',
    });
  });

  test('has exactly the documented keys (IN-13, IN-35)', () => {
    expect(jobOf(makeVideo())).toEqual({ job_id: 'video_1', state: 'queued' });
    expect(routeOf(infrai, 'create').render(viewOf(makeVideo()))).toEqual({ status: 200, body: jobOf(makeVideo()) });
    expect(jobOf(makeCompletedVideo())).toEqual({
      job_id: 'video_1',
      state: 'completed',
      video_url: 'https://clips.example/clip.mp4',
      thumbnail_url: 'https://clips.example/poster.jpg',
    });
    expect(jobOf(makeCompletedVideo({ purgedAt: new Date() }))).toEqual({ job_id: 'video_1', state: 'completed' });
  });

  test('that has not ended says when to ask again, in status and in full', () => {
    for (const video of VIDEO_STATES.map((state) => makeVideo({ state }))) {
      const headers = isEnded(video.state) ? undefined : { 'retry-after': '5' };
      expect(routeOf(infrai, 'read').render(viewOf(video)).headers).toEqual(headers);
      expect(routeOf(infrai, 'detail').render(viewOf(video), []).headers).toEqual(headers);
    }
  });

  test('that failed has an error of code and message (IN-13, X4, X15)', () => {
    const failure = { kind: 'upstream_failed', message: 'blocked by the filter', upstream: null } as const;
    expect(jobOf(makeVideo({ state: 'failed', failure }))['error']).toEqual({
      code: 'UPSTREAM_FAILED',
      message: 'blocked by the filter',
    });
    expect(jobOf(makeVideo({ state: 'expired' }))['error']).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    for (const state of ['queued', 'completed', 'cancelled'] as const) {
      expect(jobOf(makeVideo({ state }))).not.toHaveProperty('error');
    }
  });

  test('in full shows what was chosen for it (IN-18, X16)', () => {
    const detailOf = (video: Video, offers = [makeOffer()]) =>
      routeOf(infrai, 'detail').render(viewOf(video), offers).body;
    const chosen = { duration_seconds: 8, resolution: '720p', vendor: 'airforce', model: 'wan-2.6' };
    expect(detailOf(makeVideo())).toEqual({ ...jobOf(makeVideo()), ...chosen });
    expect(detailOf(makeVideo({ provider: 'airforce' }), [])).toMatchObject(chosen);
    expect(detailOf(makeVideo(), [])).toMatchObject({ vendor: null });
    const request = makeRequest({ quality: null });
    expect(detailOf(makeVideo({ request }))).toMatchObject({ resolution: null });
    expect(detailOf(makeCompletedVideo({ request, archive: makeArchive({ height: 480 }) }))).toMatchObject({
      resolution: '480p',
    });
  });
});

describe('the list', () => {
  const list = routeOf(infrai, 'list');

  test('takes a limit and a cursor (IN-20, IN-21, X15)', () => {
    expect(list.parse(requestOf({}))).toEqual({ limit: 20 });
    expect(list.parse(requestOf({ query: { limit: '100', cursor: 'video_9' } }))).toEqual({
      limit: 100,
      cursor: 'video_9',
    });
    for (const limit of ['0', '101', '-1', '2.5', 'all']) {
      expect(refusalOf(() => list.parse(requestOf({ query: { limit } }))).httpStatus).toBe(400);
    }
  });

  test('shows jobs, and a cursor only before more (IN-19)', () => {
    const views = [viewOf(makeCompletedVideo())];
    const items = [jobOf(makeCompletedVideo())];
    expect(list.render({ views, nextCursor: null }).body).toEqual({ items });
    expect(list.render({ views, nextCursor: 'video_1' }).body).toEqual({ items, next_cursor: 'video_1' });
  });
});

describe('retention', () => {
  const route = routeOf(infrai, 'retain');

  // The range is in the message; the documented example's 0 is out of it.
  test.each([0, -1, 1.5, 91, '7', null, undefined, Number.NaN])('of %s days is refused (IN-27, X12)', (days) => {
    const refusal = refusalOf(() => route.parse(requestOf({ body: { job_id: '...', days } })));
    expect(refusal).toMatchObject({ httpStatus: 400, param: 'days', message: expect.stringContaining('1 to 90') });
  });

  test.each([1, 90])('of %d days is taken beside anything else (IN-27, IN-28, IN-29, X14)', (days) => {
    expect(route.parse(requestOf({ body: { days, job_id: 'another', idempotency_key: 'k' } }))).toMatchObject({ days });
  });

  test('answers with the day it leads to (IN-26)', () => {
    const video = makeVideo({ expiresAt: new Date('2024-05-13T12:53:20.000Z') });
    expect(route.render(viewOf(video), 7).body).toEqual({
      job_id: 'video_1',
      retention_days: 7,
      expires_at: '2024-05-13T12:53:20.000Z',
    });
  });
});

test('a download link is there while the clip is (IN-25)', () => {
  const { render } = routeOf(infrai, 'read', '/v1/video/download_url/:id');
  expect(render(viewOf(makeCompletedVideo()))).toEqual({
    status: 200,
    body: { url: 'https://clips.example/clip.mp4', expires_at: '2024-05-07T12:53:20.000Z' },
  });
  expect(refusalOf(() => render(viewOf(makeVideo({ state: 'generating' })))).httpStatus).toBe(409);
  expect(refusalOf(() => render(viewOf(makeVideo({ state: 'failed' })))).httpStatus).toBe(409);
  expect(refusalOf(() => render(viewOf(makeCompletedVideo({ purgedAt: new Date() })))).httpStatus).toBe(410);
});

test('capabilities are told by vendor (IN-30)', () => {
  const { capabilities } = makeOffer();
  const offers = [
    makeOffer(),
    makeOffer({ account: 'airforce-2' }),
    makeOffer({ model: 'veo', capabilities: { ...capabilities, qualities: ['1080p', '4k'], maxDurationSeconds: 12 } }),
  ];
  expect(routeOf(infrai, 'models').render(offers).body).toEqual({
    vendors: [
      {
        vendor: 'airforce',
        models: ['wan-2.6', 'veo'],
        resolutions: ['720p', '1080p', '4k'],
        max_duration_seconds: 12,
        supports_extend: false,
        supports_upscale: false,
      },
    ],
  });
  expect(routeOf(infrai, 'models').render([]).body).toEqual({ vendors: [] });
});

test.each([
  [new Refusal('insufficient_credit', 'spent'), 402, 'INSUFFICIENT_CREDIT'],
  [new Refusal('credit_held', 'held'), 402, 'INSUFFICIENT_CREDIT'],
  [new Refusal('not_found', 'no such job'), 404, 'NOT_FOUND'],
  [new Refusal('too_many_videos', 'four already'), 429, 'CONCURRENCY_LIMIT_EXCEEDED'],
])('the error of %s has an upper-case code (IN-03)', (refusal, status, code) => {
  expect(infrai.renderRefusal(refusal)).toEqual({ status, body: { error: { code, message: refusal.message } } });
});
