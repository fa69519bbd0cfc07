/** `clipyard temporal`: the Temporal dev server alone. */

import { type Config, ConfigError } from '../../config/settings.ts';
import { TemporalLink } from '../link.ts';
import type { ProcessContext } from '../run.ts';
import { whenAborted } from '../stop.ts';
import { printOut } from './printed.ts';

/** `clipyard temporal`. */
export async function temporal(config: Config, context: ProcessContext): Promise<void> {
  if (config.temporal.external) throw new ConfigError('TEMPORAL_ADDRESS or TEMPORAL_PROFILE names a server already');
  const { settings, uiUrl } = await new TemporalLink(config, context).openEmbedded();
  printOut(`temporal   ${settings.address}`);
  printOut(`ui         ${uiUrl}`);
  await whenAborted(context.stop);
}
