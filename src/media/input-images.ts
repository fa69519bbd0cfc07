/** Bytes of input images that callers uploaded: kept once each, under their content hash. */

import type { MediaStore } from './media-store.ts';
import { storeBytes } from './store-clip.ts';

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
  await storeBytes(store, key, bytes);
}
