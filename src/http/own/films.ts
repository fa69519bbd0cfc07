/** Our own routes for films: ended clips joined in order into one MP4. */

import type { FastifyInstance } from 'fastify';
import type { z } from 'zod';
import { Refusal } from '../../domain/failure.ts';
import { FILM_BOUNDS } from '../../domain/film.ts';
import type { FilmOrder, FilmRow } from '../../gateway/films.ts';
import { noQuery } from '../../wire/clipyard/fields.ts';
import { FILM_PATHS, filmAnswer, newFilmBody } from '../../wire/clipyard/films.ts';
import { keyedHeaders } from '../../wire/clipyard/headers.ts';
import { fingerprint, idempotencyKeyOf } from '../dialects/idempotency.ts';
import type { Tag } from './operation.ts';
import type { OwnRoutesOptions } from './options.ts';
import { own, type Printable } from './own.ts';

const FILMS: Tag = {
  name: 'films',
  description: 'Ended clips joined in order into one MP4 in the archive.',
};

function clipsIn({ videos, batchId }: z.output<typeof newFilmBody>): FilmOrder['clips'] {
  if (videos !== undefined && batchId === undefined) return { videoIds: videos };
  if (batchId !== undefined && videos === undefined) return { batchId };
  throw new Refusal('invalid_request', 'either `videos` or `batchId` is wanted');
}

function show({ filmUrl, workflowUrl }: OwnRoutesOptions, film: FilmRow): Printable<z.input<typeof filmAnswer>> {
  const { id, state, progress, durationMs, transition, videoIds, batchId, archive, failure } = film;
  const { createdAt, endedAt, expiresAt } = film;
  const { key: _key, ...bytes } = archive ?? { key: null };
  return {
    ...{ id, state, progress, durationMs, transition, videos: videoIds, batchId },
    archive: 'sha256' in bytes ? { ...bytes, url: filmUrl(film) } : null,
    ...{ failure, createdAt, endedAt, expiresAt, workflowUrl: workflowUrl(id) },
  };
}

/** Mounts the routes. */
export function filmRoutes(app: FastifyInstance, options: OwnRoutesOptions): void {
  const { films } = options;

  own(app, FILMS, {
    method: 'POST',
    path: FILM_PATHS.films,
    id: 'createFilm',
    summary: 'Joins clips into a film',
    description:
      'Clips that are coded alike are joined as they are; others, and all with a crossfade, are coded again in the format ' +
      `of the first one. ${FILM_BOUNDS.clips} clips at most. The same \`Idempotency-Key\` is the same film.`,
    access: 'caller',
    headers: keyedHeaders,
    body: newFilmBody,
    example: { videos: ['video_1', 'video_2'], transition: 'cut' },
    answers: { 202: filmAnswer },
    refusals: ['not_found', 'conflict', 'gone', 'too_large', 'idempotency_mismatch', 'too_many_videos'],
    handle: async ({ caller, body, request }) => {
      const idempotencyKey = idempotencyKeyOf(request.headers['idempotency-key'], undefined);
      const order = { clips: clipsIn(body), transition: body.transition ?? 'cut' } as const;
      const film = await films.create({ caller, ...order, idempotencyKey, bodyHash: await fingerprint(order) });
      return show(options, film);
    },
  });

  own(app, FILMS, {
    method: 'GET',
    path: FILM_PATHS.film,
    id: 'getFilm',
    summary: 'A film and how far it is',
    access: 'caller',
    query: noQuery,
    answers: { 200: filmAnswer },
    handle: async ({ caller, params }) => show(options, await films.read(caller, params.id)),
  });
}
