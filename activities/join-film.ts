/** `joinFilm`: makes a film of ended clips and archives it; `endFilm` ends one that is not to be made any more. */

import { Context } from '@temporalio/activity';
import { ClipMissing, FfmpegMissing } from '../src/archive/film/join-clips.ts';
import { FfmpegFailure } from '../src/archive/film/run-ffmpeg.ts';
import { NotAVideo } from '../src/archive/mp4-boxes.ts';
import {
  completeFilm,
  type FilmRow,
  failFilm,
  findFilm,
  listOpenFilms,
  noteFilmProgress,
  readClips,
} from '../src/catalog/films.ts';
import type { ArchivedFilm, FilmFailure, FilmFailureKind } from '../src/domain/film.ts';
import { isMediaOver } from '../src/domain/video.ts';
import { activityFailure } from './activity-failure.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface EndFilmInput {
  readonly filmId: string;
  readonly failure: FilmFailure;
}

const HEARTBEAT_MS = 2000;
/** How often the row is told that a worker is at it, though there is no progress. */
const ALIVE_MS = 15_000;
/** ffmpeg may fail for want of room or memory, which passes. */
const FFMPEG_TRIES = 3;

/** A film that cannot be made. */
class FilmProblem extends Error {
  readonly kind: FilmFailureKind;

  constructor(kind: FilmFailureKind, message: string) {
    super(message);
    this.kind = kind;
  }
}

export function createFilmActivities({ db, films, log }: ActivityDependencies) {
  async function read(filmId: string): Promise<FilmRow> {
    const film = await findFilm(db, filmId);
    if (!film) throw activityFailure('not_found', `film ${filmId} is not in the catalog`);
    return film;
  }

  /** Where the clips stand, as far as they may still be read. */
  async function clipKeysOf({ videoIds }: FilmRow): Promise<readonly string[]> {
    const clips = await readClips(db, videoIds);
    return videoIds.map((id) => {
      const clip = clips.get(id);
      const isThere = clip?.archive && !isMediaOver(clip);
      if (!isThere) throw new FilmProblem('clip_gone', `the clip of ${id} was deleted, or had its time`);
      return clip.archive.clipKey;
    });
  }

  async function make(film: FilmRow, onProgress: (percent: number) => void): Promise<void> {
    const { id: filmId, transition } = film;
    await films.cleanUpOthers((ids) => listOpenFilms(db, ids));
    const signal = Context.current().cancellationSignal;
    const clipKeys = await clipKeysOf(film);
    const made = await films.make({ filmId, transition, clipKeys, signal, onProgress });
    const isPublished = await completeFilm(db, filmId, made).catch(async (error: unknown) => {
      await made.discard().catch(() => undefined);
      throw error;
    });
    if (!isPublished) await made.discard();
  }

  /** Tells Temporal that the work goes on, and the row how far it is. */
  function startTelling(film: FilmRow) {
    const context = Context.current();
    let percent = film.progress;
    let told = { percent: -1, atMs: 0 };
    const tell = () => {
      context.heartbeat({ percent });
      const nowMs = Date.now();
      if (percent === told.percent && nowMs - told.atMs < ALIVE_MS) return;
      told = { percent, atMs: nowMs };
      noteFilmProgress(db, film.id, percent).catch((error: unknown) => {
        log.warn({ filmId: film.id, error: String(error) }, 'the progress of a film could not be noted');
      });
    };
    tell();
    const timer = setInterval(tell, HEARTBEAT_MS);
    return {
      /** What an earlier try has told stands until this one has come as far. */
      onProgress: (now: number) => {
        percent = Math.max(percent, Math.min(Math.floor(now), 99));
      },
      stop: () => clearInterval(timer),
    };
  }

  async function join(film: FilmRow): Promise<void> {
    const telling = startTelling(film);
    try {
      await make(film, telling.onProgress);
    } catch (error) {
      const failure = failureOf(error, film, Context.current().info.attempt);
      if (failure === null) throw error;
      await failFilm(db, film.id, failure);
    } finally {
      telling.stop();
    }
    await films.cleanUp(film.id);
  }

  return {
    /** Fails for good under the kind of the film's failure, once its row has it; every other failure may be retried. */
    async joinFilm({ filmId }: { readonly filmId: string }): Promise<ArchivedFilm> {
      const film = await read(filmId);
      if (film.endedAt === null) await join(film);
      const { archive, failure } = await read(filmId);
      if (failure) throw activityFailure(failure.kind, failure.message);
      if (!archive) throw new Error(`film ${filmId} has not ended`);
      return archive;
    },

    endFilm: ({ filmId, failure }: EndFilmInput): Promise<void> => failFilm(db, filmId, failure),
  };
}

/** Why a film ends for good; null for what another try may find otherwise. */
function failureOf(error: unknown, { videoIds }: FilmRow, attempt: number): FilmFailure | null {
  if (error instanceof FilmProblem) return { kind: error.kind, message: error.message };
  if (error instanceof ClipMissing) {
    const id = videoIds.find((each) => error.clipKey.split('/').includes(each)) ?? 'one of the videos';
    return { kind: 'clip_gone', message: `the clip of ${id} is not in the archive` };
  }
  if (error instanceof FfmpegMissing) return { kind: 'ffmpeg_missing', message: error.message };
  if (error instanceof NotAVideo) return { kind: 'clip_unusable', message: error.message };
  if (error instanceof FfmpegFailure && attempt >= FFMPEG_TRIES) return { kind: 'join_failed', message: error.message };
  return null;
}
