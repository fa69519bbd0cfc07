/** Whether a clip is as long as it was asked for: upstreams round, and some make what they like. */

/** Frames are not cut: some clips are a little longer than what was asked for. */
const TOLERANCE_MS = 1000;

/** What is said of an archived clip that is longer or shorter than it was asked for; null where it is not. */
export function lengthWarning(
  { durationMs }: { readonly durationMs: number },
  { durationSeconds }: { readonly durationSeconds: number },
): string | null {
  if (Math.abs(durationMs - durationSeconds * 1000) <= TOLERANCE_MS) return null;
  return `the clip is ${(durationMs / 1000).toFixed(1)} s long, and ${durationSeconds} s were asked for`;
}
