/** The `openai` package for Python, unmodified, against a running Clipyard. */

import { findPython } from './python.ts';
import { joinCallers, type RunningClipyard, runClient } from './running-clipyard.ts';

const COMPLETED = { object: 'video', status: 'completed', progress: 100, seconds: '1', size: '1280x720', error: null };
const MP4 = { type: 'video/mp4', head: expect.stringMatching(/ftyp/) };

/** An error as the package's classes show it. */
const refused = (name: string, status: number, code: string, param: string | null = null) =>
  expect.objectContaining({ name, status, code, param, hasRequestId: true });
const bad = (code: string, param: string | null = null) => refused('BadRequestError', 400, code, param);

/** Declares the tests; all of them look at one run. */
export function openaiPython(running: () => RunningClipyard): void {
  // biome-ignore lint/suspicious/noExplicitAny: what a program printed
  let found: any;

  beforeAll(async () => {
    const { input } = running();
    const callers = await joinCallers(running());
    found = await runClient(await findPython(), ['openai_python.py'], { ...input, ...callers });
  }, 400_000);

  test('create_and_poll and poll end with the completed video (OV-01, OV-10, OV-22)', () => {
    expect(found.created).toMatchObject({ status: 'queued', progress: 0, completed_at: null });
    expect(found.polled).toMatchObject(COMPLETED);
    expect(found.followed).toMatchObject({ ...COMPLETED, id: found.created.id });
  });

  test('poll is told how long to wait (OV-22)', () => {
    expect(found.pollAfterMs).toBe('5000');
    expect(found.hinted).toMatchObject(COMPLETED);
  });

  test('download_content gives the clip, its poster and its sprite sheet (OV-24)', () => {
    const picture = { type: 'image/jpeg' };
    expect(found.contents).toMatchObject({ byDefault: MP4, video: MP4, thumbnail: picture, spritesheet: picture });
  });

  test('remix makes a new video (OV-24)', () => {
    expect(found.remix).toMatchObject({ prompt: 'at night', remixed_from_video_id: found.polled.id, status: 'queued' });
  });

  test('list pages through all videos in both orders (OV-24)', () => {
    const { newestFirst, oldestFirst } = found.listed;
    expect(newestFirst).toHaveLength(5);
    expect(newestFirst.toReversed()).toEqual(oldestFirst);
    expect(oldestFirst.slice(0, 3)).toEqual([found.created.id, found.polled.id, found.hinted.id]);
  });

  test('delete takes ended videos only (OV-24, X9)', () => {
    expect(found.early).toEqual({
      delete: refused('ConflictError', 409, 'conflict'),
      content: refused('ConflictError', 409, 'not_ready'),
    });
    expect(found.deleted).toEqual({ id: found.polled.id, object: 'video.deleted', deleted: true });
  });

  test('edit, extend and characters are said to be not supported (OV-24)', () => {
    expect(found.unsupported).toEqual(Array(4).fill(bad('not_supported')));
  });

  test('each refusal has its class, code and parameter (OV-04, OV-06, OV-23, X22)', () => {
    expect(found.errors).toEqual({
      key: refused('AuthenticationError', 401, 'invalid_api_key'),
      model: bad('model_not_found', 'model'),
      noModel: bad('invalid_request', 'model'),
      credit: refused('APIStatusError', 402, 'insufficient_credit'),
      foreign: refused('PermissionDeniedError', 403, 'forbidden', 'model'),
      unknown: refused('NotFoundError', 404, 'not_found'),
      deleted: refused('NotFoundError', 404, 'not_found'),
      after: bad('invalid_request', 'after'),
      mismatch: refused('UnprocessableEntityError', 422, 'idempotency_mismatch'),
      limit: refused('RateLimitError', 429, 'concurrency_limit_exceeded'),
    });
    expect(found.isSame).toBe(true);
  });

  test('the asynchronous client does the same (OV-01, OV-24)', () => {
    expect(found.async).toMatchObject({ status: 'completed', ids: expect.arrayContaining([found.async.id]) });
  });
}
