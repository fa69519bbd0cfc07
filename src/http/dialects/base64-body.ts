/** A stored object as base64 between two texts: its length is known up front, and it is never whole in memory. */

import { Readable } from 'node:stream';

/** What stands around the base64. */
export interface Surroundings {
  readonly before: string;
  readonly after: string;
}

/** Bytes of the whole body for an object of this size. */
export function base64BodyBytes(sizeBytes: number, { before, after }: Surroundings): number {
  return Buffer.byteLength(before) + 4 * Math.ceil(sizeBytes / 3) + Buffer.byteLength(after);
}

/** Three bytes make four characters, so what is over is kept for the next chunk. */
async function* encode(chunks: AsyncIterable<Uint8Array>, sizeBytes: number): AsyncGenerator<string> {
  let readBytes = 0;
  let rest: Uint8Array = new Uint8Array(0);
  for await (const chunk of chunks) {
    readBytes += chunk.length;
    const bytes = Buffer.concat([rest, chunk]);
    const end = bytes.length - (bytes.length % 3);
    if (end > 0) yield bytes.toString('base64', 0, end);
    rest = bytes.subarray(end);
  }
  // Another length was announced: the connection must break rather than end in order.
  if (readBytes !== sizeBytes) throw new Error(`the stored object has ${readBytes} bytes instead of ${sizeBytes}`);
  if (rest.length > 0) yield Buffer.from(rest).toString('base64');
}

async function* surround(chunks: AsyncIterable<string>, { before, after }: Surroundings): AsyncGenerator<string> {
  yield before;
  yield* chunks;
  yield after;
}

/** The body as a stream that reads the object at its reader's pace; destroying it destroys the object's stream. */
export function base64Body(object: Readable, sizeBytes: number, around: Surroundings): Readable {
  const body = Readable.from(surround(encode(object, sizeBytes), around), { objectMode: false });
  // A generator that was never started does not close what it would have read.
  body.once('close', () => object.destroy());
  return body;
}
