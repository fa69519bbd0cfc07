/** The table of films: what each is made of, how far it is, and what came of it. */

import { sql } from 'drizzle-orm';
import { index, integer, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { ArchivedFilm, FilmFailure, FilmState, Transition } from '../../domain/film.ts';
import { instant } from './columns.ts';

/** Films by their ids, which are those of their workflows. */
export const films = pgTable(
  'films',
  {
    id: text().primaryKey(),
    callerId: text('caller_id').notNull(),
    /** The batch whose clips they are, where it was asked for so. */
    batchId: text('batch_id'),
    /** The clips in order. */
    videoIds: jsonb('video_ids').$type<readonly string[]>().notNull(),
    transition: text().$type<Transition>().notNull(),
    state: text().$type<FilmState>().notNull(),
    progress: integer().notNull().default(0),
    /** What its clips make up; once it is archived, what it lasts. */
    durationMs: integer('duration_ms').notNull(),
    archive: jsonb().$type<ArchivedFilm>(),
    failure: jsonb().$type<FilmFailure>(),
    idempotencyKey: text('idempotency_key'),
    bodyHash: text('body_hash').notNull(),
    createdAt: instant('created_at').notNull(),
    endedAt: instant('ended_at'),
    /** When row and bytes are removed. */
    expiresAt: instant('expires_at').notNull(),
    /** When its workflow was started, or last said that it works. */
    aliveAt: instant('alive_at').notNull(),
  },
  (table) => [
    uniqueIndex('films_key').on(table.callerId, table.idempotencyKey),
    index('films_unended').on(table.callerId).where(sql`${table.endedAt} is null`),
    index('films_silent').on(table.aliveAt).where(sql`${table.endedAt} is null`),
    index('films_expiring').on(table.expiresAt).where(sql`${table.endedAt} is not null`),
  ],
);
