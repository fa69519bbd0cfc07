/** Bytes of input images that callers uploaded: kept once each, under their content hash. */

import { webcrypto } from 'node:crypto';
import type { MediaStore } from './media-store.ts';
import { storePieces } from './store-pieces.ts';

/** The content hash (SHA-256, hex), counted beside this thread: an image of 14 MB would hold it for ten milliseconds. */
export async function digestOfImage(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex');
}

/** Where an input image stands. */
export function inputImageKeyOf(sha256: string): string {
  return `inputs/${sha256}`;
}

/** Stores an image's bytes, unless they are there. */
export async function storeInputImage(
  store: MediaStore,
  { sha256, bytes }: { readonly sha256: string; readonly bytes: Uint8Array },
): Promise<void> {
  const key = inputImageKeyOf(sha256);
  if ((await store.sizeBytes(key)) === bytes.byteLength) return;
  await storePieces(store, key, [bytes]);
}
