/** Downloading an archived clip into a file that is either whole and verified or not there. */

import { createHash } from 'node:crypto';
import { type FileHandle, link, open, rename, rm, stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CommandFailure, type GatewayClient, GatewayFailure } from './gateway-client.ts';
import type { Archive } from './video-answers.ts';

export interface ClipDownload {
  readonly id: string;
  readonly archive: Pick<Archive, 'sha256' | 'sizeBytes'>;
  readonly file: string;
  /** Whether a file of that name may be replaced. */
  readonly force: boolean;
}

/** Without a byte for as long the connection is given up. */
const IDLE_MS = 60_000;

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

/** Writes the bytes and compares them with what the gateway archived. */
async function receive(
  body: Readable,
  part: FileHandle,
  { archive, id }: ClipDownload,
  onBytes: () => void,
): Promise<void> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of body) {
    onBytes();
    sizeBytes += chunk.length;
    if (sizeBytes > archive.sizeBytes) break;
    hash.update(chunk);
    await part.writeFile(chunk);
  }
  const isWhole = sizeBytes === archive.sizeBytes && hash.digest('hex') === archive.sha256;
  if (!isWhole)
    throw new CommandFailure(`what was received of ${id} is not what the gateway archived; nothing was kept`);
}

async function transfer(gateway: GatewayClient, part: FileHandle, download: ClipDownload): Promise<void> {
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(), IDLE_MS);
  const path = `/openai/v1/videos/${encodeURIComponent(download.id)}/content`;
  try {
    const clip = await gateway.openClip(path, idle.signal);
    try {
      await receive(clip.body, part, download, () => timer.refresh());
    } finally {
      await clip.close();
    }
  } catch (error) {
    if (gateway.signal.aborted) throw new CommandFailure('interrupted');
    if (error instanceof CommandFailure && !idle.signal.aborted) throw error;
    const why = idle.signal.aborted ? `nothing came for ${IDLE_MS / 1000} s` : String(error);
    throw new GatewayFailure(`the download of ${download.id} broke off: ${why}`);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Downloads the clip.
 * @throws CommandFailure where the file is there already, or the bytes are not those of the archive; a part is never left.
 */
export async function downloadClip(gateway: GatewayClient, download: ClipDownload): Promise<void> {
  const { file, force } = download;
  if (!force && (await exists(file))) throw alreadyThere(file);
  const partName = `${file}.${process.pid}.part`;
  const part = await open(partName, 'w');
  try {
    try {
      await transfer(gateway, part, download);
      await part.sync();
    } finally {
      await part.close();
    }
    await moveIntoPlace(partName, download);
  } finally {
    await rm(partName, { force: true });
  }
}
