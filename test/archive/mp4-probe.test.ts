/** Reading MP4s back: what they show, and everything that is none. */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NotAVideo } from '../../src/archive/mp4-boxes.ts';
import { probeClip } from '../../src/archive/mp4-probe.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import type { ByteRange, MediaStore } from '../../src/media/media-store.ts';
import { CLIP_FACTS, inFragments, makeClip, makeClipWithIndexLast, spoil } from '../fixtures/make-clip.ts';
import { putObject } from '../media/media-store-contract.ts';

let root: string;
let store: MediaStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-probe-'));
  store = createFileStore(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function probe(bytes: Uint8Array) {
  await putObject(store, 'clip.mp4', bytes);
  return probeClip(store, 'clip.mp4');
}

test('a clip shows its length, size and codec', async () => {
  expect(await probe(await makeClip())).toEqual(CLIP_FACTS);
});

test('a clip with its index last is read as well', async () => {
  expect(await probe(await makeClipWithIndexLast())).toEqual(CLIP_FACTS);
});

test('padding after the last box does no harm', async () => {
  expect(await probe(Buffer.concat([await makeClip(), Buffer.alloc(100)]))).toEqual(CLIP_FACTS);
});

const withTail = (tail: Uint8Array | string) => async (make: () => Promise<Buffer>) =>
  Buffer.concat([await make(), Buffer.from(tail)]);
const cutBox = Buffer.from('00100000667265650102', 'hex');

test.each([
  ['the end of a multipart answer', withTail('\r\n--boundary--\r\n')],
  ['a line break', withTail('\n')],
  ['a page', withTail('<html><body>Thank you for waiting</body></html>')],
  ['noise', withTail(randomBytes(5000))],
  ['a filler box that is cut', withTail(cutBox)],
  ['a long row of small numbers', withTail(Buffer.from('00000002'.repeat(110_000), 'hex'))],
  ['a box of no known kind', withTail(Buffer.from('0000000c7a7a7a7a01020304', 'hex'))],
])('%s after the last box does no harm', async (_what, make) => {
  expect(await probe(await make(makeClip))).toEqual(CLIP_FACTS);
  expect(await probe(await make(makeClipWithIndexLast))).toEqual(CLIP_FACTS);
});

test.each([
  ['is all zeros', 0, 1],
  ['was filled to its half', 0.5, 1],
  ['lacks its last tenth', 0.9, 1],
  ['lacks a fifth in its middle', 0.5, 0.7],
])('a clip whose film %s is not a video', async (_what, from, to) => {
  for (const make of [makeClip, makeClipWithIndexLast]) {
    const clip = spoil(await make(), { from, to }, (size) => Buffer.alloc(size));
    await expect(probe(clip)).rejects.toThrow('there is nothing in one of its pictures');
  }
});

test('a clip in fragments that ends within one is not a video', async () => {
  const clip = await inFragments(await makeClip());
  expect(await probe(clip)).toMatchObject({ codec: CLIP_FACTS.codec });
  const header = clip.lastIndexOf('moof') - 4;
  await expect(probe(clip.subarray(0, header + 40))).rejects.toThrow('it is cut');
  await expect(probe(clip.subarray(0, clip.lastIndexOf('mdat') + 2000))).rejects.toThrow('it is cut');
});

test.each([
  ['an empty file', Buffer.alloc(0), 'it has 0 bytes'],
  ['HTML', Buffer.from('<!DOCTYPE html><title>Not found</title>'), 'as HTML'],
  ['JSON', Buffer.from('{"error":"expired"}'), 'as JSON'],
  ['text', Buffer.from('not yet'), 'as text'],
  ['three bytes', Buffer.from('000102', 'hex'), 'it has 3 bytes'],
  ['noise', Buffer.alloc(5000, 0xab), 'with the bytes abababababababab'],
  ['a box header and nothing else', Buffer.from('00000008667479706d703432', 'hex').subarray(0, 8), 'cannot be read'],
])('%s is not a video', async (_what, bytes, message) => {
  const failure = await probe(bytes).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(NotAVideo);
  expect(String(failure)).toContain(message);
});

test.each([0.05, 0.4, 0.99])('a clip cut at %f of its length is not a video', async (share) => {
  const clip = await makeClip();
  await expect(probe(clip.subarray(0, Math.floor(clip.length * share)))).rejects.toThrow(NotAVideo);
});

test('a clip cut before the index at its end is not a video', async () => {
  const clip = await makeClipWithIndexLast();
  await expect(probe(clip.subarray(0, clip.indexOf('moov') - 4))).rejects.toThrow(NotAVideo);
});

test('a cut clip whose boxes hide it is not a video', async () => {
  const clip = Buffer.from(await makeClip());
  // A size of zero says that the box goes on to the end of the file, wherever that is.
  clip.writeUInt32BE(0, clip.indexOf('mdat') - 4);
  await expect(probe(clip.subarray(0, clip.length - 100))).rejects.toThrow('its last picture is missing');
});

test('sound alone is not a video', async () => {
  const clip = Buffer.from(await makeClip());
  clip.write('soun', clip.indexOf('vide'));
  await expect(probe(clip)).rejects.toThrow(NotAVideo);
});

test('an error of the store is no verdict on the clip', async () => {
  await putObject(store, 'clip.mp4', await makeClip());
  const failing: MediaStore = Object.assign(Object.create(store), {
    sizeBytes: (key: string) => store.sizeBytes(key),
    read: async (key: string, range?: ByteRange) => {
      if ((range?.end ?? 0) > 5000) throw new Error('the disk is away');
      return store.read(key, range);
    },
  });
  await expect(probeClip(failing, 'clip.mp4')).rejects.toThrow('the disk is away');
});

test('a clip is read in pieces, never as a whole', async () => {
  const clip = await makeClip();
  const filler = Buffer.alloc(32 * 1024 * 1024);
  filler.writeUInt32BE(filler.length, 0);
  filler.write('free', 4);
  await putObject(store, 'clip.mp4', Buffer.concat([clip, filler]));
  let readBytes = 0;
  const counting: MediaStore = Object.assign(Object.create(store), {
    sizeBytes: (key: string) => store.sizeBytes(key),
    read: async (key: string, range: ByteRange) => {
      readBytes += range.end - range.start + 1;
      return store.read(key, range);
    },
  });
  expect(await probeClip(counting, 'clip.mp4')).toEqual(CLIP_FACTS);
  expect(readBytes).toBeLessThan(2 * clip.length);
});
