/** Clips whose pictures cannot be decoded: refused where ffmpeg shows it, and only there. */

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BufferTarget, EncodedPacket, EncodedVideoPacketSource, Mp4OutputFormat, Output } from 'mediabunny';
import { findBrokenPictures, PROOFS } from '../../src/archive/broken-pictures.ts';
import { findFfmpeg } from '../../src/archive/ffmpeg.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import type { ByteRange, MediaStore } from '../../src/media/media-store.ts';
import { inFragments, makeClip, makeClipWithIndexLast, spoil } from '../fixtures/make-clip.ts';
import { putObject } from '../media/media-store-contract.ts';

const clipKey = 'v/clip.mp4';
let root: string;
let store: MediaStore;
let ffmpeg: string | null;

beforeAll(async () => {
  ffmpeg = await findFfmpeg();
});
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-broken-'));
  store = createFileStore(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** What ffmpeg says of the clip; where there is none, what is expected. */
async function judge(clip: Uint8Array, expected: RegExp | null): Promise<void> {
  await putObject(store, clipKey, clip);
  if (ffmpeg === null) return;
  const problem = await findBrokenPictures(ffmpeg, { store, clipKey });
  if (expected === null) expect(problem).toBeNull();
  else expect(problem).toMatch(expected);
}

/** The same in each run: of random bytes some mean to a decoder that a picture is shown again. */
function noise(sizeBytes: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(sizeBytes / 64) }, (_, n) =>
    createHash('sha512').update(`noise ${n}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, sizeBytes);
}

test.each([
  ['with its index first', makeClip],
  ['with its index last', makeClipWithIndexLast],
  ['in fragments', async () => inFragments(await makeClip())],
  ['before a multipart end', async () => Buffer.concat([await makeClip(), Buffer.from('\r\n--boundary--\r\n')])],
])('a clip %s is whole', async (_what, make) => {
  await judge(await make(), null);
});

test.each([
  ['all of its pictures', 0, 1, /^only 0 of its first 16 pictures/],
  ['its second half', 0.5, 1, /^only \d of its first 16 pictures/],
])('a clip with noise in the place of %s is broken', async (_what, from, to, problem) => {
  await judge(spoil(await makeClip(), { from, to }, noise), problem);
  await judge(spoil(await makeClipWithIndexLast(), { from, to }, noise), problem);
});

test('a clip with one spoilt picture still plays', async () => {
  await judge(spoil(await makeClip(), { from: 0.92, to: 0.93 }, noise), null);
});

/** A clip of these pictures, one a second, in the coding of a proof. */
async function makeOf(codec: keyof typeof PROOFS, pictures: readonly Uint8Array[]): Promise<Buffer> {
  const proof = PROOFS[codec];
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: 'in-memory' }), target });
  const source = new EncodedVideoPacketSource(codec);
  output.addVideoTrack(source);
  await output.start();
  const description = proof?.description && Buffer.from(proof.description, 'hex');
  const decoderConfig = {
    codec: proof?.codec ?? '',
    codedWidth: 64,
    codedHeight: 64,
    ...(description && { description }),
  };
  for (const [second, bytes] of pictures.entries())
    await source.add(new EncodedPacket(bytes, 'key', second, 1), { decoderConfig });
  await output.finalize();
  return Buffer.from(target.buffer ?? new ArrayBuffer(0));
}

describe.each(['avc', 'hevc', 'vp9', 'av1'] as const)('a clip in %s', (codec) => {
  const picture = Buffer.from(PROOFS[codec]?.picture ?? '', 'hex');

  test('is whole with all of its pictures', async () => {
    await judge(await makeOf(codec, [picture, picture, picture, picture]), null);
  });

  test('is broken with none of them', async () => {
    await judge(await makeOf(codec, [noise(200), noise(200), noise(200), noise(200)]), /^only 0 of its first 4/);
  });

  test('is broken with one of them', async () => {
    await judge(await makeOf(codec, [picture, noise(200), noise(200), noise(200)]), /^only [01] of its first 4/);
  });
});

test.each(['/bin/false', '/bin/echo', '/usr/bin/yes'])(
  '%s in ffmpeg’s place says nothing of a clip',
  async (program) => {
    await putObject(store, clipKey, spoil(await makeClip(), { from: 0, to: 1 }, noise));
    expect(await findBrokenPictures(program, { store, clipKey })).toBeNull();
  },
);

test('an error of the store is no verdict on the clip', async () => {
  if (ffmpeg === null) return;
  const clip = await makeClip();
  await putObject(store, clipKey, clip);
  const failing: MediaStore = Object.assign(Object.create(store), {
    sizeBytes: (key: string) => store.sizeBytes(key),
    read: async (key: string, range?: ByteRange) => {
      if ((range?.start ?? 0) > clip.length / 10) throw new Error('the disk is away');
      return store.read(key, range);
    },
  });
  await expect(findBrokenPictures(ffmpeg, { store: failing, clipKey })).rejects.toThrow('the disk is away');
});
