/** Rows of films: accepting, reading, advancing, ending and removing them. */

import { and, asc, count, eq, inArray, isNotNull, isNull, lt, sql } from 'drizzle-orm';
import { Refusal } from '../domain/failure.ts';
import { type ArchivedFilm, FILM_BOUNDS, type FilmFailure } from '../domain/film.ts';
import type { Video } from '../domain/video.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { batchLines } from './tables/batches.ts';
import { films } from './tables/films.ts';
import { videos } from './tables/videos.ts';
import { toVideo } from './videos.ts';

export type FilmRow = typeof films.$inferSelect;
export type NewFilm = typeof films.$inferInsert;

/** The film that a caller's idempotency key stands for. @throws Refusal `idempotency_mismatch`. */
export async function findRepeatedFilm(
  db: Db,
  { callerId, idempotencyKey, bodyHash }: Pick<FilmRow, 'callerId' | 'idempotencyKey' | 'bodyHash'>,
): Promise<FilmRow | null> {
  if (idempotencyKey === null) return null;
  const [row] = await db
    .select()
    .from(films)
    .where(and(eq(films.callerId, callerId), eq(films.idempotencyKey, idempotencyKey)));
  if (!row) return null;
  if (row.bodyHash === bodyHash) return row;
  throw new Refusal('idempotency_mismatch', 'this idempotency key was used with another request');
}

/**
 * Enters a film, or finds the one that its key stands for already.
 * @throws Refusal `too_many_videos`, `idempotency_mismatch`; nothing is kept then.
 */
export async function acceptFilm(db: Db, film: NewFilm & Pick<FilmRow, 'idempotencyKey'>): Promise<FilmRow> {
  return await inTransaction(db, async (tx) => {
    // One after the other for a caller, so that none slips past the bound.
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`films of ${film.callerId}`}, 0))`);
    const earlier = await findRepeatedFilm(tx, film);
    if (earlier) return earlier;
    const isOfCaller = and(eq(films.callerId, film.callerId), isNull(films.endedAt));
    const [unended] = await tx.select({ count: count() }).from(films).where(isOfCaller);
    if ((unended?.count ?? 0) >= FILM_BOUNDS.unended) {
      const words = `${FILM_BOUNDS.unended} films have not ended, which is as many as a caller may have`;
      throw new Refusal('too_many_videos', words, { retryAfterSeconds: 60 });
    }
    const [row] = await tx.insert(films).values(film).returning();
    if (!row) throw new Error(`film ${film.id} was not entered`);
    return row;
  });
}

export async function findFilm(db: Db, id: string): Promise<FilmRow | null> {
  const [row] = await db.select().from(films).where(eq(films.id, id));
  return row ?? null;
}

/** The clips of these ids that there are. */
export async function readClips(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, Video>> {
  const rows = await db
    .select()
    .from(videos)
    .where(inArray(videos.id, [...ids]));
  return new Map(rows.map((row) => [row.id, toVideo(row)]));
}

/** The clips of a batch in the order of its lines, so many at most; null for a line that is no clip. */
export async function listClipsOf(db: Db, batchId: string, limit: number) {
  return await db
    .select({ line: batchLines.line, videoId: batchLines.videoId })
    .from(batchLines)
    .where(eq(batchLines.batchId, batchId))
    .orderBy(asc(batchLines.line))
    .limit(limit);
}

const isOpen = (id: string) => and(eq(films.id, id), isNull(films.endedAt));

/** A worker is at it. */
export async function noteFilmProgress(db: Db, id: string, progress: number): Promise<void> {
  await db.update(films).set({ state: 'joining', progress, aliveAt: sql`now()` }).where(isOpen(id));
}

/** Its workflow runs, or was started now. */
export async function noteFilmAlive(db: Db, id: string): Promise<void> {
  await db.update(films).set({ aliveAt: sql`now()` }).where(isOpen(id));
}

/** Gives a film its end, unless it has one. */
export async function failFilm(db: Db, id: string, failure: FilmFailure): Promise<void> {
  await db.update(films).set({ state: 'failed', failure, endedAt: new Date() }).where(isOpen(id));
}

/**
 * Publishes a film's bytes and ends it, both under the row's lock: of several tries one publishes, and the row tells of
 * its bytes. @returns false where the film has its end already, and nothing is published.
 */
export async function completeFilm(
  db: Db,
  id: string,
  { archive, publish }: { readonly archive: ArchivedFilm; publish(): Promise<void> },
): Promise<boolean> {
  return await inTransaction(db, async (tx) => {
    const [open] = await tx.select({ id: films.id }).from(films).where(isOpen(id)).for('update');
    if (!open) return false;
    await publish();
    const { durationMs } = archive;
    const end = { state: 'completed', progress: 100, durationMs, archive, endedAt: new Date() } as const;
    await tx.update(films).set(end).where(eq(films.id, id));
    return true;
  });
}

/** Which of these films have not ended. */
export async function listOpenFilms(db: Db, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db
    .select({ id: films.id })
    .from(films)
    .where(and(inArray(films.id, [...ids]), isNull(films.endedAt)));
  return new Set(rows.map(({ id }) => id));
}

/** Films that no workflow has told of since: the longest silent first. */
export async function listSilentFilms(db: Db, aliveBefore: Date, limit: number): Promise<readonly FilmRow[]> {
  return await db
    .select()
    .from(films)
    .where(and(isNull(films.endedAt), lt(films.aliveAt, aliveBefore)))
    .orderBy(asc(films.aliveAt))
    .limit(limit);
}

/** Ids of ended films that have had their time, oldest first. */
export async function listExpiredFilms(db: Db, limit: number): Promise<readonly string[]> {
  const rows = await db
    .select({ id: films.id })
    .from(films)
    .where(and(isNotNull(films.endedAt), lt(films.expiresAt, sql`now()`)))
    .orderBy(asc(films.expiresAt))
    .limit(limit);
  return rows.map(({ id }) => id);
}

/** Forgets a film; its bytes are to be removed before. */
export async function forgetFilm(db: Db, id: string): Promise<void> {
  await db.delete(films).where(eq(films.id, id));
}
