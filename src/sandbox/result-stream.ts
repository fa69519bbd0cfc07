/** Sends a part of a result body, as slowly or as incompletely as the faults of the download ask. */

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { ResultBody } from './result-body.ts';

const CHUNK_BYTES = 64 * 1024;
/** A slowed download is sent in this many pieces a second. */
const SLOW_PIECES_PER_SECOND = 10;

/** One download: which bytes, and what is to go wrong with them. */
export interface Download {
  readonly body: ResultBody;
  readonly first: number;
  readonly last: number;
  /** Null: as fast as the reader reads. */
  readonly bytesPerSecond: number | null;
  /** The connection is destroyed after this many bytes; null: it is not. */
  readonly cutAfterBytes: number | null;
}

/** The download's bytes, to be streamed into `response`. */
export async function* streamDownload(download: Download, response: ServerResponse): AsyncGenerator<Uint8Array> {
  const { body, first, last, bytesPerSecond, cutAfterBytes } = download;
  const end = cutAfterBytes === null ? last : first + cutAfterBytes - 1;
  const chunkBytes = bytesPerSecond === null ? CHUNK_BYTES : pieceBytes(bytesPerSecond);
  for (const chunk of body.chunks(first, end, chunkBytes)) {
    yield chunk;
    if (bytesPerSecond !== null) await setTimeout((chunk.length / bytesPerSecond) * 1000);
  }
  if (cutAfterBytes !== null) await cut(response);
}

function pieceBytes(bytesPerSecond: number): number {
  return Math.min(CHUNK_BYTES, Math.max(1, Math.floor(bytesPerSecond / SLOW_PIECES_PER_SECOND)));
}

/** Sends what was written so far, then closes the connection under the response. */
async function cut(response: ServerResponse): Promise<void> {
  // The last chunk is handed on in the same turn in which this generator is resumed.
  await setImmediate();
  if (response.closed || !response.socket) return;
  const closed = once(response, 'close');
  response.flushHeaders();
  response.socket.destroySoon();
  await closed;
}
