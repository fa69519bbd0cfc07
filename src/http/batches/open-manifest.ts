/** Reading a stored manifest for its caller: the images that it names as files are the caller's as well. */

import type { ReadLine } from '../../domain/batch.ts';
import type { Caller } from '../../domain/caller.ts';
import type { ImageInput } from '../../domain/video-request.ts';
import type { FileRow, Files } from '../../gateway/files.ts';
import { readImageFile } from '../image-files.ts';
import { type ManifestOptions, readManifest } from './manifest.ts';

export interface ManifestSource {
  readonly files: Files;
  readonly trustedHosts: readonly string[];
}

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
    const image = await readImageFile(files, caller, { id, param: 'file_id' });
    last = { id, image };
    return image;
  };
  yield* readManifest(await files.open(file), { ...options, trustedHosts, readImage });
}
