/** Headers of images: genuine files of each kind, and files that lie, break off or are none. */

import { LONGEST_SIDE_PX, readImageHeader } from '../../src/domain/image-header.ts';
import { encodeImage, GIF, makePng } from '../fixtures/images.ts';

const size = { width: 37, height: 21 };

/** A WebP file with one chunk. */
function webp(name: string, hex: string): Buffer {
  const data = Buffer.from(hex, 'hex');
  const head = Buffer.from('RIFF....WEBP....size', 'latin1');
  head.writeUInt32LE(12 + data.length, 4);
  head.write(name, 12, 'latin1');
  head.writeUInt32LE(data.length, 16);
  return Buffer.concat([head, data]);
}

test.each([
  ['image/png', makePng(size)],
  ['image/jpeg', encodeImage('jpeg', size)],
  ['image/webp', encodeImage('webp', size)],
])('type and size of %s are read', (mediaType, bytes) => {
  expect(readImageHeader(bytes)).toEqual({ mediaType, ...size });
});

test('type and size of a GIF are read', () => {
  expect(readImageHeader(GIF)).toEqual({ mediaType: 'image/gif', width: 1, height: 1 });
});

test.each([
  ['with further chunks', webp('VP8X', '10000000240000140000'), size],
  ['without loss', webp('VP8L', '2f24000500'), size],
])('the size of a WebP file %s is read', (_what, bytes, expected) => {
  expect(readImageHeader(bytes)).toEqual({ mediaType: 'image/webp', ...expected });
});

test('bytes inside a larger buffer are read as they stand', () => {
  const png = makePng(size);
  const inside = Buffer.concat([Buffer.alloc(7), png, Buffer.alloc(9)]).subarray(7, 7 + png.length);
  expect(readImageHeader(inside)).toEqual({ mediaType: 'image/png', ...size });
});

test('a JPEG is read past segments of any kind before its frame', () => {
  const jpeg = encodeImage('jpeg', size);
  const comment = Buffer.concat([Buffer.from('fffffe0006', 'hex'), Buffer.from('\xff\xc0hi', 'latin1')]);
  const bytes = Buffer.concat([jpeg.subarray(0, 2), comment, jpeg.subarray(2)]);
  expect(readImageHeader(bytes)).toEqual({ mediaType: 'image/jpeg', ...size });
});

const BOMB = { width: 100_000, height: 100_000 };
const jpegOf = (hex: string) => Buffer.from(`ffd8${hex}`, 'hex');

test.each<[string, Buffer, string]>([
  ['nothing', Buffer.alloc(0), 'is empty'],
  ['text', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'is not a PNG, JPEG, WebP or GIF image'],
  ['sound in the same container as WebP', Buffer.from('RIFF....WAVEfmt ....'), 'is not a PNG'],
  ['a PNG signature alone', makePng().subarray(0, 12), 'is not a PNG'],
  ['a PNG without its end', makePng().subarray(0, -12), 'is cut off'],
  ['a PNG cut in its header', makePng().subarray(0, 20), 'is cut off'],
  [
    'a PNG whose chunk claims more than there is',
    Buffer.concat([makePng().subarray(0, 33), Buffer.from('ffffffff')]),
    'is cut off',
  ],
  ['a JPEG without its end', encodeImage('jpeg').subarray(0, -2), 'is cut off'],
  ['a JPEG cut in its header', encodeImage('jpeg').subarray(0, 30), 'is cut off'],
  ['a JPEG that begins with its scan', jpegOf('ffda0002ffd9'), 'without a size'],
  ['a JPEG of noise', jpegOf('ffe00004000012345678ffd9'), 'is a damaged JPEG'],
  ['a JPEG without lines', jpegOf('ffc0000b080000000101011100ffd9'), 'has no pixels'],
  ['a WebP cut off', encodeImage('webp').subarray(0, -1), 'is cut off'],
  ['a WebP without a picture', webp('ANIM', '00'), 'without a picture'],
  ['a GIF cut in its header', GIF.subarray(0, 9), 'is cut off'],
  ['a GIF without pixels', Buffer.concat([GIF.subarray(0, 6), Buffer.alloc(20)]), 'has no pixels'],
  ['a few bytes that claim a huge picture', makePng({ claim: BOMB }), 'is 100000x100000 pixels large'],
  ['a picture of no width', makePng({ claim: { width: 0, height: 9 } }), 'has no pixels'],
  ['a side one too long', makePng({ claim: { width: LONGEST_SIDE_PX + 1, height: 1 } }), 'a side may have 16384'],
])('%s is refused', (_what, bytes, problem) => {
  expect(() => readImageHeader(bytes)).toThrow(problem);
});

test('the longest side is taken', () => {
  const claim = { width: LONGEST_SIDE_PX, height: LONGEST_SIDE_PX };
  expect(readImageHeader(makePng({ claim }))).toMatchObject(claim);
});
