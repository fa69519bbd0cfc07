/** The media store on a filesystem; several processes may share its directory. */

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import type { JsonObject } from '../domain/json.ts';
import { assertMediaKey } from './media-key.ts';
import type { ByteRange, MediaStore, StagedObject } from './media-store.ts';
import { createStagedFile, ifThere, resumeStagedFile, type StagedFilePaths } from './staged-file.ts';

const READ_CHUNK_BYTES = 256 * 1024;
/** A part file untouched for so long was abandoned: a download that goes on after that begins anew. */
const STALE_PART_MS = 6 * 60 * 60 * 1000;
const SWEEP_INTERVAL_MS = 10 * 60 * 1000;

/** Opens the store under `root` (absolute); directories are made as they are needed. */
export function createFileStore(root: string): MediaStore {
  return new FileStore(root);
}

class FileStore implements MediaStore {
  readonly #root: string;
  readonly #staging: string;
  #sweptAtMs = 0;

  constructor(root: string) {
    this.#root = root;
    this.#staging = join(root, '.staging');
  }

  async stage(key: string, checkpoint?: JsonObject): Promise<StagedObject> {
    const finalPath = this.#pathOf(key);
    await this.#removeStaleParts();
    const prefix = createHash('sha256').update(key).digest('hex').slice(0, 32);
    const name = checkpoint?.['name'];
    // The name comes from outside the process: it must be one that this key could have been given.
    if (typeof name === 'string' && /^[0-9a-f]{32}-[0-9a-f]{16}$/.test(name) && name.startsWith(prefix)) {
      const resumed = await resumeStagedFile(this.#partPaths(name, finalPath));
      if (resumed !== null) return resumed;
    }
    return createStagedFile(this.#partPaths(`${prefix}-${randomBytes(8).toString('hex')}`, finalPath));
  }

  async read(key: string, range?: ByteRange): Promise<Readable | null> {
    const handle = await ifThere(open(this.#pathOf(key), 'r'));
    if (handle === null) return null;
    if (!(await handle.stat()).isFile()) {
      await handle.close();
      return null;
    }
    return handle.createReadStream({ ...range, highWaterMark: READ_CHUNK_BYTES });
  }

  async sizeBytes(key: string): Promise<number | null> {
    const found = await ifThere(stat(this.#pathOf(key)));
    return found?.isFile() ? found.size : null;
  }

  async remove(key: string): Promise<void> {
    const path = this.#pathOf(key);
    await rm(path, { force: true });
    // Fails while something else stands there, and then the directory has to stay.
    if (key.includes('/')) await rmdir(dirname(path)).catch(() => undefined);
  }

  async check(): Promise<void> {
    const path = join(this.#staging, `check-${randomBytes(8).toString('hex')}`);
    await mkdir(this.#staging, { recursive: true });
    await this.#removeStaleParts();
    try {
      await writeFile(path, 'writable');
    } finally {
      // On a full disk the file is there without its bytes.
      await rm(path, { force: true });
    }
  }

  #pathOf(key: string): string {
    assertMediaKey(key);
    return join(this.#root, key);
  }

  #partPaths(name: string, finalPath: string): StagedFilePaths {
    return { name, partPath: join(this.#staging, `${name}.part`), finalPath };
  }

  /** Parts of processes that died and were not gone on with; looked for every ten minutes at most. */
  async #removeStaleParts(): Promise<void> {
    const nowMs = Date.now();
    if (nowMs - this.#sweptAtMs < SWEEP_INTERVAL_MS) return;
    this.#sweptAtMs = nowMs;
    const names = (await ifThere(readdir(this.#staging))) ?? [];
    for (const name of names) {
      const path = join(this.#staging, name);
      const found = await ifThere(stat(path));
      if (found !== null && nowMs - found.mtimeMs > STALE_PART_MS) await rm(path, { force: true });
    }
  }
}
