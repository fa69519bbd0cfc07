/** Input images that callers uploaded: kept once each, under their content hash. */

import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { Refusal } from '../domain/failure.ts';
import type { ImageInput, ImageReference } from '../domain/video-request.ts';
import type { MediaStore } from './media-store.ts';

const keyOf = (sha256: string) => `inputs/${sha256}`;

/**
 * Stores an image's bytes, unless they are there, and returns what a request carries instead of them.
 * @throws Refusal `gone` for one that was stored once and has been removed since.
 */
export async function storeInputImage(store: MediaStore, image: ImageInput): Promise<ImageReference> {
  if (image.kind === 'url') return image;
  if (image.kind === 'stored') {
    if ((await store.sizeBytes(keyOf(image.sha256))) !== null) return image;
    throw new Refusal('gone', 'an input image of the request that this one builds on has been removed');
  }
  const sha256 = createHash('sha256').update(image.bytes).digest('hex');
  const reference = { kind: 'stored', sha256, mediaType: image.mediaType, sizeBytes: image.bytes.byteLength } as const;
  if ((await store.sizeBytes(keyOf(sha256))) === reference.sizeBytes) return reference;
  const staged = await store.stage(keyOf(sha256));
  await staged.write(image.bytes);
  await staged.commit();
  return reference;
}

/** The bytes of a stored image. */
export async function readInputImage(
  store: MediaStore,
  image: ImageReference & { kind: 'stored' },
): Promise<Uint8Array> {
  const stream = await store.read(keyOf(image.sha256));
  if (!stream) throw new Error(`input image ${image.sha256} is not in the store`);
  return await buffer(stream);
}
