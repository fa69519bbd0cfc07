/** Makes films for the archive: joined in a folder for each, read back, and written to the media store unpublished. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ArchivedFilm } from '../../domain/film.ts';
import { createFileStore } from '../../media/file-store.ts';
import { filmKeyOf } from '../../media/media-key.ts';
import type { MediaStore, StagedObject } from '../../media/media-store.ts';
import { findFfmpeg } from '../ffmpeg.ts';
import { probeClip } from '../mp4-probe.ts';
import { type JoinOrder, joinClips } from './join-clips.ts';

export interface FilmOrder extends Pick<JoinOrder, 'clipKeys' | 'transition' | 'signal' | 'onProgress'> {
  readonly filmId: string;
}

/** A film in the store before it can be seen: it is published or discarded. */
export interface MadeFilm {
  readonly archive: ArchivedFilm;
  publish(): Promise<void>;
  discard(): Promise<void>;
}

export interface FilmMaker {
  /** Throws as `joinClips` does; another try goes on with what is in the film's folder. */
  make(order: FilmOrder): Promise<MadeFilm>;
  /** Removes the film's folder. */
  cleanUp(filmId: string): Promise<void>;
  /** Removes the folders of films that are not open, of tries that a worker's death has left here. */
  cleanUpOthers(listOpen: (filmIds: readonly string[]) => Promise<ReadonlySet<string>>): Promise<void>;
}

interface FilmMakerParts {
  readonly store: MediaStore;
  /** Where the folders are made. */
  readonly folder: string;
  readonly find?: () => Promise<string | null>;
}

/** Clips are joined with or without ffmpeg, as they need it; it is looked for once. */
export function createFilmMaker({ store, folder, find = findFfmpeg }: FilmMakerParts): FilmMaker {
  let found: Promise<string | null> | undefined;
  const folderOf = (filmId: string) => join(folder, filmId);
  const cleanUp = (filmId: string) => rm(folderOf(filmId), { recursive: true, force: true });
  return {
    async make({ filmId, ...order }) {
      found ??= find();
      const { file } = await joinClips({ ...order, store, folder: folderOf(filmId), ffmpeg: await found });
      const probed = await probeClip(createFileStore(folderOf(filmId)), basename(file));
      const key = filmKeyOf(filmId);
      const { staged, sha256 } = await stage(store, key, file, order.signal);
      return {
        archive: { key, sha256, sizeBytes: staged.sizeBytes, ...probed },
        publish: async () => void (await staged.commit()),
        discard: () => staged.discard(),
      };
    },
    cleanUp,
    async cleanUpOthers(listOpen) {
      const ids = await readdir(folder).catch(() => []);
      if (ids.length === 0) return;
      const open = await listOpen(ids);
      for (const id of ids) if (!open.has(id)) await cleanUp(id);
    },
  };
}

interface StagedFilm {
  readonly staged: StagedObject;
  /** The row has it before the film is published. */
  readonly sha256: string;
}

async function stage(store: MediaStore, key: string, file: string, signal: AbortSignal): Promise<StagedFilm> {
  const staged = await store.stage(key);
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(file, { signal })) {
      hash.update(chunk);
      await staged.write(chunk);
    }
    // Publishing holds the row's lock: the disk is waited for before.
    await staged.checkpoint();
    return { staged, sha256: hash.digest('hex') };
  } catch (error) {
    await staged.discard();
    throw error;
  }
}
