/** An object being written on the filesystem: a part file that is hashed as it grows and renamed into place at the end. */

import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { JsonObject } from '../domain/json.ts';
import type { StoredClip } from '../domain/video.ts';
import { BLOCK_BYTES, FILE_BLOCKS } from './blocks.ts';
import { DirectWrites } from './direct-writes.ts';
import type { StagedObject } from './media-store.ts';

/** One block fills while the others are written. */
const BLOCKS = 4;
/** So much is written before the disk is made to take it: what is left for the commit is little, for any size. */
const SYNC_BYTES = 64 * 1024 * 1024;
/** Clips up to this size are still in the page cache when their callers come for them; what is beyond goes past it. */
const CACHED_BYTES = 64 * 1024 * 1024;
const COMMIT_TRIES = 3;
/** What fills once the file is closed. */
const NO_BLOCK = Buffer.alloc(0);

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
  const handle = await ifThere(open(paths.partPath, 'r+'));
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

/** What is found at a path; null where there is nothing. */
export async function ifThere<Found>(lookup: Promise<Found>): Promise<Found | null> {
  try {
    return await lookup;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** True for the errors of a path that is not there. */
function isMissing(error: unknown): boolean {
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
  /** Of everything before the block that fills. */
  readonly #hash: Hash;
  /** Where the block that fills goes in the file. */
  #blockAt: number;
  #block: Buffer = FILE_BLOCKS.take();
  #filledBytes = 0;
  /** Blocks on their way to the file, the oldest first. */
  readonly #onTheirWay: Promise<void>[] = [];
  /** For what goes past the page cache; null until then. */
  #direct: DirectWrites | null = null;
  /** Work on the file, one piece after the other. */
  #queue: Promise<void> = Promise.resolve();
  #unsyncedBytes = 0;
  #isSyncing = false;
  #failure: unknown;

  constructor(paths: StagedFilePaths, part: OpenPart) {
    this.#paths = paths;
    this.#handle = part.handle;
    this.#hash = part.hash;
    this.#blockAt = part.sizeBytes;
  }

  get sizeBytes(): number {
    return this.#blockAt + this.#filledBytes;
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#throwFailure();
    for (let offset = 0; offset < chunk.byteLength; ) {
      const piece = chunk.subarray(offset, offset + this.#roomBytes());
      this.#block.set(piece, this.#filledBytes);
      this.#filledBytes += piece.byteLength;
      offset += piece.byteLength;
      if (this.#roomBytes() === 0) this.#turnOver();
    }
    return this.#onTheirWay.length < BLOCKS ? undefined : this.#onTheirWay[0];
  }

  async checkpoint(): Promise<JsonObject> {
    const sizeBytes = await this.#enqueue(() => this.#writeFilled());
    // Beside the queue: a slow disk must not hold up the download once a second.
    await this.#sync();
    return { name: this.#paths.name, sizeBytes };
  }

  async commit(): Promise<StoredClip> {
    const stored = { sha256: this.#hash.copy().update(this.#filled()).digest('hex'), sizeBytes: this.sizeBytes };
    await this.#enqueue(async () => {
      await this.#writeFilled();
      await this.#direct?.close();
      await this.#handle.sync();
      // Waits for what is synced beside: the kernel tells an error of the disk once, and it may have told it there.
      await this.#handle.close();
      this.#throwFailure();
    });
    this.#releaseBlock();
    await publish(this.#paths).catch((error: unknown) => {
      this.#keepFailure(error);
      throw error;
    });
    return stored;
  }

  async discard(): Promise<void> {
    await this.#close();
    await rm(this.#paths.partPath, { force: true });
  }

  async suspend(): Promise<void> {
    if (this.#failure === undefined) await this.#enqueue(() => this.#writeFilled()).catch(() => undefined);
    // A full disk would stay full of it, and after any other failure the part is not to be trusted.
    await (this.#failure === undefined ? this.#close() : this.discard());
  }

  async #close(): Promise<void> {
    await this.#queue;
    await this.#direct?.close().catch(() => undefined);
    await this.#handle.close().catch(() => undefined);
    this.#releaseBlock();
  }

  #releaseBlock(): void {
    if (this.#block !== NO_BLOCK) FILE_BLOCKS.giveBack(this.#block);
    this.#block = NO_BLOCK;
  }

  /** Blocks end at multiples of their size, wherever an earlier attempt broke off. */
  #roomBytes(): number {
    return BLOCK_BYTES - (this.#blockAt % BLOCK_BYTES) - this.#filledBytes;
  }

  #filled(): Buffer {
    return this.#block.subarray(0, this.#filledBytes);
  }

  /** Sends the full block on its way and goes on with a free one. */
  #turnOver(): void {
    const [block, bytes, at] = [this.#block, this.#filled(), this.#blockAt];
    if (at >= CACHED_BYTES) this.#direct ??= new DirectWrites(this.#paths.partPath);
    const direct = this.#direct;
    this.#hash.update(bytes);
    this.#blockAt += bytes.length;
    this.#filledBytes = 0;
    this.#block = FILE_BLOCKS.take();
    const written = this.#enqueue(async () => {
      if (await direct?.write(bytes, at)) return;
      await this.#writeAt(at, bytes);
      this.#syncBeside(bytes.length);
    });
    // A failure shows at the next call, which need not be the one that waits for this block.
    const over = () => {
      FILE_BLOCKS.giveBack(block);
      void this.#onTheirWay.shift();
    };
    written.then(over, over);
    this.#onTheirWay.push(written);
  }

  /** One failure spoils the part: after a failed write or sync it is not known what is on the disk. */
  async #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(() => {
      this.#throwFailure();
      return work();
    });
    this.#queue = result.then(() => undefined, this.#keepFailure);
    return result;
  }

  /** Writes what the block holds by now and leaves it to be filled on; resolves with the file's size. */
  async #writeFilled(): Promise<number> {
    const [bytes, at] = [this.#filled(), this.#blockAt];
    await this.#writeAt(at, bytes);
    return at + bytes.length;
  }

  async #writeAt(at: number, bytes: Buffer): Promise<void> {
    for (let offset = 0; offset < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, offset, bytes.length - offset, at + offset);
      offset += bytesWritten;
    }
  }

  /** Has the disk work while the download goes on, instead of all at the end; one sync at a time. */
  #syncBeside(writtenBytes: number): void {
    this.#unsyncedBytes += writtenBytes;
    if (this.#isSyncing || this.#unsyncedBytes < SYNC_BYTES) return;
    this.#unsyncedBytes = 0;
    this.#isSyncing = true;
    const over = () => {
      this.#isSyncing = false;
    };
    this.#sync().then(over, over);
  }

  async #sync(): Promise<void> {
    await this.#handle.datasync().catch((error: unknown) => {
      this.#keepFailure(error);
      throw error;
    });
  }

  readonly #keepFailure = (error: unknown): void => {
    this.#failure ??= error;
  };

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
