/** The documented examples of `/v1/videos`, its bounds and its sizes, held against the transcription. */

import { frameOf, KNOWN_SIZES, sizeOf } from '../../src/domain/frame.ts';
import { createBody, DEFAULT_FRAME, video } from '../../src/wire/openai/videos.ts';

const EXAMPLE = {
  model: 'video-model-id',
  prompt: 'A cinematic drone shot over a misty lake at sunrise',
  size: '1280x720',
  seconds: 8,
};

describe('the create body', () => {
  test('takes the documented example as it stands', () => {
    expect(createBody.parse(EXAMPLE)).toEqual(EXAMPLE);
  });

  test('reads seconds the same as text', () => {
    expect(createBody.parse({ ...EXAMPLE, seconds: '8' })).toEqual(EXAMPLE);
  });

  test.each<[string, object, string]>([
    ['no model', { model: undefined }, 'model'],
    ['no prompt', { prompt: undefined }, 'prompt'],
    ['an empty prompt', { prompt: '' }, 'prompt'],
    ['part of a second', { seconds: 2.5 }, 'seconds'],
    ['part of a second as text', { seconds: '2.5' }, 'seconds'],
    ['no seconds at all', { seconds: '0' }, 'seconds'],
    ['seconds before zero', { seconds: -4 }, 'seconds'],
    ['a size in words', { size: 'large' }, 'size'],
    ['a size of nothing', { size: '0x720' }, 'size'],
    ['two names of an image', { input_reference: { image_url: 'x', file_id: 'y' } }, 'input_reference'],
    ['no name of an image', { input_reference: {} }, 'input_reference'],
  ])('refuses %s', (_what, overrides, path) => {
    const read = createBody.safeParse({ ...EXAMPLE, ...overrides });
    expect(read.error?.issues[0]?.path).toEqual([path]);
  });

  test.each([true, false, 'true', 'false', null])('takes the flag stream %p', (stream) => {
    expect(createBody.safeParse({ ...EXAMPLE, stream }).success).toBe(true);
  });
});

describe('sizes', () => {
  test.each(KNOWN_SIZES)('%s is read back from its frame', (size) => {
    const frame = frameOf(size);
    expect(frame && sizeOf(frame)).toBe(size);
  });

  test.each(KNOWN_SIZES)('%s has the shape of its ratio', (size) => {
    const [width = 0, height = 0] = size.split('x').map(Number);
    const [across = 0, down = 0] = frameOf(size)?.aspectRatio.split(':').map(Number) ?? [];
    // 854 is the even number next to the exact width.
    expect(Math.abs(width / height - across / down)).toBeLessThan(0.002);
    expect([width % 2, height % 2]).toEqual([0, 0]);
  });

  test('of OpenAI are all known', () => {
    const sizes = ['720x1280', '1280x720', '1024x1792', '1792x1024'];
    expect(sizes.filter((size) => frameOf(size) === undefined)).toEqual([]);
    expect(sizeOf(DEFAULT_FRAME)).toBe('720x1280');
  });

  test('outside of the table mean nothing', () => {
    expect(frameOf('1x1')).toBeUndefined();
    expect(sizeOf({ aspectRatio: '16:9', quality: 'constructor' })).toBeUndefined();
  });
});

test('the documented answer is read as it stands', () => {
  const answer = {
    id: 'video_abc123',
    object: 'video',
    created_at: 1_758_941_485,
    status: 'queued',
    model: 'video-model-id',
    progress: 0,
    seconds: '8',
    size: '1280x720',
  };
  expect(video.parse(answer)).toEqual(answer);
});
