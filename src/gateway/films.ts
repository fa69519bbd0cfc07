/** Films as the front door takes them: every clip is there, whole and the caller's own before anything is accepted. */

import { uuidv7 } from 'uuidv7';
import { findBatch } from '../catalog/batches.ts';
import type { Db } from '../catalog/driver/database.ts';
import { acceptFilm, type FilmRow, findFilm, findRepeatedFilm, listClipsOf, readClips } from '../catalog/films.ts';
import { type Caller, requireSeen, sees } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import { FILM_BOUNDS, filmDurationMs, type Transition } from '../domain/film.ts';
import { type ArchivedClip, isEnded, isMediaOver, type Video } from '../domain/video.ts';
import { type FilmStartDependencies, startFilm } from '../recovery/films.ts';

export type { FilmRow };

export interface FilmOrder {
  readonly caller: Caller;
  /** In order; or all clips of a batch. */
  readonly clips: { readonly videoIds: readonly string[] } | { readonly batchId: string };
  readonly transition: Transition;
  readonly idempotencyKey: string | null;
  readonly bodyHash: string;
}

export type Films = ReturnType<typeof createFilms>;

export interface FilmsDependencies extends FilmStartDependencies {
  readonly db: Db;
  /** How long a film is kept whose caller has no retention of its own. */
  readonly keepDays: number;
}

const SECONDS_PER_DAY = 86_400;

/** Both methods throw `Refusal`. */
export function createFilms(dependencies: FilmsDependencies) {
  const { db, keepDays } = dependencies;

  /** The ids of a batch's clips. */
  async function clipsOfBatch(caller: Caller, batchId: string): Promise<readonly string[]> {
    const batch = requireSeen(caller, await findBatch(db, batchId), `batch ${batchId}`);
    if (batch.endedAt === null) throw new Refusal('conflict', `batch ${batchId} has not ended`);
    const lines = await listClipsOf(db, batchId, FILM_BOUNDS.clips + 1);
    if (lines.length === 0) throw new Refusal('conflict', `batch ${batchId} has no clip`);
    if (lines.length > FILM_BOUNDS.clips) {
      throw new Refusal(
        'too_large',
        `batch ${batchId} has more than ${FILM_BOUNDS.clips} lines, which no film may have`,
      );
    }
    return lines.map(({ line, videoId }) => {
      if (videoId === null) throw new Refusal('conflict', `line ${line} of batch ${batchId} became no clip`);
      return videoId;
    });
  }

  return {
    /** The same key is the same film. */
    async create(order: FilmOrder): Promise<FilmRow> {
      const { caller, clips, transition, idempotencyKey, bodyHash } = order;
      const earlier = await findRepeatedFilm(db, { callerId: caller.id, idempotencyKey, bodyHash });
      if (earlier) return earlier;
      const batchId = 'batchId' in clips ? clips.batchId : null;
      const videoIds = 'batchId' in clips ? await clipsOfBatch(caller, clips.batchId) : clips.videoIds;
      const found = await readClips(db, videoIds);
      const archives = videoIds.map((id) => archiveOf(caller, id, found.get(id)));
      const createdAt = new Date();
      const keptSeconds = caller.retentionSeconds ?? keepDays * SECONDS_PER_DAY;
      const film = await acceptFilm(db, {
        ...{ id: `film_${uuidv7()}`, callerId: caller.id, batchId, videoIds, transition, state: 'queued' },
        ...{ durationMs: checkBounds(archives, transition), idempotencyKey, bodyHash, createdAt, aliveAt: createdAt },
        expiresAt: new Date(createdAt.getTime() + keptSeconds * 1000),
      });
      await startFilm(dependencies, film);
      return film;
    },

    /** A caller's own film (root: anyone's). */
    async read(caller: Caller, id: string): Promise<FilmRow> {
      return requireSeen(caller, await findFilm(db, id), `film ${id.slice(0, 100)}`);
    },
  };
}

/** What is archived of a clip that may be part of the caller's film. */
function archiveOf(caller: Caller, id: string, clip: Video | undefined): ArchivedClip {
  const isTheirs = clip && clip.hiddenAt === null && sees(caller, clip);
  if (!isTheirs) throw new Refusal('not_found', `there is no video ${id}`, { param: 'videos' });
  const { state, archive } = clip;
  if (state !== 'completed' || archive === null) {
    const words = isEnded(state) ? `is ${state}` : `has not ended, it is ${state}`;
    throw new Refusal('conflict', `video ${id} ${words}; a film is made of completed ones`, { param: 'videos' });
  }
  if (isMediaOver(clip)) {
    throw new Refusal('gone', `the media of video ${id} have been purged`, { param: 'videos' });
  }
  return archive;
}

/** What the film is to last. */
function checkBounds(clips: readonly ArchivedClip[], transition: Transition): number {
  const bytes = clips.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (bytes > FILM_BOUNDS.bytes) {
    throw new Refusal('too_large', `the clips hold ${bytes} bytes; a film may be made of ${FILM_BOUNDS.bytes}`);
  }
  const durationMs = filmDurationMs(
    clips.map((clip) => clip.durationMs),
    transition,
  );
  if (durationMs > FILM_BOUNDS.durationMs) {
    throw new Refusal('too_large', `the film would last ${durationMs} ms; it may last ${FILM_BOUNDS.durationMs}`);
  }
  return durationMs;
}
