/** Films in our own API: paths, body and answers. */

import { z } from 'zod';
import { FILM_BOUNDS, FILM_FAILURES, FILM_STATES, TRANSITIONS } from '../../domain/film.ts';
import { archived, count, instant, named, optional, V1 } from './fields.ts';

export const FILM_PATHS = { films: `${V1}/films`, film: `${V1}/films/:id` } as const;

const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'must be an id' });

/** Which clips, and how they follow each other. */
export const newFilmBody = z.strictObject({
  videos: optional(z.array(id).min(1).max(FILM_BOUNDS.clips)).describe('Completed videos, in order; or `batchId`.'),
  batchId: optional(id).describe('All clips of a batch, in the order of its lines; or `videos`.'),
  transition: optional(z.enum(TRANSITIONS)).describe('`cut` when absent.'),
});

export const filmAnswer = named('Film', {
  id: z.string(),
  state: z.enum(FILM_STATES),
  progress: z.int().min(0).max(100),
  durationMs: count.describe('What the clips make up; once it is archived, what the film lasts.'),
  transition: z.enum(TRANSITIONS),
  videos: z.array(z.string()),
  batchId: z.string().nullable(),
  archive: z
    .object({
      ...archived,
    })
    .nullable(),
  failure: z.object({ kind: z.literal(Object.keys(FILM_FAILURES)), message: z.string() }).nullable(),
  createdAt: instant,
  endedAt: instant.nullable(),
  expiresAt: instant.describe('When the film is removed and its links die.'),
  workflowUrl: z.string().nullable().describe('The workflow in the Temporal UI; null without one.'),
});
