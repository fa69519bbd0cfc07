/** A film: ended clips joined in order into one MP4, how long it lasts, and how it may end. */

/** What lies between two clips: nothing, or a blend of the end of one and the beginning of the next. */
export const TRANSITIONS = ['cut', 'crossfade'] as const;
export type Transition = (typeof TRANSITIONS)[number];

export const FILM_STATES = ['queued', 'joining', 'completed', 'failed'] as const;
export type FilmState = (typeof FILM_STATES)[number];

/** Why a film that was accepted is not made. */
export const FILM_FAILURES = {
  clip_gone: 'A clip was deleted, or had its time, before it was read.',
  clip_unusable: 'A clip cannot be read as the video that was archived.',
  ffmpeg_missing: 'The clips have to be coded again, and the server has no ffmpeg.',
  join_failed: 'ffmpeg failed, or the film took too long.',
  cancelled: 'An operator cancelled the film.',
} as const;
export type FilmFailureKind = keyof typeof FILM_FAILURES;

export interface FilmFailure {
  readonly kind: FilmFailureKind;
  readonly message: string;
}

/** A film in the archive, as it was read back. */
export interface ArchivedFilm {
  readonly key: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly durationMs: number;
  readonly width: number;
  readonly height: number;
  readonly codec: string;
}

/** Bounds of a film, and of how many a caller may have that have not ended. */
export const FILM_BOUNDS = {
  clips: 1000,
  bytes: 16 * 1024 ** 3,
  durationMs: 4 * 60 * 60_000,
  unended: 100,
} as const;

/** How long a crossfade lasts where the clips around it are long enough. */
const CROSSFADE_MS = 500;

/** How long the blend of two clips of these lengths lasts: no clip spends more than two thirds in blends. */
export function crossfadeMs(beforeMs: number, afterMs: number): number {
  return Math.min(CROSSFADE_MS, Math.floor(Math.min(beforeMs, afterMs) / 3));
}

/** How long a film of clips of these lengths lasts. */
export function filmDurationMs(clipsMs: readonly number[], transition: Transition): number {
  const sumMs = clipsMs.reduce((sum, ms) => sum + ms, 0);
  if (transition === 'cut') return sumMs;
  return clipsMs.slice(1).reduce((ms, after, n) => ms - crossfadeMs(clipsMs[n] ?? 0, after), sumMs);
}
