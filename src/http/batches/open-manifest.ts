/** Reading a stored manifest for its caller: the images that it names as files are the caller's as well. */

import { imageOfBytes } from '../../dialects/image-input.ts';
import type { ReadLine } from '../../domain/batch.ts';
import type { Caller } from '../../domain/caller.ts';
import { Refusal } from '../../domain/failure.ts';
import { type ImageInput, REQUEST_BOUNDS } from '../../domain/video-request.ts';
import type { FileRow, Files } from '../../gateway/files.ts';
import { type ManifestOptions, readManifest } from './manifest.ts';

export interface ManifestSource {
  readonly files: Files;
  readonly trustedHosts: readonly string[];
}

/** Purposes of files that a line may name as its image. */
const IMAGE_PURPOSES = ['vision', 'user_data'];

/** Reads it from its beginning; each of its lines comes once. */
export async function* openManifest(
  { files, trustedHosts }: ManifestSource,
  caller: Caller,
  { file, ...options }: Pick<ManifestOptions, 'format' | 'isOpenai'> & { readonly file: FileRow },
): AsyncGenerator<ReadLine> {
  /** The last one: lines often share theirs. */
  let last: { readonly id: string; readonly image: ImageInput } | null = null;
  const readImage = async (id: string): Promise<ImageInput> => {
    if (last?.id === id) return last.image;
    const found = await files.read(caller, id);
    if (!IMAGE_PURPOSES.includes(found.purpose) || found.sizeBytes > REQUEST_BOUNDS.imageBytes) {
      throw new Refusal('invalid_request', `file_id: file ${id} is no image of the purpose vision`);
    }
    const pieces: Buffer[] = [];
    const chunks: AsyncIterable<Buffer> = await files.open(found);
    for await (const chunk of chunks) pieces.push(chunk);
    const image = imageOfBytes('file_id', Buffer.concat(pieces));
    last = { id, image };
    return image;
  };
  yield* readManifest(await files.open(file), { ...options, trustedHosts, readImage });
}
