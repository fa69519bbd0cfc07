/** The `openai` package for Node, unmodified, against a running Clipyard: every video method and error class. */

import { joinCallers, type RunningClipyard, runClient } from './running-clipyard.ts';

const ID = expect.stringMatching(/^video_[0-9a-f-]{36}$/);
const MP4 = { type: 'video/mp4', sizeBytes: expect.any(Number), head: expect.stringMatching(/ftyp/) };

/** A video as the package's `Video` has it. */
const shown = (more: object) => ({
  id: ID,
  object: 'video',
  model: 'sandbox-mini',
  created_at: expect.any(Number),
  expires_at: expect.any(Number),
  error: null,
  prompt: 'a red fox',
  remixed_from_video_id: null,
  seconds: '1',
  size: '1280x720',
  ...more,
});
const CREATED = { status: 'queued', progress: 0, completed_at: null };
const COMPLETED = { status: 'completed', progress: 100, completed_at: expect.any(Number), url: expect.any(String) };

/** An error as the package's classes show it. */
const refused = (name: string, status: number, code: string, param: string | null = null) =>
  expect.objectContaining({ name, status, code, param, hasRequestId: true });
const bad = (code: string, param: string | null = null) => refused('BadRequestError', 400, code, param);
const NOT_FOUND = refused('NotFoundError', 404, 'not_found');

/** Declares the tests; all of them look at one run. */
export function openaiNode(running: () => RunningClipyard): void {
  // biome-ignore lint/suspicious/noExplicitAny: what a program printed
  let found: any;

  beforeAll(async () => {
    const { input } = running();
    const callers = await joinCallers(running());
    found = await runClient(process.execPath, ['openai-node.mjs'], { ...input, ...callers });
  }, 150_000);

  test('create answers a queued video, with and without an image (OV-01, OV-03, OV-10, OV-14 to OV-21)', () => {
    expect(found.created).toEqual({
      text: shown(CREATED),
      withFile: shown(CREATED),
      withDataUrl: shown(CREATED),
    });
  });

  test('retrieve follows it to its end (OV-17, OV-22)', () => {
    expect(found.ended.video).toEqual(shown({ ...COMPLETED, id: found.created.text.id }));
    expect(found.withImage.video).toEqual(shown({ ...COMPLETED, id: found.created.withFile.id }));
    const words = ['queued', 'in_progress', 'completed'];
    expect(found.ended.seen).toEqual(words.filter((word) => found.ended.seen.includes(word)));
  });

  test('the upstream was sent the image of a form and of a nested field (OV-10)', async () => {
    const modes = (await running().requests()).map(({ prompt, mode }) => prompt === 'a red fox' && mode);
    expect(modes.filter((mode) => mode === 'image').length).toBeGreaterThanOrEqual(2);
  });

  test('images that cannot be had are refused by name (OV-10, OV-23)', () => {
    expect(found.refusedImages).toEqual({
      privateUrl: expect.objectContaining({ name: 'BadRequestError', status: 400, code: 'invalid_request' }),
      fileId: bad('invalid_request', 'input_reference.file_id'),
      notAnImage: expect.objectContaining({ name: 'BadRequestError', status: 400, param: 'input_reference' }),
    });
  });

  test('downloadContent gives the clip, its poster and its sprite sheet (OV-24)', () => {
    expect(found.contents).toMatchObject({
      byDefault: MP4,
      video: MP4,
      thumbnail: { type: 'image/jpeg' },
      spritesheet: { type: 'image/jpeg' },
      unknown: bad('invalid_request', 'variant'),
    });
    expect(found.contents.byDefault).toEqual(found.contents.video);
  });

  test('remix makes a new video of the same settings (OV-24)', () => {
    const more = { prompt: 'at night', remixed_from_video_id: found.created.withFile.id };
    expect(found.remix).toEqual(shown({ ...CREATED, ...more }));
    expect(found.remixed.video).toEqual(shown({ ...COMPLETED, ...more, id: found.remix.id }));
  });

  test('list pages through all videos in both orders (OV-24)', () => {
    const { text, withFile, withDataUrl } = found.created;
    const newestFirst = [found.remix.id, withDataUrl.id, withFile.id, text.id];
    const { all, inPages, oldestFirst, afterFirst, page } = found.listed;
    expect(all).toEqual(newestFirst);
    expect(inPages).toEqual(newestFirst);
    expect(oldestFirst).toEqual(newestFirst.toReversed());
    expect(afterFirst).toEqual(newestFirst.slice(1));
    expect(page).toEqual({ ids: newestFirst.slice(0, 2), hasNext: true });
  });

  test('list refuses what it does not know (OV-24)', () => {
    expect(found.listed.refused).toEqual({
      limit: bad('invalid_request', 'limit'),
      after: bad('invalid_request', 'after'),
      order: bad('invalid_request', 'order'),
    });
  });

  test('edit, extend and characters are said to be not supported (OV-24)', () => {
    expect(found.unsupported).toEqual(Array(5).fill(bad('not_supported')));
  });

  test('delete takes ended videos only, and for good (OV-24, X9)', () => {
    expect(found.deletes).toEqual({
      early: {
        delete: refused('ConflictError', 409, 'conflict'),
        content: refused('ConflictError', 409, 'not_ready'),
      },
      endedStatus: 'completed',
      deleted: { id: found.created.text.id, object: 'video.deleted', deleted: true },
      retrieve: NOT_FOUND,
      again: NOT_FOUND,
      remix: NOT_FOUND,
    });
  });

  test('each refusal has its class, code and parameter (OV-04, OV-06, OV-07, OV-23, X22)', () => {
    const { isSame: _isSame, ...errors } = found.errors;
    expect(errors).toEqual({
      key: refused('AuthenticationError', 401, 'invalid_api_key'),
      model: bad('model_not_found', 'model'),
      noModel: bad('invalid_request', 'model'),
      noPrompt: bad('invalid_request', 'prompt'),
      seconds: bad('invalid_request', 'seconds'),
      size: bad('invalid_request', 'size'),
      credit: refused('APIError', 402, 'insufficient_credit'),
      foreign: refused('PermissionDeniedError', 403, 'forbidden', 'model'),
      unknown: NOT_FOUND,
      othersVideo: NOT_FOUND,
      mismatch: refused('UnprocessableEntityError', 422, 'idempotency_mismatch'),
      limit: refused('RateLimitError', 429, 'concurrency_limit_exceeded'),
    });
    expect(found.errors.seconds.message).not.toContain('duration_seconds');
  });

  test('the same create under the same key is the same video', () => {
    expect(found.errors.isSame).toBe(true);
  });

  test('models are listed and shown', () => {
    expect(found.models).toEqual(expect.arrayContaining(['sandbox-mini', 'sora-2']));
    expect(found.model).toEqual({ id: 'sandbox-mini', object: 'model', created: 0, owned_by: 'clipyard' });
    expect(found.noModel).toEqual(refused('NotFoundError', 404, 'model_not_found', 'model'));
  });
}
