/** infrai's documented examples and bounds, held against the transcription. */

import { generateBody, INFRAI_PATHS, setRetentionBody, videoJob } from '../../src/wire/infrai.ts';

describe('the body of generate', () => {
  test('takes the documented example as it stands', () => {
    const example = {
      prompt: 'a timelapse of a city skyline at dusk',
      prefer: 'balanced',
      resolution: '1080p',
      duration_seconds: 5,
      aspect_ratio: '16:9',
    };
    expect(generateBody.parse(example)).toEqual(example);
  });

  test('takes fractions, nulls and unknown keys', () => {
    const body = { prompt: 'x', duration_seconds: 2.5, aspect: null, resolution: null, seed: { deep: [1] } };
    expect(generateBody.parse(body)).toEqual(body);
  });

  test.each<[string, object, string]>([
    ['no prompt', {}, 'prompt'],
    ['an empty prompt', { prompt: '' }, 'prompt'],
    ['480p', { resolution: '480p' }, 'resolution'],
    ['4:3', { aspect: '4:3' }, 'aspect'],
    ['4:3 by the other name', { aspect_ratio: '4:3' }, 'aspect_ratio'],
    ['an unknown preference', { prefer: 'fastest' }, 'prefer'],
    ['no seconds', { duration_seconds: 0 }, 'duration_seconds'],
    ['seconds as text', { duration_seconds: '5' }, 'duration_seconds'],
    ['both names that differ', { aspect: '1:1', aspect_ratio: '16:9' }, 'aspect'],
  ])('refuses %s', (what, body, path) => {
    const read = generateBody.safeParse(what === 'no prompt' ? body : { prompt: 'x', ...body });
    expect(read.error?.issues[0]?.path).toEqual([path]);
  });

  test('takes both names that agree', () => {
    expect(generateBody.safeParse({ prompt: 'x', aspect: '1:1', aspect_ratio: '1:1' }).success).toBe(true);
  });
});

describe('a retention', () => {
  test.each([1, 7, 90])('of %p days is taken', (days) => {
    expect(setRetentionBody.safeParse({ job_id: '...', days }).success).toBe(true);
  });

  test.each([0, -1, 1.5, 91, '7', null, undefined])('of %p days is refused', (days) => {
    expect(setRetentionBody.safeParse({ days }).error?.issues[0]?.path).toEqual(['days']);
  });
});

describe('a job', () => {
  test.each([undefined, null, 'text', { code: 'x' }, { message: 'y' }, [1], 7])(
    'is read with the error %p',
    (error) => {
      expect(videoJob.safeParse({ job_id: 'job-1', state: 'failed', error }).success).toBe(true);
    },
  );
});

test('all ten documented capabilities have their path', () => {
  expect(Object.values(INFRAI_PATHS)).toHaveLength(10);
});
