/** What a benchmark is: a run whose outcome compares us with a baseline that was measured beside us. */

import { z } from 'zod';
import type { ProcessContext } from '../src/process/run.ts';

const bar = z.union([z.object({ atMost: z.number() }), z.object({ atLeast: z.number() })]);

const comparison = z.object({
  /** What is compared, in a few words. */
  what: z.string(),
  unit: z.string(),
  ours: z.number(),
  /** Null: ours is held against the bar itself. */
  baseline: z.number().nullable(),
  /** Holds for the ratio of ours to the baseline, or for ours where there is none; null: only told. */
  bar: bar.nullable(),
  /** How the catalog's server takes it, where it is a statement. */
  plan: z.string().optional(),
});
export type Comparison = z.infer<typeof comparison>;

/** Crosses from the benchmark's process to the one that prints. */
export const outcomeSchema = z.object({
  comparisons: z.array(comparison),
  /** What explains the comparisons. */
  figures: z.record(z.string(), z.unknown()),
});
export type Outcome = z.infer<typeof outcomeSchema>;

/** What can be chosen on the command line. */
export interface BenchOptions {
  /** How many clips are made, where that can be chosen; absent: as many as the benchmark is meant for. */
  readonly clips?: number | undefined;
  /** How many videos a large catalog holds. */
  readonly videos: number;
  /** How many of those wait for a slot. */
  readonly waiting: number;
}

/** What a benchmark runs with: a process of its own, and a directory that goes when it ends. */
export interface BenchContext extends ProcessContext {
  readonly dataDir: string;
  readonly options: BenchOptions;
}

export type Benchmark = (context: BenchContext) => Promise<Outcome>;

/** What the bar holds for. */
export function measureOf({ ours, baseline }: Comparison): number {
  return baseline === null ? ours : ours / baseline;
}

/** Null where there is no bar. */
export function meetsBar(compared: Comparison): boolean | null {
  if (compared.bar === null) return null;
  const measured = measureOf(compared);
  return 'atMost' in compared.bar ? measured <= compared.bar.atMost : measured >= compared.bar.atLeast;
}
