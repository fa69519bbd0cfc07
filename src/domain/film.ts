/** A film: ended clips joined in order into one MP4, and how long it lasts. */

/** What lies between two clips: nothing, or a blend of the end of one and the beginning of the next. */
export type Transition = 'cut' | 'crossfade';

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
