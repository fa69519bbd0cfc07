/** Takes input images in: what is a request's own is kept once, under its content hash, and goes on by reference. */

import type { Db } from '../catalog/driver/database.ts';
import { touchInputImage } from '../catalog/input-images.ts';
import { Refusal } from '../domain/failure.ts';
import type { ImageInput, ImageReference } from '../domain/video-request.ts';
import type { MediaStore } from '../media/media-store.ts';
import { keepImageBytes } from '../submissions/keep-image.ts';

/**
 * Keeps an image's bytes and returns what a request carries instead of them.
 * @throws Refusal `gone` for one that was stored once and has been removed since.
 */
export async function keepInputImage(
  parts: { readonly db: Db; readonly store: MediaStore },
  image: ImageInput,
): Promise<ImageReference> {
  if (image.kind === 'url') return { kind: 'url', url: image.url };
  if (image.kind === 'stored') {
    if (await touchInputImage(parts.db, image.sha256)) return image;
    throw new Refusal('gone', 'an input image of the request that this one builds on has been removed');
  }
  return await keepImageBytes(parts, image);
}
