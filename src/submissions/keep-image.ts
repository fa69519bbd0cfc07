/** Keeping an input image's bytes once, under their content hash. */

import type { Db } from '../catalog/driver/database.ts';
import { enterInputImage } from '../catalog/input-images.ts';
import type { ImageInput, ImageReference } from '../domain/video-request.ts';
import { digestOfImage, storeInputImage } from '../media/input-images.ts';
import type { MediaStore } from '../media/media-store.ts';

type ImageBytes = Pick<Extract<ImageInput, { readonly bytes: unknown }>, 'bytes' | 'mediaType' | 'width' | 'height'>;

/** Keeps the bytes and returns what a request carries instead of them. */
export async function keepImageBytes(
  { db, store }: { readonly db: Db; readonly store: MediaStore },
  { bytes, mediaType, width, height }: ImageBytes,
): Promise<ImageReference> {
  const sha256 = await digestOfImage(bytes);
  const sizeBytes = bytes.byteLength;
  // The row first: from then on no purge removes the bytes that are about to be found or written.
  await enterInputImage(db, { sha256, mediaType, sizeBytes, width, height });
  await storeInputImage(store, { sha256, bytes });
  return { kind: 'stored', sha256, mediaType, sizeBytes };
}
