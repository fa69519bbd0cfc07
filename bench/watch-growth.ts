/** Watches how much memory another process takes. */

import type { BenchContext } from './benchmark.ts';
import { readResidentKiB } from './process-memory.ts';

const SAMPLE_MS = 250;

/** The most resident memory that a process takes, in MiB above what it takes now. */
export function watchGrowth({ closers }: BenchContext, pid: number): () => number {
  const read = () => readResidentKiB(pid) / 1024;
  const before = read();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, read());
  }, SAMPLE_MS);
  closers.add('samples', async () => clearInterval(timer));
  return () => most - before;
}
