/** The outermost boxes of an MP4: whether the file begins as one, and holds its film whole. */

import type { MediaStore } from '../media/media-store.ts';
import { readBytes } from '../media/ranged-read.ts';

/** Bytes that are not a whole MP4 with a video track; the message says what they are instead. */
export class NotAVideo extends Error {
  /** Nothing, or an upstream's words, which the clip may still take the place of. */
  readonly isWords: boolean;
  /** What may hold the video. */
  readonly isGzip: boolean;

  constructor(message: string, { cause, isWords = false, isGzip = false }: NotAVideoDetails = {}) {
    super(message, { cause });
    this.name = 'NotAVideo';
    this.isWords = isWords;
    this.isGzip = isGzip;
  }
}

interface NotAVideoDetails {
  readonly cause?: unknown;
  readonly isWords?: boolean;
  readonly isGzip?: boolean;
}

const FIRST_BOXES = new Set(['ftyp', 'styp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pdin', 'uuid']);
/** The film itself. What else may follow harms no player, whole or not, and need not even be a box. */
const FILM_BOXES = new Set(['moov', 'moof', 'mdat']);
const MAX_BOXES = 50_000;
const START_BYTES = 512;

interface Box {
  readonly type: string;
  readonly sizeBytes: number;
}

/**
 * Walks the boxes by their headers alone; throws `NotAVideo` for what is no MP4 or ends within its film. The parser of
 * MP4s goes by the index instead, and misses the end of sound, of reordered pictures and of fragments.
 */
export async function checkBoxes(store: MediaStore, key: string, sizeBytes: number): Promise<void> {
  const start = Buffer.from(await readBytes(store, key, { start: 0, end: Math.min(START_BYTES, sizeBytes) }));
  if (!FIRST_BOXES.has(readHeader(start, sizeBytes)?.type ?? '')) throw describeOther(start, sizeBytes);
  let offset = 0;
  for (let count = 0; sizeBytes - offset >= 8; count += 1) {
    const header = await readBytes(store, key, { start: offset, end: Math.min(offset + 16, sizeBytes) });
    const box = readHeader(Buffer.from(header), sizeBytes - offset);
    if (box === null) return;
    const missingBytes = offset + box.sizeBytes - sizeBytes;
    if (missingBytes > 0 && FILM_BOXES.has(box.type)) {
      throw new NotAVideo(`it is cut: its box "${box.type}" ends ${missingBytes} bytes after the file`);
    }
    if (count === MAX_BOXES) throw new NotAVideo(`it has more than ${MAX_BOXES} boxes`);
    offset += box.sizeBytes;
  }
}

/** A box with size 1 has its size in 64 bits after the type; one with size 0 goes on to the end of the file. */
function readHeader(header: Buffer, leftBytes: number): Box | null {
  const type = header.toString('latin1', 4, 8);
  if (!/^[\x20-\x7e\xa9]{4}$/.test(type)) return null;
  const short = header.readUInt32BE(0);
  if (short === 0) return { type, sizeBytes: leftBytes };
  if (short === 1)
    return header.length < 16 ? null : { type, sizeBytes: Math.max(16, Number(header.readBigUInt64BE(8))) };
  return { type, sizeBytes: Math.max(8, short) };
}

function describeOther(start: Buffer, sizeBytes: number): NotAVideo {
  if (sizeBytes === 0) return new NotAVideo('it has 0 bytes', { isWords: true });
  // The last character may be cut.
  const text = new TextDecoder().decode(start, { stream: true }).trimStart();
  if (text.startsWith('<')) return new NotAVideo('it begins as HTML or XML', { isWords: true });
  if (/^[{[]/.test(text)) return new NotAVideo('it begins as JSON', { isWords: true });
  const isText = !text.includes('\ufffd') && start.every((byte) => byte >= 0x20 || (byte >= 0x09 && byte <= 0x0d));
  if (isText) return new NotAVideo('it begins as text', { isWords: true });
  if (start[0] === 0x1f && start[1] === 0x8b) return new NotAVideo('it is gzip data', { isGzip: true });
  if (sizeBytes < 8) return new NotAVideo(`it has ${sizeBytes} bytes`);
  return new NotAVideo(`it begins with the bytes ${start.toString('hex', 0, 8)}, which no MP4 does`);
}
