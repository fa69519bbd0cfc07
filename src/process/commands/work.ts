/** `clipyard work`: a worker alone. */

import type { Config } from '../../config/settings.ts';
import { installTemporalRuntime } from '../../temporal/runtime.ts';
import { coreMetricsPort, startMetrics } from '../metrics.ts';
import { openParts } from '../parts.ts';
import { lowerPriority } from '../priority.ts';
import type { ProcessContext } from '../run.ts';
import { whenAborted } from '../stop.ts';
import { discoverUpstreamModels } from '../upstream-models.ts';
import { runWorkers } from '../workers.ts';
import { openSharedTemporal, requireSharedCatalog } from './apart.ts';
import { printOut, printRootKey } from './printed.ts';

/** `clipyard work`. */
export async function work(config: Config, context: ProcessContext): Promise<void> {
  const { log, stop, closers } = context;
  requireSharedCatalog(config, 'work');
  // Before there are threads, which take it over.
  lowerPriority(process.pid);
  const core = await coreMetricsPort(config);
  installTemporalRuntime(log, core);
  const parts = await openParts(config, context);
  await startMetrics(parts, closers, core);
  printRootKey(parts);
  const link = await openSharedTemporal(parts, context);
  // Beside the start: an upstream that does not answer must not hold it up, and the sweep asks again.
  void discoverUpstreamModels(parts);
  const workers = runWorkers(parts, link);
  closers.add('workers', () => workers.stop());
  await workers.ready;
  if (!stop.aborted) printOut('workers    up');
  await whenAborted(stop);
}
