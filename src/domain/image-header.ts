/** What an image says of itself in its first bytes: its kind and its size, read without decoding anything. */

/** What is known of an image. */
export interface ImageHeader {
  readonly mediaType: string;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

/** Bytes that cannot be used as an image; the message completes "the image …". */
export class UnusableImage extends Error {
  constructor(problem: string) {
    super(problem);
    this.name = 'UnusableImage';
  }
}

/** A few bytes can claim a size that fills the memory of their decoder; no model takes more than this. */
export const LONGEST_SIDE_PX = 16_384;

type Size = Pick<ImageHeader, 'width' | 'height'>;

interface Format {
  readonly mediaType: string;
  /** Which bytes stand where, in all files of the kind. */
  readonly signature: readonly { readonly at: number; readonly text: string }[];
  /** Throws `UnusableImage`, or `RangeError` where the bytes end before the size does. */
  readSize(bytes: DataView): Size;
  /** Whether the file goes on to its own end. */
  isWhole(bytes: DataView): boolean;
}

function textAt(bytes: DataView, at: number, length: number): string {
  return String.fromCharCode(...new Uint8Array(bytes.buffer, bytes.byteOffset + at, length));
}

function isAt(bytes: DataView, { at, text }: Format['signature'][number]): boolean {
  return bytes.byteLength >= at + text.length && textAt(bytes, at, text.length) === text;
}

const uint24 = (bytes: DataView, at: number) => bytes.getUint16(at, true) + bytes.getUint8(at + 2) * 0x10000;

const png: Format = {
  mediaType: 'image/png',
  signature: [
    { at: 0, text: '\x89PNG\r\n\x1a\n' },
    { at: 12, text: 'IHDR' },
  ],
  readSize: (bytes) => ({ width: bytes.getUint32(16), height: bytes.getUint32(20) }),
  isWhole(bytes) {
    // Chunks: length, name, that many bytes, checksum.
    for (let at = 8; at + 12 <= bytes.byteLength; at += 12 + bytes.getUint32(at)) {
      if (textAt(bytes, at + 4, 4) === 'IEND') return true;
    }
    return false;
  },
};

const gif = (version: string): Format => ({
  mediaType: 'image/gif',
  signature: [{ at: 0, text: version }],
  readSize: (bytes) => ({ width: bytes.getUint16(6, true), height: bytes.getUint16(8, true) }),
  // Many lack the mark at their end, and decoders do not mind.
  isWhole: () => true,
});

const webp: Format = {
  mediaType: 'image/webp',
  // `RIFF` alone could be audio.
  signature: [
    { at: 0, text: 'RIFF' },
    { at: 8, text: 'WEBP' },
  ],
  readSize(bytes) {
    switch (textAt(bytes, 12, 4)) {
      case 'VP8X':
        return { width: uint24(bytes, 24) + 1, height: uint24(bytes, 27) + 1 };
      case 'VP8L': {
        const sides = bytes.getUint32(21, true);
        return { width: (sides & 0x3fff) + 1, height: ((sides >>> 14) & 0x3fff) + 1 };
      }
      case 'VP8 ':
        return { width: bytes.getUint16(26, true) & 0x3fff, height: bytes.getUint16(28, true) & 0x3fff };
      default:
        throw new UnusableImage('is a WebP file without a picture');
    }
  },
  isWhole: (bytes) => 8 + bytes.getUint32(4, true) <= bytes.byteLength,
};

/** Markers of a frame's header: C0 to CF without those of tables. */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
/** Markers that stand alone, without a length. */
const isBare = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
const SCAN = 0xda;
const END = 0xd9;
const END_MARK = Buffer.of(0xff, END);

const jpeg: Format = {
  mediaType: 'image/jpeg',
  signature: [{ at: 0, text: '\xff\xd8\xff' }],
  readSize(bytes) {
    for (let at = 2; ; ) {
      if (bytes.getUint8(at) !== 0xff) throw new UnusableImage('is a damaged JPEG file');
      const marker = bytes.getUint8(at + 1);
      if (isFrame(marker)) return { height: bytes.getUint16(at + 5), width: bytes.getUint16(at + 7) };
      if (marker === SCAN || marker === END) throw new UnusableImage('is a JPEG file without a size');
      // A marker may be preceded by any number of FF.
      if (marker === 0xff) at += 1;
      else at += isBare(marker) ? 2 : 2 + Math.max(bytes.getUint16(at + 2), 2);
    }
  },
  isWhole(bytes) {
    // Behind it there may be anything: cameras append previews and whole films.
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).lastIndexOf(END_MARK) > 0;
  },
};

const FORMATS: readonly Format[] = [png, jpeg, webp, gif('GIF87a'), gif('GIF89a')];

function readSize(format: Format, bytes: DataView): Size {
  try {
    const size = format.readSize(bytes);
    if (format.isWhole(bytes)) return size;
  } catch (error) {
    // What any view of bytes says to a place behind its end.
    if (!(error instanceof RangeError)) throw error;
  }
  throw new UnusableImage('is cut off before its end');
}

/**
 * Reads the header of a PNG, JPEG, WebP or GIF file; what was said of it elsewhere is not believed.
 * @throws UnusableImage for anything else, and for what is broken off, empty or larger than `LONGEST_SIDE_PX`.
 */
export function readImageHeader(file: Uint8Array): ImageHeader {
  if (file.byteLength === 0) throw new UnusableImage('is empty');
  const bytes = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const format = FORMATS.find(({ signature }) => signature.every((part) => isAt(bytes, part)));
  if (format === undefined) throw new UnusableImage('is not a PNG, JPEG, WebP or GIF image');
  const { width, height } = readSize(format, bytes);
  if (width === 0 || height === 0) throw new UnusableImage('has no pixels');
  if (Math.max(width, height) > LONGEST_SIDE_PX) {
    throw new UnusableImage(`is ${width}x${height} pixels large; a side may have ${LONGEST_SIDE_PX}`);
  }
  return { mediaType: format.mediaType, width, height };
}
