/** Indexes of MP4s that claim more than there is: each is told before a parser makes room for it. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IndexClaims } from '../../src/archive/mp4-index.ts';
import { probeClip } from '../../src/archive/mp4-probe.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { CLIP_FACTS, inFragments, makeClip } from '../fixtures/make-clip.ts';
import { putObject } from '../media/media-store-contract.ts';

let root: string;
let store: MediaStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-claims-'));
  store = createFileStore(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function probe(bytes: Uint8Array) {
  await putObject(store, 'clip.mp4', bytes);
  return probeClip(store, 'clip.mp4');
}

const MOST = 0xffff_ffff;

/** A box's name is written over, and numbers into what it holds. */
function rewrite(given: Buffer, name: string, { as = name, numbers = {} }: Rewriting): Buffer {
  const clip = Buffer.from(given);
  const at = clip.indexOf(name);
  clip.write(as, at, 'latin1');
  for (const [offset, number] of Object.entries(numbers)) clip.writeUInt32BE(number, at + 4 + Number(offset));
  return clip;
}

interface Rewriting {
  readonly as?: string;
  readonly numbers?: Readonly<Record<number, number>>;
}

/** The pictures of one run are as many as 32 bits say, and are listed since some have offsets. */
async function withListedRun(): Promise<Buffer> {
  const clip = rewrite(await makeClip(), 'stts', { numbers: { 8: MOST } });
  return rewrite(clip, 'stss', { as: 'ctts', numbers: { 4: 1 } });
}

async function behindNameless(): Promise<Buffer> {
  const clip = await withListedRun();
  const firstBytes = clip.readUInt32BE(0);
  return Buffer.concat([
    clip.subarray(0, firstBytes),
    Buffer.from('0000000801020304', 'hex'),
    clip.subarray(firstBytes),
  ]);
}

function box(name: string, sizeBytes: number): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32BE(sizeBytes);
  header.write(name, 4, 'latin1');
  return header;
}

/** Each pair of boxes has the parser read all that follows twice. */
async function doubling(): Promise<Buffer> {
  const pairs = Array.from({ length: 60 }, () => Buffer.concat([box('mdia', 16), box('mdia', 0x7fff_ffff)]));
  const content = Buffer.concat(pairs);
  return Buffer.concat([box('ftyp', 16), Buffer.from('isom\0\0\0\0'), box('moov', 8 + content.length), content]);
}

test.each([
  ['a run of pictures in a list', withListedRun],
  ['the same behind a box without a name', behindNameless],
  ['a run of offsets', async () => rewrite(await makeClip(), 'stsz', { as: 'ctts', numbers: { 4: 1, 8: MOST } })],
  ['sizes of no bits', async () => rewrite(await makeClip(), 'stsz', { as: 'stz2', numbers: { 4: 0, 8: MOST } })],
  ['chunks', async () => rewrite(await makeClip(), 'stsc', { numbers: { 8: MOST } })],
  ['entries', async () => rewrite(await makeClip(), 'stco', { numbers: { 4: MOST } })],
  ['a fragment', async () => rewrite(await inFragments(await makeClip()), 'trun', { numbers: { 0: 0, 4: MOST } })],
  ['boxes that hold each other', doubling],
])('what claims more than any clip holds is not a video: %s', async (_what, make) => {
  await expect(probe(await make())).rejects.toThrow('its index claims more than 2000000 samples');
});

test('fragments are found by their headers, and not by a table at the end', async () => {
  const clip = await inFragments(await makeClip());
  const lookup = Buffer.concat([box('mfra', 24), box('mfro', 16), Buffer.from('0000000000000018', 'hex')]);
  expect(await probe(Buffer.concat([clip, lookup]))).toMatchObject({ codec: CLIP_FACTS.codec });
});

test.each([
  ['plainly', '00000000'],
  ['behind its kind', `00000001${Buffer.from('cenc').toString('hex')}00000000`],
])('samples that are encrypted count as told %s, and what follows them does not', (_how, head) => {
  const isTooMuch = (samples: string) => {
    const content = Buffer.from(`${head}08${samples}`, 'hex');
    const claims = new IndexClaims(1000);
    claims.add(Buffer.concat([box('saiz', 8 + content.length), content, box('saio', 8)]));
    return claims.isTooMuch;
  };
  expect(['0000000a', 'ffffffff'].map(isTooMuch)).toEqual([false, true]);
});
