/** How many random scenarios a model is tried with: few among all tests, as many as are asked for in a soak. */

/** A soak may take as long as it likes. */
export const SOAK_TIMEOUT_MS = 24 * 60 * 60_000;

/**
 * Runs and seed for fast-check: those of `npm run soak` (`CLIPYARD_SOAK_RUNS`, `CLIPYARD_SOAK_SEED`), else the usual
 * ones, which are the same each time: what passes once passes always. A soak's seed is another one each time, and is
 * printed.
 */
export function randomRuns(usualRuns: number): {
  readonly numRuns: number;
  readonly seed: number;
  readonly path?: string;
} {
  const { CLIPYARD_SOAK_RUNS: runs, CLIPYARD_SOAK_SEED: given, CLIPYARD_SOAK_PATH: path } = process.env;
  if (runs === undefined) return { numRuns: usualRuns, seed: 1 };
  const soak = { numRuns: Number(runs), seed: given === undefined ? Date.now() : Number(given) };
  process.stderr.write(`${soak.numRuns} random scenarios of seed ${soak.seed}\n`);
  return { ...soak, ...(path !== undefined && { path }) };
}
