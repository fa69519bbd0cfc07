/** a4f's documented example, its bounds and its models, held against the transcription. */

import { createBody, DURATION_SECONDS, MODELS, QUALITIES, videoAnswer } from '../../src/wire/a4f.ts';

const EXAMPLE = {
  model: 'provider-2/kling-v2.1',
  prompt: 'A cinematic drone shot of waves crashing against a cliff at sunset, 4k, photorealistic',
  quality: '1080p',
  duration: 5,
  ratio: '16:9',
};

describe('the create body', () => {
  test('takes the documented example as it stands', () => {
    expect(createBody.parse(EXAMPLE)).toEqual(EXAMPLE);
  });

  test('needs no ratio', () => {
    expect(createBody.safeParse({ ...EXAMPLE, ratio: undefined }).success).toBe(true);
  });

  test.each<[string, object, string]>([
    ['no model', { model: undefined }, 'model'],
    ['no prompt', { prompt: undefined }, 'prompt'],
    ['no quality', { quality: undefined }, 'quality'],
    ['an unknown quality', { quality: '4k' }, 'quality'],
    ['no duration', { duration: undefined }, 'duration'],
    ['a duration as text', { duration: '8' }, 'duration'],
    ['part of a second', { duration: 2.5 }, 'duration'],
    ['no time', { duration: 0 }, 'duration'],
    ['nine seconds', { duration: 9 }, 'duration'],
    ['another ratio', { ratio: '21:9' }, 'ratio'],
  ])('refuses %s (A4-03 to A4-07)', (_what, overrides, path) => {
    const read = createBody.safeParse({ ...EXAMPLE, ...overrides });
    expect(read.error?.issues[0]?.path).toEqual([path]);
  });
});

describe('the documented models', () => {
  test('make so many seconds in such qualities (A4-13 to A4-19)', () => {
    const told = Object.entries(MODELS).map(([id, { maxDurationSeconds, qualities }]) => [
      id,
      maxDurationSeconds,
      ...qualities,
    ]);
    expect(told).toEqual([
      ['provider-2/seedance-lite', 5, '1080p'],
      ['provider-2/kling-v2.1', 5, '720p', '1080p'],
      ['provider-2/sora-2', 4, '720p', '1080p'],
      ['provider-2/veo-fast', 8, '720p', '1080p'],
      ['provider-2/seedance-pro', 5, '1080p'],
      ['provider-2/sora-2-pro', 5, '720p', '1080p'],
      ['provider-2/veo', 8, '720p', '1080p'],
    ]);
    expect(Math.max(...Object.values(MODELS).map((model) => model.maxDurationSeconds))).toBe(DURATION_SECONDS.max);
  });

  test('make every quality but 480p (A4-05, X18)', () => {
    const made = new Set<string>(Object.values(MODELS).flatMap((model) => model.qualities));
    expect(QUALITIES.filter((quality) => !made.has(quality))).toEqual(['480p']);
  });
});

describe('an answer without its clip', () => {
  test('is read with the nulls that are documented', () => {
    const answer = { created: 1_758_941_485, data: [{ b64_json: null, url: null, revised_prompt: null }] };
    expect(videoAnswer.parse(answer)).toEqual(answer);
  });

  test.each([{}, { data: [] }, { error: { code: 'provider_error' } }])('is not %j', (body) => {
    expect(videoAnswer.safeParse(body).success).toBe(false);
  });
});
