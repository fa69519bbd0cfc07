/** `@tanstack/ai` with `@tanstack/ai-openai`, unmodified, against a running Clipyard. */

import { type RunningClipyard, runClient } from './running-clipyard.ts';

/** Declares the tests; all of them look at one run. */
export function tanstack(running: () => RunningClipyard): void {
  // biome-ignore lint/suspicious/noExplicitAny: what a program printed
  let found: any;

  beforeAll(async () => {
    const { join, input } = running();
    found = await runClient(process.execPath, ['tanstack.mjs'], { ...input, key: await join({ creditMicroUsd: 1e9 }) });
  }, 150_000);

  test('generateVideo starts a job that is polled to its link (OV-01, OV-22)', () => {
    expect(found.job).toMatchObject({ jobId: expect.stringMatching(/^video_/), model: 'sora-2' });
    expect(found.ended).toMatchObject({ status: 'completed', progress: 100, url: expect.stringMatching(/^http/) });
    const words = ['pending', 'processing', 'completed'];
    expect(found.ended.seen).toEqual(words.filter((word) => found.ended.seen.includes(word)));
  });

  test('the link is ours and leads to the clip without a key (OV-24)', () => {
    expect(found.ended.url.startsWith(`${running().url}/media/`)).toBe(true);
    expect(found.clip).toEqual({ status: 200, type: 'video/mp4', head: expect.stringMatching(/ftyp/) });
  });

  test('an image in the prompt reaches the upstream (OV-10)', async () => {
    expect(found.imageEnded).toMatchObject({ status: 'completed' });
    const sent = (await running().requests()).filter(({ prompt }) => prompt === 'tanstack with an image');
    expect(sent).toEqual([expect.objectContaining({ mode: 'image' })]);
  });

  test('a streamed job runs to its end (OV-01, OV-22)', () => {
    expect(found.streamed.at(0)).toBe('RUN_STARTED');
    expect(found.streamed).toContain('generation:result');
    expect(found.streamed.at(-1)).toBe('RUN_FINISHED');
  });

  test('what is refused is told (OV-04, OV-23)', () => {
    expect(found.unknown).toMatchObject({ status: 'failed', error: 'Job not found' });
    expect(found.key).toMatchObject({ status: 401, code: 'invalid_api_key' });
  });
}
