/** The outermost boxes of an MP4: whether the file begins as one, and holds its film whole. */

import type { MediaStore } from '../media/media-store.ts';
import { readBytes } from '../media/ranged-read.ts';
import { IndexClaims } from './mp4-index.ts';

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
/** Those that the parser reads whole, and believes. */
const INDEX_BOXES = new Set(['moov', 'moof']);
const MAX_INDEX_BYTES = 64 * 1024 * 1024;
/** More than an hour of 60 pictures a second with their sound has; each takes the parser some 50 bytes. */
const MOST_CLAIMED = 2_000_000;
const MAX_BOXES = 50_000;
const START_BYTES = 512;

interface Box {
  readonly type: string;
  readonly headerBytes: number;
  readonly sizeBytes: number;
}

/** What the parser must not be shown. */
export interface CheckedBoxes {
  /** A table at the file's end tells where fragments are, perhaps where none was seen here. */
  readonly hasLookup: boolean;
}

/**
 * Walks the boxes by their headers alone, and the indexes whole; throws `NotAVideo` for what is no MP4, ends within its
 * film or claims more than any clip holds. The parser of MP4s goes by the index instead, and misses the end of sound, of
 * reordered pictures and of fragments.
 */
export async function checkBoxes(store: MediaStore, key: string, sizeBytes: number): Promise<CheckedBoxes> {
  const start = Buffer.from(await readBytes(store, key, { start: 0, end: Math.min(START_BYTES, sizeBytes) }));
  if (!FIRST_BOXES.has(readHeader(start, sizeBytes)?.type ?? '')) throw describeOther(start, sizeBytes);
  const claims = new IndexClaims(MOST_CLAIMED);
  let isFilm = true;
  let offset = 0;
  for (let count = 0; sizeBytes - offset >= 8; count += 1) {
    const header = await readBytes(store, key, { start: offset, end: Math.min(offset + 16, sizeBytes) });
    const box = readHeader(Buffer.from(header), sizeBytes - offset);
    if (box === null) break;
    // The parser passes over what has no name and goes on.
    isFilm &&= NAME.test(box.type);
    const missingBytes = offset + box.sizeBytes - sizeBytes;
    if (missingBytes > 0 && isFilm && FILM_BOXES.has(box.type)) {
      throw new NotAVideo(`it is cut: its box "${box.type}" ends ${missingBytes} bytes after the file`);
    }
    if (count === MAX_BOXES) throw new NotAVideo(`it has more than ${MAX_BOXES} boxes`);
    const end = Math.min(offset + box.sizeBytes, sizeBytes);
    if (INDEX_BOXES.has(box.type)) await checkIndex(store, key, { claims, start: offset + box.headerBytes, end });
    offset += box.sizeBytes;
  }
  return { hasLookup: claims.isFragmented && (await endsInLookup(store, key, sizeBytes)) };
}

interface Index {
  readonly claims: IndexClaims;
  readonly start: number;
  readonly end: number;
}

async function checkIndex(store: MediaStore, key: string, { claims, start, end }: Index): Promise<void> {
  if (end - start > MAX_INDEX_BYTES) throw new NotAVideo('its index is too large to read');
  claims.add(Buffer.from(await readBytes(store, key, { start, end })));
  if (claims.isTooMuch) throw new NotAVideo(`its index claims more than ${MOST_CLAIMED} samples`);
}

/** As the parser finds it: by its length in the last four bytes. */
async function endsInLookup(store: MediaStore, key: string, sizeBytes: number): Promise<boolean> {
  const last = Buffer.from(await readBytes(store, key, { start: sizeBytes - 4, end: sizeBytes }));
  const start = sizeBytes - last.readUInt32BE(0);
  if (start < 0 || start > sizeBytes - 8) return false;
  const name = await readBytes(store, key, { start: start + 4, end: start + 8 });
  return Buffer.from(name).toString('latin1') === 'mfra';
}

const NAME = /^[\x20-\x7e\xa9]{4}$/;

/** A box with size 1 has its size in 64 bits after the type; one with size 0 goes on to the end of the file. */
function readHeader(header: Buffer, leftBytes: number): Box | null {
  if (header.length < 8) return null;
  const type = header.toString('latin1', 4, 8);
  const short = header.readUInt32BE(0);
  if (short === 0) return { type, headerBytes: 8, sizeBytes: leftBytes };
  if (short === 1 && header.length < 16) return null;
  const [headerBytes, toldBytes] = short === 1 ? [16, Number(header.readBigUInt64BE(8))] : [8, short];
  // What has neither a name nor room for its header is no box, and the parser ends there as well.
  if (toldBytes < headerBytes && !NAME.test(type)) return null;
  return { type, headerBytes, sizeBytes: Math.max(headerBytes, toldBytes) };
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
