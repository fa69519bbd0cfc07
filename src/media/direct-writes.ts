/** Writes to a file past the page cache: a large clip neither waits for memory nor drives out what others keep there. */

import { constants, type FileHandle, open } from 'node:fs/promises';

/** Of addresses, positions and lengths; larger than the sectors of any disk in use. */
const ALIGNMENT_BYTES = 4096;

/** The direct side of a file that is open otherwise as well. */
export class DirectWrites {
  readonly #path: string;
  #handle: Promise<FileHandle> | null = null;
  #isRefused = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Writes an aligned block; false where that is impossible, and the block has to be written as usual. */
  async write(block: Buffer, at: number): Promise<boolean> {
    if (this.#isRefused || at % ALIGNMENT_BYTES !== 0 || block.length % ALIGNMENT_BYTES !== 0) return false;
    try {
      this.#handle ??= open(this.#path, constants.O_WRONLY | constants.O_DIRECT);
      const handle = await this.#handle;
      for (let offset = 0; offset < block.length; ) {
        const { bytesWritten } = await handle.write(block, offset, block.length - offset, at + offset);
        offset += bytesWritten;
      }
      return true;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#isRefused = true;
      return false;
    }
  }

  async close(): Promise<void> {
    const handle = await this.#handle?.catch(() => null);
    await handle?.close();
  }
}

/** What file systems answer that cannot write directly, or not with this alignment. */
function isRefusal(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return error.code === 'EINVAL' || error.code === 'ENOTSUP';
}
