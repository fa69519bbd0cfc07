/** An object being written on the filesystem: a part file that is hashed as it grows and renamed into place at the end. */

import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { JsonObject } from '../domain/json.ts';
import type { StagedObject } from './media-store.ts';

/** How much is gathered before it is written; there are two such blocks, one fills while the other is written. */
const BLOCK_BYTES = 1024 * 1024;
const COMMIT_TRIES = 3;

/** Where a part file stands, what it is called in checkpoints, and where it goes. */
export interface StagedFilePaths {
  readonly name: string;
  readonly partPath: string;
  readonly finalPath: string;
}

/** Opens a new part file; fails if one of that name is there. */
export async function createStagedFile(paths: StagedFilePaths): Promise<StagedObject> {
  await mkdir(dirname(paths.partPath), { recursive: true });
  const handle = await open(paths.partPath, 'wx', 0o644);
  return new StagedFile(paths, { handle, hash: createHash('sha256'), sizeBytes: 0 });
}

/** Goes on with a part file, whose bytes are read once for the hash; null when it is gone. */
export async function resumeStagedFile(paths: StagedFilePaths): Promise<StagedObject | null> {
  const handle = await openExisting(paths.partPath);
  if (handle === null) return null;
  const hash = createHash('sha256');
  const { size } = await handle.stat();
  // Bytes past the last checkpoint count as well: nothing but appends ever changes a part file.
  if (size > 0) {
    const chunks: AsyncIterable<Uint8Array> = handle.createReadStream({ start: 0, end: size - 1, autoClose: false });
    for await (const chunk of chunks) hash.update(chunk);
  }
  return new StagedFile(paths, { handle, hash, sizeBytes: size });
}

async function openExisting(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** True for the errors of a path that is not there. */
export function isMissing(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return error.code === 'ENOENT' || error.code === 'ENOTDIR';
}

interface OpenPart {
  readonly handle: FileHandle;
  readonly hash: Hash;
  readonly sizeBytes: number;
}

/** Writes go to explicit positions: an abandoned attempt that still writes the same download can do no harm. */
class StagedFile implements StagedObject {
  readonly #paths: StagedFilePaths;
  readonly #handle: FileHandle;
  readonly #hash: Hash;
  #sizeBytes: number;
  #writtenBytes: number;
  #filling = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #spare = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #filledBytes = 0;
  /** Work on the file, one piece after the other. */
  #queue: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(paths: StagedFilePaths, part: OpenPart) {
    this.#paths = paths;
    this.#handle = part.handle;
    this.#hash = part.hash;
    this.#sizeBytes = part.sizeBytes;
    this.#writtenBytes = part.sizeBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#throwFailure();
    this.#hash.update(chunk);
    this.#sizeBytes += chunk.byteLength;
    for (let offset = 0; offset < chunk.byteLength; ) {
      const piece = chunk.subarray(offset, offset + BLOCK_BYTES - this.#filledBytes);
      this.#filling.set(piece, this.#filledBytes);
      this.#filledBytes += piece.byteLength;
      offset += piece.byteLength;
      if (this.#filledBytes === BLOCK_BYTES) await this.#turnOver();
    }
  }

  sha256(): string {
    return this.#hash.copy().digest('hex');
  }

  async checkpoint(): Promise<JsonObject> {
    const sizeBytes = await this.#enqueue(async () => {
      await this.#flush();
      return this.#writtenBytes;
    });
    // Beside the queue: a slow disk must not hold up the download once a second.
    await this.#handle.datasync();
    return { name: this.#paths.name, sizeBytes };
  }

  async commit(): Promise<void> {
    await this.#enqueue(async () => {
      await this.#flush();
      await this.#handle.sync();
      await this.#handle.close();
    });
    await publish(this.#paths);
  }

  async discard(): Promise<void> {
    await this.#close();
    await rm(this.#paths.partPath, { force: true });
  }

  async suspend(): Promise<void> {
    if (this.#failure === undefined) await this.#enqueue(() => this.#flush()).catch(() => undefined);
    await this.#close();
  }

  async #close(): Promise<void> {
    await this.#queue;
    await this.#handle.close().catch(() => undefined);
  }

  /** Hands the full block over to be written while the other one fills; waits for the disk only when both are full. */
  async #turnOver(): Promise<void> {
    await this.#queue;
    this.#throwFailure();
    // A flush takes what is there when its turn comes, so one more than needed, beside a checkpoint's, does no harm.
    // Failures of the write show at the next call.
    void this.#enqueue(() => this.#flush()).catch(() => undefined);
  }

  /** One failure spoils the part: after a failed write or sync nobody knows what is on the disk. */
  async #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(() => {
      this.#throwFailure();
      return work();
    });
    const keepFailure = (error: unknown) => {
      this.#failure ??= error;
    };
    this.#queue = result.then(() => undefined, keepFailure);
    return result;
  }

  async #flush(): Promise<void> {
    const block = this.#filling.subarray(0, this.#filledBytes);
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#filledBytes = 0;
    for (let offset = 0; offset < block.length; ) {
      const { bytesWritten } = await this.#handle.write(block, offset, block.length - offset, this.#writtenBytes);
      offset += bytesWritten;
      this.#writtenBytes += bytesWritten;
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** Renames into place and makes the name safe; a directory that is removed meanwhile because it was empty is made again. */
async function publish({ partPath, finalPath }: StagedFilePaths): Promise<void> {
  const directory = dirname(finalPath);
  for (let tryNumber = 1; ; tryNumber += 1) {
    await mkdir(directory, { recursive: true });
    try {
      await rename(partPath, finalPath);
      return await syncDirectory(directory);
    } catch (error) {
      if (!isMissing(error) || tryNumber === COMMIT_TRIES) throw error;
    }
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
