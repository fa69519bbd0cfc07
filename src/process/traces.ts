/** The traces as a part of a process: told where a collector is named. */

import type { Db } from '../catalog/driver/database.ts';
import { readTraced } from '../catalog/traces.ts';
import type { Config } from '../config/settings.ts';
import { NO_TRACES, type Traces } from '../domain/trace.ts';
import { VERSION } from '../net/user-agent.ts';
import type { ProcessContext } from './run.ts';

/** Opens them; `closers` sends what waits. */
export async function openProcessTraces(
  { otlpEndpoint: endpoint }: Pick<Config, 'otlpEndpoint'>,
  db: Db,
  { log, closers }: Pick<ProcessContext, 'log' | 'closers'>,
): Promise<Traces> {
  if (endpoint === null) return NO_TRACES;
  // Loading it takes time and memory that others need not spend.
  const { openTraces } = await import('../observe/traces/open-traces.ts');
  const traces = openTraces({ endpoint, version: VERSION, readVideo: (id) => readTraced(db, id), log });
  closers.add('traces', () => traces.close());
  return traces;
}
