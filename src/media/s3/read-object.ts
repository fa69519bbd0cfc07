/** Reading what is in a bucket, where it is there. */

import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { ByteRange } from '../media-store.ts';
import { type Bucket, isMissing } from './s3-client.ts';

/** A stream of an object or of a range of it; null where there is none. */
export async function readObject(
  { client, bucket, silenceMs }: Bucket,
  key: string,
  range?: ByteRange,
): Promise<Readable | null> {
  const named = { Bucket: bucket, Key: key };
  const get = new GetObjectCommand({ ...named, ...(range && { Range: `bytes=${range.start}-${range.end}` }) });
  const body = (await ifThere(client.send(get)))?.Body;
  if (!(body instanceof Readable)) return null;
  if ('socket' in body && body.socket instanceof Socket) endWhenSilent(body, body.socket, silenceMs);
  return body;
}

/** A player that was paused reads on when it likes; a server that says nothing to who waits for it is given up. */
function endWhenSilent(body: Readable, socket: Socket, silenceMs: number): void {
  // It would count the player's pause.
  socket.setTimeout(0);
  let seenBytes = -1;
  // Twice in a row: a reader who has just come back has emptied the body, and the socket is not read yet.
  let isWaiting = false;
  const timer = setInterval(() => {
    const isSilent = socket.bytesRead === seenBytes && body.readableLength === 0;
    seenBytes = socket.bytesRead;
    if (isSilent && isWaiting) body.destroy(new Error(`the bucket's server said nothing for ${silenceMs} ms`));
    isWaiting = isSilent;
  }, silenceMs);
  timer.unref();
  body.once('close', () => clearInterval(timer));
}

/** What the server answers; null where it says that there is no such object. */
export async function ifThere<T>(request: Promise<T>): Promise<T | null> {
  try {
    return await request;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}
