/** `joinFilm`: ended clips become one film in the archive, however often its worker dies. */

import { CancellationScope, isCancellation, setCurrentDetails } from '@temporalio/workflow';
import { type ArchivedFilm, FILM_FAILURES, type FilmFailureKind } from '../src/domain/film.ts';
import { filming, transactions } from './activity-options.ts';
import type { JoinFilmInput } from './messages.ts';
import { failureOfRun, findActivityFailure } from './run.ts';

/** Fails with the failure's kind as its type where the film cannot be made. */
export async function joinFilm({ filmId }: JoinFilmInput): Promise<ArchivedFilm> {
  setCurrentDetails('**joining** · how far it is stands in the heartbeat of `joinFilm`');
  try {
    const film = await filming.joinFilm({ filmId });
    setCurrentDetails(describe(film));
    return film;
  } catch (error) {
    const kind = endOf(error);
    if (kind) await CancellationScope.nonCancellable(() => end(filmId, kind));
    setCurrentDetails(`**failed**${kind ? ` · ${FILM_FAILURES[kind]}` : ''}`);
    if (isCancellation(error)) throw error;
    const { type, message } = findActivityFailure(error) ?? { type: 'join_failed', message: FILM_FAILURES.join_failed };
    throw failureOfRun(type, message);
  }
}

/** What the row is to be told; null where the activity has told it, and where there is no row. */
function endOf(error: unknown): FilmFailureKind | null {
  if (isCancellation(error)) return 'cancelled';
  return findActivityFailure(error)?.nonRetryable ? null : 'join_failed';
}

async function end(filmId: string, kind: FilmFailureKind): Promise<void> {
  await transactions.endFilm({ filmId, failure: { kind, message: FILM_FAILURES[kind] } });
}

function describe({ durationMs, sizeBytes, width, height, sha256 }: ArchivedFilm): string {
  const seconds = (durationMs / 1000).toFixed(1);
  return `**completed** · ${seconds} s, ${width}x${height}, ${sizeBytes} bytes\n\n- sha256: \`${sha256}\``;
}
