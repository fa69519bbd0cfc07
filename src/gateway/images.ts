/** Takes input images in: what is a request's own is kept once, under its content hash, and goes on by reference. */

import { createHash } from 'node:crypto';
import type { Db } from '../catalog/driver/database.ts';
import { enterInputImage, touchInputImage } from '../catalog/input-images.ts';
import { Refusal } from '../domain/failure.ts';
import type { ImageInput, ImageReference } from '../domain/video-request.ts';
import { storeInputImage } from '../media/input-images.ts';
import type { MediaStore } from '../media/media-store.ts';

/**
 * Keeps an image's bytes and returns what a request carries instead of them.
 * @throws Refusal `gone` for one that was stored once and has been removed since.
 */
export async function keepInputImage(
  { db, store }: { readonly db: Db; readonly store: MediaStore },
  image: ImageInput,
): Promise<ImageReference> {
  if (image.kind === 'url') return { kind: 'url', url: image.url };
  if (image.kind === 'stored') {
    if (await touchInputImage(db, image.sha256)) return image;
    throw new Refusal('gone', 'an input image of the request that this one builds on has been removed');
  }
  const { bytes, mediaType, width, height } = image;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const sizeBytes = bytes.byteLength;
  // The row first: from then on no purge removes the bytes that are about to be found or written.
  await enterInputImage(db, { sha256, mediaType, sizeBytes, width, height });
  await storeInputImage(store, { sha256, bytes });
  return { kind: 'stored', sha256, mediaType, sizeBytes };
}
