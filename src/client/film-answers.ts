/** A film as people see it, and following one to its end. */

import type { z } from 'zod';
import { FILM_PATHS, filmAnswer } from '../wire/clipyard/films.ts';
import { pathOf } from '../wire/path.ts';
import { watchProgress } from './follow.ts';
import { CommandFailure, type GatewayClient, readAnswer } from './gateway-client.ts';
import { instant, renderFacts, type Stream } from './output.ts';
import { drawBar, type Picture } from './progress.ts';

export type Film = z.infer<typeof filmAnswer>;

/** A film with the words it came in. */
export interface FilmAnswer {
  readonly answer: unknown;
  readonly film: Film;
}

/** What a film is asked for with. */
export type NewFilm = ({ readonly videos: readonly string[] } | { readonly batchId: string }) & {
  readonly transition?: Film['transition'] | undefined;
};

function readFilm(answer: unknown): FilmAnswer {
  return { answer, film: readAnswer(filmAnswer, answer) };
}

export async function createFilm(
  gateway: GatewayClient,
  { transition, ...clips }: NewFilm,
  idempotencyKey: string,
): Promise<FilmAnswer> {
  const named = 'videos' in clips ? { videos: [...clips.videos] } : { batchId: clips.batchId };
  const body = { ...named, ...(transition && { transition }) };
  return readFilm(await gateway.ask({ method: 'POST', path: FILM_PATHS.films, body, idempotencyKey }));
}

/** @throws GatewayFailure for an id that is not the caller's. */
export async function lookAtFilm(gateway: GatewayClient, id: string): Promise<FilmAnswer> {
  return readFilm(await gateway.ask({ method: 'GET', path: pathOf(FILM_PATHS.film, id) }));
}

/** @throws CommandFailure unless the film is in the archive. */
export function requireFilm({ id, state, failure }: Film): void {
  if (failure) throw new CommandFailure(`${id} is ${state}: ${failure.message} (${failure.kind})`);
  if (state !== 'completed') throw new CommandFailure(`${id} is not completed, it is ${state}`);
}

const describeState = ({ state, progress }: Film) => (state === 'joining' ? `${state} ${progress} %` : state);

/** `12.0 s, 1280x720`. */
export function describeFilm({ durationMs, archive }: Film): string {
  const seconds = `${(durationMs / 1000).toFixed(1)} s`;
  return archive ? `${seconds}, ${archive.width}x${archive.height}` : seconds;
}

/** A film, a line for each fact. */
export function renderFilm(film: Film): string {
  const { archive, failure } = film;
  return renderFacts({
    id: film.id,
    state: describeState(film),
    failure: failure && `${failure.message} (${failure.kind})`,
    clips: film.videos.length,
    batch: film.batchId,
    transition: film.transition,
    film: archive ? `${describeFilm(film)}, ${archive.sizeBytes} bytes` : describeFilm(film),
    sha256: archive?.sha256,
    link: archive?.url,
    created: instant(film.createdAt),
    ended: instant(film.endedAt),
    'kept until': instant(film.expiresAt),
    workflow: film.workflowUrl,
  });
}

const FILM_PICTURE: Picture<FilmAnswer> = {
  draw({ film }, { cyan, green, red }) {
    const endColor = film.state === 'completed' ? green : red;
    return [`${drawBar(film.progress, film.endedAt === null ? cyan : endColor)} ${describeState(film)}`];
  },
  say: ({ film }) => [describeState({ ...film, progress: Math.floor(film.progress / 10) * 10 })],
};

/** Shows a film's progress until it has ended. @throws as `watchProgress`. */
export function watchFilm(gateway: GatewayClient, id: string, notes: Stream): Promise<FilmAnswer> {
  return watchProgress(gateway, {
    notes,
    picture: FILM_PICTURE,
    goesOn: `${id} goes on; to see how far it is: clipyard film get ${id}`,
    look: () => lookAtFilm(gateway, id),
    hasEnded: ({ film }) => film.endedAt !== null,
  });
}
