/** Reading what is in a bucket, where it is there. */

import { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { ByteRange } from '../media-store.ts';
import { type Bucket, isMissing } from './s3-client.ts';

/** A stream of an object or of a range of it; null where there is none. */
export async function readObject({ client, bucket }: Bucket, key: string, range?: ByteRange): Promise<Readable | null> {
  const named = { Bucket: bucket, Key: key };
  const get = new GetObjectCommand({ ...named, ...(range && { Range: `bytes=${range.start}-${range.end}` }) });
  const body = (await ifThere(client.send(get)))?.Body;
  if (!(body instanceof Readable)) return null;
  // A player that was paused reads on when it likes.
  if ('socket' in body) (body.socket as { setTimeout?(ms: number): void } | null)?.setTimeout?.(0);
  return body;
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
