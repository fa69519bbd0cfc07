/** Where clips, posters and input images are kept: the contract that every kind of storage meets. */

import type { Readable } from 'node:stream';
import { isNativeError } from 'node:util/types';
import type { JsonObject } from '../domain/json.ts';
import type { StoredClip } from '../domain/video.ts';

/** Storage that does not do what it is asked for now: the bucket's server is away, or refuses us. */
export class StoreAway extends Error {
  constructor(cause: unknown) {
    super(`the media store cannot be used: ${String(cause)}`, { cause });
    this.name = 'StoreAway';
  }
}

/** Of a disk that takes or gives nothing for now. */
const DISK_CODES = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO'];

/** Whether an error tells of the storage, and neither of the object nor of who asked for it. */
export function isStoreAway(error: unknown): boolean {
  if (error instanceof StoreAway) return true;
  return isNativeError(error) && 'code' in error && DISK_CODES.includes(String(error.code));
}

/** A byte range, both ends inclusive, as HTTP counts. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** An object being written: invisible to readers until it is committed. */
export interface StagedObject {
  /** Bytes taken so far, resumed ones included: where an interrupted download goes on. */
  readonly sizeBytes: number;
  /** Appends a copy of the chunk; what it returns is to be waited for before the next one, which is the backpressure. */
  write(chunk: Uint8Array): Promise<void> | undefined;
  /** Makes what was written safe, and returns what `stage` needs to go on in another process. May run beside writes. */
  checkpoint(): Promise<JsonObject>;
  /** Publishes the object under its key, replacing what stood there, in one step; what it tells includes resumed parts. */
  commit(): Promise<StoredClip>;
  /** Gives up and removes what was written. */
  discard(): Promise<void>;
  /** Closes what is open and keeps what was written, to go on later; after a write that failed nothing is kept. */
  suspend(): Promise<void>;
}

/** How an object that is fetched without us is labelled. */
export interface LinkedObject {
  readonly contentType: string;
  readonly filename: string;
}

/** Keys are `/`-separated names of `[A-Za-z0-9._-]`; a key that would leave the store is refused. */
export interface MediaStore {
  /** Starts an object, or goes on with one from its last checkpoint; a checkpoint that no longer holds starts anew. */
  stage(key: string, checkpoint?: JsonObject): Promise<StagedObject>;
  /** A stream of the object or of a range of it; null where there is none. */
  read(key: string, range?: ByteRange): Promise<Readable | null>;
  sizeBytes(key: string): Promise<number | null>;
  /** Removes the object; removing what is not there is fine. */
  remove(key: string): Promise<void>;
  /** Throws when objects cannot be written. */
  check(): Promise<void>;
  /** A URL at which the object can be fetched for a while without us; absent where clips are to go through us. */
  readonly linkTo?: (key: string, as: LinkedObject) => Promise<string>;
  /** Where such URLs lead. */
  readonly linkOrigin?: string;
}
