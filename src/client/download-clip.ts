/** Downloading an archived clip into a file that is either whole and verified or not there. */

import { link, open, rename, rm, stat } from 'node:fs/promises';
import { CommandFailure, type GatewayClient } from './gateway-client.ts';
import { type ArchivedClip, receiveClip } from './receive-clip.ts';

export interface ClipDownload extends ArchivedClip {
  readonly file: string;
  /** Whether a file of that name may be replaced. */
  readonly force: boolean;
}

async function exists(file: string): Promise<boolean> {
  return await stat(file).then(
    () => true,
    () => false,
  );
}

function alreadyThere(file: string): CommandFailure {
  return new CommandFailure(`${file} is there already; --force replaces it, --output names another`);
}

/** Gives the finished part its name; without `force` in a step that fails where the name was taken meanwhile. */
async function moveIntoPlace(part: string, { file, force }: ClipDownload): Promise<void> {
  if (force) return await rename(part, file);
  try {
    await link(part, file);
  } catch {
    if (await exists(file)) throw alreadyThere(file);
    // Some file systems have no links.
    return await rename(part, file);
  }
  await rm(part);
}

/**
 * Downloads the clip.
 * @throws CommandFailure where the file is there already, or the bytes are not those of the archive; a part is never left.
 */
export async function downloadClip(gateway: GatewayClient, download: ClipDownload): Promise<void> {
  const { file, force } = download;
  if (!force && (await exists(file))) throw alreadyThere(file);
  const partName = `${file}.${process.pid}.part`;
  const part = await open(partName, 'w+');
  try {
    try {
      await receiveClip(gateway, download, part);
      await part.sync();
    } finally {
      await part.close();
    }
    await moveIntoPlace(partName, download);
  } finally {
    await rm(partName, { force: true });
  }
}
