/** The outermost boxes of an MP4: whether the file begins as one and is as long as its boxes say. */

import type { MediaStore } from '../media/media-store.ts';
import { readBytes } from '../media/ranged-read.ts';

/** Bytes that are not a whole MP4 with a video track; the message says what they are instead. */
export class NotAVideo extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'NotAVideo';
  }
}

const FIRST_BOXES = new Set(['ftyp', 'styp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pdin', 'uuid']);
const MAX_BOXES = 50_000;

interface Box {
  readonly type: string;
  readonly sizeBytes: number;
}

/** Walks the boxes by their headers alone; throws `NotAVideo` for what is no MP4 or ends before its boxes do. */
export async function checkBoxes(store: MediaStore, key: string, sizeBytes: number): Promise<void> {
  let offset = 0;
  for (let count = 0; sizeBytes - offset >= 8; count += 1) {
    const header = await readBytes(store, key, { start: offset, end: Math.min(offset + 16, sizeBytes) });
    const box = readHeader(Buffer.from(header), sizeBytes - offset);
    if (offset === 0 && !FIRST_BOXES.has(box?.type ?? '')) throw new NotAVideo(`it begins ${describeStart(header)}`);
    if (box === null) return; // padding after the last box; every player skips it
    if (box.sizeBytes > sizeBytes - offset) {
      throw new NotAVideo(
        `it is cut: its box "${box.type}" ends ${offset + box.sizeBytes - sizeBytes} bytes after the file`,
      );
    }
    if (count === MAX_BOXES) throw new NotAVideo(`it has more than ${MAX_BOXES} boxes`);
    offset += box.sizeBytes;
  }
  if (offset === 0) throw new NotAVideo(`it has ${sizeBytes} bytes`);
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

function describeStart(header: Uint8Array): string {
  const text = Buffer.from(header).toString('latin1');
  const first = text.trimStart().at(0);
  if (first === '<') return 'as HTML or XML';
  if (first === '{' || first === '[') return 'as JSON';
  return `with the bytes ${Buffer.from(header.subarray(0, 8)).toString('hex')}, which no MP4 does`;
}
