/** a4f's documented rules, held against its dialect. */

import { a4f } from '../../src/dialects/a4f.ts';
import { Refusal } from '../../src/domain/failure.ts';
import { resolveDraft } from '../../src/domain/models.ts';
import { makeCompletedVideo, makeOffer, makeVideo } from '../builders.ts';
import { refusalOf, requestOf, routeOf, viewOf } from './dialect-routes.ts';

const route = routeOf(a4f, 'createAndWait');
const MINIMAL = { model: 'provider-2/kling-v2.1', prompt: 'a fox', quality: '720p', duration: 5 };

function parse(body: unknown) {
  return route.parse(requestOf({ body })).draft;
}

function errorOf(refusal: Refusal) {
  return a4f.renderRefusal(refusal).body['error'];
}

test('there is one route, and it speaks for two words (A4-01, A4-02, A4-28)', () => {
  expect(a4f.routes.map(({ method, path }) => `${method} ${path}`)).toEqual(['POST /v1/video/generations']);
  expect(route.ownKeys).toEqual(['duration', 'ratio']);
});

describe('a create body', () => {
  // The documented example, word for word.
  test('as in the example fills the draft (A4-03 to A4-07)', () => {
    const prompt = 'A cinematic drone shot of waves crashing against a cliff at sunset, 4k, photorealistic';
    const example = { model: 'provider-2/kling-v2.1', prompt, quality: '1080p', duration: 5, ratio: '16:9' };
    expect(parse(example)).toEqual({
      model: 'provider-2/kling-v2.1',
      mode: 'text',
      prompt,
      images: [],
      extra: {},
      durationSeconds: 5,
      aspectRatio: '16:9',
      quality: '1080p',
    });
  });

  test('is 9:16 where it does not say (A4-07)', () => {
    expect(parse(MINIMAL).aspectRatio).toBe('9:16');
    expect(parse({ ...MINIMAL, ratio: null }).aspectRatio).toBe('9:16');
    expect(parse({ ...MINIMAL, ratio: '' }).aspectRatio).toBe('9:16');
  });

  test('keeps unknown keys', () => {
    expect(parse({ ...MINIMAL, seed: 7 }).extra).toEqual({ seed: 7 });
  });

  test.each([
    ['model', { ...MINIMAL, model: undefined }],
    ['prompt', { ...MINIMAL, prompt: undefined }],
    ['prompt', { ...MINIMAL, prompt: ' ' }],
    ['quality', { ...MINIMAL, quality: undefined }],
    ['quality', { ...MINIMAL, quality: null }],
    ['quality', { ...MINIMAL, quality: '4k' }],
    ['duration', { ...MINIMAL, duration: undefined }],
    ['duration', { ...MINIMAL, duration: '8' }],
    ['duration', { ...MINIMAL, duration: 2.5 }],
    ['duration', { ...MINIMAL, duration: 0 }],
    ['duration', { ...MINIMAL, duration: 9 }],
    ['duration_seconds', { ...MINIMAL, duration_seconds: 5 }],
    ['ratio', { ...MINIMAL, ratio: '21:9' }],
  ])('is refused for its %s in case %# (A4-03 to A4-07, A4-21)', (param, body) => {
    const refusal = refusalOf(() => parse(body));
    expect(refusal.httpStatus).toBe(400);
    expect(errorOf(refusal)).toEqual({
      message: expect.any(String),
      type: 'invalid_request_error',
      param,
      code: 'invalid_request_error',
    });
  });

  test.each([
    ['duration', { duration: 8 }],
    ['quality', { quality: '480p' }],
  ])('beyond the model in %s has a code of its own (A4-22, X18)', (param, more) => {
    const offer = makeOffer({ capabilities: { ...makeOffer().capabilities, maxDurationSeconds: 5 } });
    const refusal = refusalOf(() => resolveDraft(parse({ ...MINIMAL, ...more }), offer));
    expect(refusal.httpStatus).toBe(400);
    expect(errorOf(refusal)).toMatchObject({ param, code: 'n_exceeds_model_limit' });
  });

  test('in a ratio that the model has not is invalid', () => {
    const refusal = refusalOf(() => resolveDraft(parse({ ...MINIMAL, ratio: '4:3' }), makeOffer()));
    expect(errorOf(refusal)).toMatchObject({ param: 'ratio', code: 'invalid_request_error' });
  });
});

test('the clip stands in the documented answer (A4-08 to A4-12, X20)', () => {
  const { before, after } = route.surroundClip(makeCompletedVideo());
  expect(JSON.parse(`${before}AAAA${after}`)).toEqual({
    created: 1_715_000_160,
    data: [{ b64_json: 'AAAA', url: null, revised_prompt: null }],
  });
});

test.each(['failed', 'cancelled', 'expired'] as const)('a video that is %s is a provider error (A4-26)', (state) => {
  expect(route.renderFailed(viewOf(makeVideo({ state })))).toEqual({
    status: 500,
    body: { error: { message: expect.any(String), type: 'server_error', param: null, code: 'provider_error' } },
  });
});

test('a wait that is over names the video (X19)', () => {
  const answer = route.renderUnfinished(viewOf(makeVideo()));
  expect(answer).toMatchObject({ status: 504, body: { error: { code: 'provider_timeout' } } });
  expect(JSON.stringify(answer.body)).toContain('video_1');
});

test.each([
  [new Refusal('unauthenticated', 'x'), 401, 'authentication_error', 'invalid_api_key'],
  [new Refusal('forbidden', 'x'), 403, 'permission_error', 'permission_denied_error'],
  [new Refusal('unknown_model', 'x'), 400, 'invalid_request_error', 'invalid_request_error'],
  [new Refusal('rate_limited', 'x'), 429, 'rate_limit_error', 'rate_limit_exceeded'],
  [
    new Refusal('too_many_videos', 'x', { code: 'concurrency_limit_exceeded' }),
    429,
    'rate_limit_error',
    'rate_limit_exceeded',
  ],
  [new Refusal('insufficient_credit', 'x'), 402, 'insufficient_quota', 'insufficient_credit'],
  [new Refusal('unavailable', 'x'), 503, 'server_error', 'unavailable'],
])('the error of %s has the documented code (A4-23 to A4-25, A4-27)', (refusal, status, type, code) => {
  expect(a4f.renderRefusal(refusal)).toEqual({ status, body: { error: { message: 'x', type, param: null, code } } });
});
