/** Keeping films' workflows at work, and removing films that have had their time. */

import type { Db } from '../catalog/driver/database.ts';
import { type FilmRow, failFilm, forgetFilm, noteFilmAlive } from '../catalog/films.ts';
import { FILM_FAILURES } from '../domain/film.ts';
import type { Log } from '../domain/log.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import { filmKeyOf } from '../media/media-key.ts';
import type { MediaStore } from '../media/media-store.ts';

export interface FilmStartDependencies {
  readonly workflows: Pick<VideoWorkflows, 'startFilm'>;
  readonly log: Pick<Log, 'warn'>;
}

/** Starts a film's workflow unless it runs; what cannot be started now the sweep starts. */
export async function startFilm({ workflows, log }: FilmStartDependencies, film: FilmRow): Promise<void> {
  try {
    await workflows.startFilm(film);
  } catch (error) {
    log.warn({ filmId: film.id, error: String(error) }, 'a film could not be started; it is tried again');
  }
}

export interface FilmRevivalDependencies {
  readonly db: Db;
  readonly workflows: Pick<VideoWorkflows, 'startFilm' | 'standing'>;
}

/** Starts the workflow of such a film once more, unless it waits for its turn, or an operator has closed it. */
export async function reviveFilm({ db, workflows }: FilmRevivalDependencies, film: FilmRow): Promise<void> {
  const standing = await workflows.standing(film.id);
  if (standing === 'terminated') {
    return await failFilm(db, film.id, { kind: 'cancelled', message: FILM_FAILURES.cancelled });
  }
  if (standing !== 'running') await workflows.startFilm(film);
  await noteFilmAlive(db, film.id);
}

/** Row and bytes; the expiry in the row keeps everybody from bytes that are going. */
export async function purgeFilm(
  { db, store }: { readonly db: Db; readonly store: MediaStore },
  filmId: string,
): Promise<void> {
  await store.remove(filmKeyOf(filmId));
  await forgetFilm(db, filmId);
}
