/** What another team's workflow hands in as a request, by what is wrong with it. */

import { checkGivenRequest, draftOfGiven } from '../../src/domain/given-request.ts';

const LEAST = { model: 'sandbox-mini', prompt: 'a door opens' };
const SHA256 = 'a'.repeat(64);
const stored = { kind: 'stored', sha256: SHA256, mediaType: 'image/png', sizeBytes: 9 };

function problemOf(request: unknown): string | null {
  try {
    checkGivenRequest(request);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test.each([
  ['no request', undefined, 'there is no request'],
  ['a text', 'a door', 'there is no request'],
  ['a list', [LEAST], 'there is no request'],
  ['no model', { prompt: 'a door' }, 'model and prompt are needed'],
  ['no prompt', { model: 'sandbox-mini' }, 'model and prompt are needed'],
  ['an empty prompt', { ...LEAST, prompt: '' }, 'prompt is no text'],
  ['a model that is an object', { ...LEAST, model: {} }, 'model is no text'],
  ['an unknown mode', { ...LEAST, mode: 'loud' }, 'mode is none of text, image, reference'],
  ['seconds as a text', { ...LEAST, durationSeconds: '4' }, 'durationSeconds is no whole number'],
  ['a ratio that is a number', { ...LEAST, aspectRatio: 1.5 }, 'aspectRatio is no text'],
  ['a quality that is an object', { ...LEAST, quality: {} }, 'quality is no text'],
  ['forwarded keys that are a list', { ...LEAST, extra: [] }, 'extra is no object'],
  ['a remix of a number', { ...LEAST, remixOf: 5 }, 'remixOf is no text'],
  ['an image too many for its mode', { ...LEAST, images: [stored] }, 'mode text takes 0 images, not 1'],
  ['no image where one is animated', { ...LEAST, mode: 'image' }, 'mode image takes 1 images, not 0'],
  ['a NUL in what is forwarded', { ...LEAST, extra: { a: ['\0'] } }, 'a text holds a NUL or half of a surrogate pair'],
])('refused: %s', (_name, request, problem) => {
  expect(problemOf(request)).toBe(problem);
});

test.each([
  ['nothing', null],
  ['a bare URL', 'https://a.example/1.png'],
  ['a file', { kind: 'url', url: 'file:///etc/passwd' }],
  ['a URL without a host', { kind: 'url', url: 'https://' }],
  ['a place outside the store', { kind: 'stored', sha256: '../../secret.key' }],
  ['a kind of its own', { kind: 'bytes', bytes: 'abcd' }],
])('refused as an image: %s', (_name, image) => {
  expect(problemOf({ ...LEAST, mode: 'image', images: [image] })).toMatch(/^images are no list/);
});

test('what is larger than a request may be is refused as that', () => {
  expect(() => checkGivenRequest({ ...LEAST, prompt: 'x'.repeat(40_000) })).toThrow(
    expect.objectContaining({ kind: 'too_large' }),
  );
});

test.each([
  ['the least', LEAST],
  ['null for what is left out', { ...LEAST, images: null, extra: null, aspectRatio: null, durationSeconds: null }],
  ['an image at a URL', { ...LEAST, mode: 'image', images: [{ kind: 'url', url: 'https://a.example/1.png' }] }],
  ['stored images', { ...LEAST, mode: 'reference', images: [stored, stored] }],
])('taken: %s', (_name, request) => {
  checkGivenRequest(request);
  expect(draftOfGiven(request)).toMatchObject({ model: LEAST.model, prompt: LEAST.prompt });
});
