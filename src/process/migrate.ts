/** `clipyard migrate`: brings the catalog's tables and the Temporal namespace up to date, and ends. */

import type { Config } from '../config/settings.ts';
import { NO_TRACES } from '../domain/trace.ts';
import { setUpNamespace } from '../temporal/setup.ts';
import { openSharedTemporal } from './commands/apart.ts';
import { openCatalog } from './open-catalog.ts';
import type { ProcessContext } from './run.ts';

/** The process that starts the embedded dev server sets it up; a shared one is set up here, before its first worker. */
export async function migrate(config: Config, context: ProcessContext): Promise<void> {
  const database = await openCatalog(config, context);
  context.closers.add('catalog', () => database.close());
  process.stdout.write(`catalog    up to date (${database.kind})\n`);
  const isShared = config.temporal.external || config.databaseUrl !== null;
  if (!isShared) return;
  const link = await openSharedTemporal({ config, traces: NO_TRACES }, context);
  const { connection } = link.current();
  await setUpNamespace(connection, config.temporal.namespace, context.log);
  process.stdout.write(`temporal   namespace ${config.temporal.namespace} is set up\n`);
}
