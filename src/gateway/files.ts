/** Files that callers bring and fetch: their bytes are streamed to and from the media store. */

import type { Readable } from 'node:stream';
import { uuidv7 } from 'uuidv7';
import type { Db } from '../catalog/driver/database.ts';
import {
  announceFile,
  enterFile,
  type FileFilter,
  type FileRow,
  findFile,
  forgetFile,
  listFiles,
} from '../catalog/files.ts';
import { type Caller, requireSeen } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import { fileKeyOf } from '../media/media-key.ts';
import type { MediaStore } from '../media/media-store.ts';
import { storePieces, within } from '../media/store-pieces.ts';

export type { FileRow };

/** Bytes that are stored and are no file yet. */
export interface StoredBytes {
  readonly id: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

export type Files = ReturnType<typeof createFiles>;

export function createFiles({ db, store }: { readonly db: Db; readonly store: MediaStore }) {
  /** A caller's own file. @throws Refusal `not_found`. */
  async function read(caller: Caller, id: string): Promise<FileRow> {
    const file = await findFile(db, id);
    const isThere = file !== null && file.expiresAt.getTime() > Date.now();
    return requireSeen(caller, isThere ? file : null, `file ${id.slice(0, 100)}`);
  }

  return {
    /** @throws Refusal `too_large`. */
    async store(caller: Caller, bytes: AsyncIterable<Uint8Array>, mostBytes: number): Promise<StoredBytes> {
      const id = `file-${uuidv7()}`;
      await announceFile(db, { id, callerId: caller.id });
      const tooLarge = () => new Refusal('too_large', `a file may hold ${mostBytes} bytes`, { param: 'file' });
      try {
        return { id, ...(await storePieces(store, fileKeyOf(id), within(mostBytes, bytes, tooLarge))) };
      } catch (error) {
        // What stays of it the sweep removes.
        await forgetFile(db, id).catch(() => undefined);
        throw error;
      }
    },

    /** Makes a file of what was stored. */
    async enter(
      caller: Caller,
      { id, sizeBytes }: StoredBytes,
      { keptSeconds, ...facts }: Pick<FileRow, 'filename' | 'purpose'> & { readonly keptSeconds: number },
    ): Promise<FileRow> {
      const createdAt = new Date();
      const expiresAt = new Date(createdAt.getTime() + keptSeconds * 1000);
      const file = { id, sizeBytes, callerId: caller.id, createdAt, expiresAt, ...facts };
      await enterFile(db, file);
      return file;
    },

    async discard({ id }: Pick<StoredBytes, 'id'>): Promise<void> {
      await store.remove(fileKeyOf(id));
      await forgetFile(db, id);
    },

    read,
    list: (filter: FileFilter) => listFiles(db, filter),

    async open({ id }: FileRow): Promise<Readable> {
      const bytes = await store.read(fileKeyOf(id));
      if (bytes === null) throw new Refusal('gone', `the bytes of file ${id} have been removed`);
      return bytes;
    },

    async remove(caller: Caller, id: string): Promise<void> {
      const file = await read(caller, id);
      await store.remove(fileKeyOf(file.id));
      await forgetFile(db, file.id);
    },
  };
}
