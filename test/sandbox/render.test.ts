/** Rendering: genuine MP4s of the asked length and shape, the same bytes every time. */

import { renderClip } from '../../src/sandbox/render/clip.ts';
import { ClipRenderer } from '../../src/sandbox/render/clip-renderer.ts';
import { readClip, topLevelBoxes } from './mp4-reader.ts';

const SPEC = {
  prompt: 'A red fox over snowy hills',
  model: 'sandbox-mini',
  seed: '7',
  seconds: 2,
  aspectRatio: '16:9',
};

describe('a rendered clip', () => {
  test('has the asked duration, size and codec', async () => {
    expect(await readClip(await renderClip(SPEC))).toEqual({
      durationSeconds: 2,
      frames: 24,
      codec: 'avc',
      width: 640,
      height: 360,
    });
  });

  test.each([
    ['9:16', 360, 640],
    ['1:1', 360, 360],
    ['4:3', 480, 360],
  ])('in %s is %d by %d pixels', async (aspectRatio, width, height) => {
    expect(await readClip(await renderClip({ ...SPEC, seconds: 1, aspectRatio }))).toMatchObject({ width, height });
  });

  test('has its index before its media data', async () => {
    const boxes = topLevelBoxes(await renderClip({ ...SPEC, seconds: 1 }));
    expect(boxes.indexOf('moov')).toBeGreaterThan(0);
    expect(boxes.indexOf('moov')).toBeLessThan(boxes.indexOf('mdat'));
  });

  test('is the same bytes in every rendering', async () => {
    const first = await renderClip(SPEC);
    jest.useFakeTimers({ now: Date.now() + 86_400_000, doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
    const second = await renderClip(SPEC).finally(() => jest.useRealTimers());
    expect(Buffer.compare(first, second)).toBe(0);
  });

  test('differs with prompt and with seed', async () => {
    const clip = await renderClip({ ...SPEC, seconds: 1 });
    const otherPrompt = await renderClip({ ...SPEC, seconds: 1, prompt: 'A blue whale' });
    const otherSeed = await renderClip({ ...SPEC, seconds: 1, seed: '8' });
    expect(Buffer.compare(clip, otherPrompt)).not.toBe(0);
    expect(Buffer.compare(clip, otherSeed)).not.toBe(0);
  });

  test('leaves no listener for the whole process', async () => {
    await renderClip({ ...SPEC, seconds: 1 });
    expect(process.listeners('unhandledRejection').map(String).join()).not.toContain('abort');
  });
});

describe('the renderer', () => {
  test('shares one rendering among equal specs', async () => {
    const renderer = new ClipRenderer();
    const [first, second] = await Promise.all([renderer.render(SPEC), renderer.render({ ...SPEC })]);
    expect(second).toBe(first);
    expect(await renderer.render(SPEC)).toBe(first);
    await renderer.close();
  });
});
