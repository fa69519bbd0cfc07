/** The process of one benchmark: runs it, sends its outcome to the parent, and leaves nothing behind. */

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { loadConfig } from '../src/config/settings.ts';
import { type ProcessContext, runProcess } from '../src/process/run.ts';
import { whenAborted } from '../src/process/stop.ts';
import type { Outcome } from './benchmark.ts';
import { BENCHMARKS } from './benchmarks.ts';

const [, , name = '', options = '{}'] = process.argv;
const optionsSchema = z.object({ clips: z.int().optional(), videos: z.int(), waiting: z.int() });

/** Below the data directory, so that the disk measured is the one that archives lie on. */
function makeDataDir({ closers }: ProcessContext): string {
  const dataDir = join(loadConfig().dataDir, `bench-${name}-${process.pid}`);
  mkdirSync(dataDir, { recursive: true });
  closers.add('data directory', async () => rmSync(dataDir, { recursive: true, force: true }));
  return dataDir;
}

/** Resolves when the parent has it: this process may end right after. */
async function hand(outcome: Outcome): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.send?.(outcome, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
}

await runProcess({ level: 'warn' }, async (context) => {
  const benchmark = BENCHMARKS.get(name);
  if (benchmark === undefined) throw new Error(`there is no benchmark ${name}`);
  const dataDir = makeDataDir(context);
  const running = benchmark({ ...context, dataDir, options: optionsSchema.parse(JSON.parse(options)) });
  const outcome = await Promise.race([running, whenAborted(context.stop)]);
  if (!outcome) throw new Error('the benchmark was stopped');
  await hand(outcome);
});
