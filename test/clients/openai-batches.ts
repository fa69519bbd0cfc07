/** Files and batches as both `openai` packages call them, unmodified, against a running Clipyard. */

import { findPython } from './python.ts';
import { joinCallers, type RunningClipyard, runClient } from './running-clipyard.ts';

const NODE = { find: async () => process.execPath, script: 'openai-batches.mjs' };
const PYTHON = { find: findPython, script: 'openai_batches.py' };

/** Declares the tests, which look at one run of each package. */
export function openaiBatches(running: () => RunningClipyard): void {
  describe.each([
    ['Node', NODE],
    ['Python', PYTHON],
  ])('for %s', (_name, { find, script }) => {
    // biome-ignore lint/suspicious/noExplicitAny: what a program printed
    let found: any;

    beforeAll(async () => {
      const { key } = await joinCallers(running());
      found = await runClient(await find(), [script], { ...running().input, key });
    }, 400_000);

    test('a file is uploaded, whichever of its fields comes first, and is processed at once', () => {
      expect(found.file).toMatchObject({
        object: 'file',
        purpose: 'batch',
        filename: 'clips.jsonl',
        status: 'processed',
      });
      expect(found.processed.id).toBe(found.file.id);
    });

    test('a video of its own starts from a file as well (OV-10)', async () => {
      expect(found.single).toMatchObject({ object: 'video', prompt: 'from a file' });
      const fromFile = async () => (await running().requests()).find(({ prompt }) => prompt === 'from a file');
      while ((await fromFile()) === undefined) await new Promise((resolve) => setTimeout(resolve, 100));
      expect(await fromFile()).toMatchObject({ mode: 'image' });
    });

    test('a batch ends with each line in its output file', () => {
      expect(found.created).toMatchObject({ object: 'batch', endpoint: '/v1/videos', metadata: { film: 'foxes' } });
      expect(found.ended).toMatchObject({ status: 'completed', request_counts: { total: 3, completed: 3, failed: 0 } });
      expect(found.ended.error_file_id ?? null).toBeNull();
      // biome-ignore lint/suspicious/noExplicitAny: what a program printed
      expect(found.output.map(({ custom_id: id }: any) => id).sort()).toEqual(['one', 'three', 'two']);
      expect(found.output[0]).toMatchObject({
        response: { status_code: 200, body: { object: 'video', status: 'completed', url: expect.any(String) } },
        error: null,
      });
    });

    test('the same create once more is the same batch', () => {
      expect(found.isRepeat).toBe(true);
    });

    test('a bad line fails the whole batch, each named by its line', () => {
      expect(found.bad).toMatchObject({ status: 'failed', request_counts: { completed: 0 } });
      expect(found.bad.errors.data).toMatchObject([
        { line: 2, code: 'duplicate_custom_id' },
        { line: 3, code: 'invalid_url' },
        { line: 4, code: 'invalid_json' },
      ]);
    });

    test('where it is asked for the good lines run and the bad ones stand in the error file', () => {
      expect(found.lenient).toMatchObject({
        status: 'completed',
        request_counts: { total: 2, completed: 1, failed: 1 },
      });
      expect(found.errors).toMatchObject([{ response: null, error: { code: 'invalid_line' } }]);
    });

    test('a batch is cancelled, and what never began stands in its error file', () => {
      expect(['cancelling', 'cancelled']).toContain(found.cancelling.status);
      expect(found.cancelled.status).toBe('cancelled');
      expect(found.cancelledErrors).toBe(found.cancelled.request_counts.failed);
      expect(found.cancelled.request_counts.total).toBe(40);
    });

    test('lists go through all pages, and a deleted file is gone', () => {
      expect(found.listed).toHaveLength(4);
      expect(found.files).toHaveLength(4);
      expect(found.deleted).toEqual({ id: found.file.id, object: 'file', deleted: true });
      expect(found.gone).toEqual({ status: 404, code: 'not_found' });
    });
  });
}
