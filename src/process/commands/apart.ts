/** What gateways and workers share that run in processes of their own: a catalog, and a Temporal server. */

import { type Config, ConfigError } from '../../config/settings.ts';
import { TemporalLink } from '../link.ts';
import type { Parts } from '../parts.ts';
import type { ProcessContext } from '../run.ts';
import { waitFor } from '../wait-for.ts';

/** One process alone may open the embedded catalog. @throws ConfigError */
export function requireSharedCatalog(config: Config, command: string): void {
  if (config.databaseUrl !== null) return;
  throw new ConfigError(
    `DATABASE_URL is needed by \`clipyard ${command}\`, whose processes share a catalog; ` +
      'for example DATABASE_URL=postgres://clipyard@127.0.0.1:5432/clipyard (one process alone: `clipyard up`)',
  );
}

/** A link to the server that the settings name, once it answers. */
export async function openSharedTemporal(
  { config, traces }: Pick<Parts, 'config' | 'traces'>,
  context: ProcessContext,
): Promise<TemporalLink> {
  const link = new TemporalLink(config, context, traces);
  const { settings } = link.openExternal();
  await waitFor(`Temporal (TEMPORAL_ADDRESS, ${settings.address})`, () => link.workflows.check(), context);
  return link;
}
