/** Images that a request names as files of its caller. */

import { imageOfBytes } from '../dialects/image-input.ts';
import { refuse } from '../dialects/read-body.ts';
import type { Caller } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import { type ImageInput, REQUEST_BOUNDS } from '../domain/video-request.ts';
import type { Files } from '../gateway/files.ts';

/** Purposes of files that may be images. */
const IMAGE_PURPOSES = ['vision', 'user_data'];

export interface NamedFile {
  readonly id: string;
  /** Where the request names it. */
  readonly param: string;
}

/** The image in a file. @throws Refusal for one that is not the caller's, and for what is no image. */
export async function readImageFile(
  files: Pick<Files, 'read' | 'open'>,
  caller: Caller,
  { id, param }: NamedFile,
): Promise<ImageInput> {
  const found = await files.read(caller, id).catch((error: unknown) => {
    if (error instanceof Refusal && error.kind === 'not_found') return null;
    throw error;
  });
  if (!found) refuse(param, `there is no file ${id.slice(0, 100)}`);
  if (!IMAGE_PURPOSES.includes(found.purpose) || found.sizeBytes > REQUEST_BOUNDS.imageBytes) {
    refuse(param, `file ${found.id} is no image of the purpose vision`);
  }
  const pieces: Buffer[] = [];
  const chunks: AsyncIterable<Buffer> = await files.open(found);
  for await (const chunk of chunks) pieces.push(chunk);
  return imageOfBytes(param, Buffer.concat(pieces));
}
