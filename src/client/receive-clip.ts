/** Receiving a clip into a part of a file: on from where the part ends, until its bytes are those of the archive. */

import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { CommandFailure, type GatewayClient, GatewayFailure, Interrupted } from './gateway-client.ts';
import type { Archive } from './video-answers.ts';

/** A clip, and what the gateway archived of it. */
export interface ArchivedClip {
  /** Where its bytes are; those of the video with its id when absent. */
  readonly path?: string;
  readonly id: string;
  readonly archive: Pick<Archive, 'sha256' | 'sizeBytes'>;
}

/** Without a byte for as long the connection is given up. */
const IDLE_MS = 60_000;

/** Of the first bytes. */
async function hashOf(file: FileHandle, sizeBytes: number): Promise<Hash> {
  const hash = createHash('sha256');
  if (sizeBytes === 0) return hash;
  const bytes = file.createReadStream({ start: 0, end: sizeBytes - 1, autoClose: false });
  for await (const chunk of bytes) hash.update(chunk);
  return hash;
}

/** Whether a file is there and holds the clip. */
export async function isClip(name: string, { archive }: ArchivedClip): Promise<boolean> {
  const file = await open(name).catch(() => null);
  if (file === null) return false;
  try {
    const { size } = await file.stat();
    return size === archive.sizeBytes && (await hashOf(file, size)).digest('hex') === archive.sha256;
  } finally {
    await file.close();
  }
}

async function writeAt(part: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await part.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}

/** What is missing of the part; false where the whole is not the clip. */
async function receiveRest(
  gateway: GatewayClient,
  { id, path = `/openai/v1/videos/${encodeURIComponent(id)}/content`, archive: { sha256, sizeBytes } }: ArchivedClip,
  part: FileHandle,
  idle: { readonly signal: AbortSignal; isBroken(): void },
): Promise<boolean> {
  let { size: at } = await part.stat();
  if (at > sizeBytes) return false;
  let hash = await hashOf(part, at);
  if (at < sizeBytes) {
    const clip = await gateway.openClip(path, { firstByte: at, signal: idle.signal });
    try {
      if (clip.firstByte !== at) {
        at = 0;
        hash = createHash('sha256');
      }
      for await (const chunk of clip.body as AsyncIterable<Uint8Array>) {
        idle.isBroken();
        if (at + chunk.length > sizeBytes) return false;
        hash.update(chunk);
        await writeAt(part, chunk, at);
        at += chunk.length;
      }
    } finally {
      await clip.close();
    }
  }
  return at === sizeBytes && hash.digest('hex') === sha256;
}

async function receive(gateway: GatewayClient, clip: ArchivedClip, part: FileHandle): Promise<boolean> {
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(), IDLE_MS);
  try {
    return await receiveRest(gateway, clip, part, { signal: idle.signal, isBroken: () => timer.refresh() });
  } catch (error) {
    if (gateway.signal.aborted) throw new Interrupted('interrupted');
    if (error instanceof CommandFailure && !idle.signal.aborted) throw error;
    const why = idle.signal.aborted ? `nothing came for ${IDLE_MS / 1000} s` : String(error);
    throw new GatewayFailure(`the download of ${clip.id} broke off: ${why}`);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Completes the part; what was received of it stays where that breaks off.
 * @throws CommandFailure for other bytes; GatewayFailure where it can be gone on with.
 */
export async function receiveClip(gateway: GatewayClient, clip: ArchivedClip, part: FileHandle): Promise<void> {
  const { size } = await part.stat();
  if (await receive(gateway, clip, part)) return;
  await part.truncate(0);
  // What an earlier run left may have been damaged since, as by a loss of power.
  if (size > 0 && (await receive(gateway, clip, part))) return;
  await part.truncate(0);
  throw new CommandFailure(`what was received of ${clip.id} is not what the gateway archived; nothing was kept`);
}
