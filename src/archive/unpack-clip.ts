/** Clips that come gzipped although they were asked for as they are. */

import { addAbortSignal, pipeline } from 'node:stream';
import { isNativeError } from 'node:util/types';
import { createGunzip } from 'node:zlib';
import type { StoredClip } from '../domain/video.ts';
import type { MediaStore } from '../media/media-store.ts';
import { storePieces, within } from '../media/store-pieces.ts';

interface UnpackBounds {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** Why gzip data is not unpacked that is sound. */
class TooLarge extends Error {}

/** Puts what a stored object unpacks to in its place; null where it is broken, or unpacks to more than the bound. */
export async function unpackClip(
  store: MediaStore,
  key: string,
  { maxBytes, signal }: UnpackBounds,
): Promise<StoredClip | null> {
  const packed = await store.read(key);
  if (packed === null) throw new Error(`${key} is not in the media store`);
  // An error of either ends both, and the reader gets it.
  const unpacked = addAbortSignal(
    signal,
    pipeline(packed, createGunzip(), () => undefined),
  );
  try {
    return await storePieces(
      store,
      key,
      within(maxBytes, unpacked, () => new TooLarge()),
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TooLarge || isOfGzip(error)) return null;
    throw error;
  }
}

function isOfGzip(error: unknown): boolean {
  return isNativeError(error) && 'code' in error && String(error.code).startsWith('Z_');
}
