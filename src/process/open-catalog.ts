/** Opening the catalog that the settings name: it may come up beside this process, or refuse what no waiting changes. */

import { type CatalogDatabase, openDatabase } from '../catalog/driver/database.ts';
import { findDatabaseError } from '../catalog/driver/database-error.ts';
import { type Config, ConfigError } from '../config/settings.ts';
import type { ProcessContext } from './run.ts';
import { waitFor } from './wait-for.ts';

/** The embedded catalog is there or is not; a shared one is waited for. */
export async function openCatalog(
  config: Pick<Config, 'databaseUrl' | 'dataDir'>,
  context: ProcessContext,
): Promise<CatalogDatabase> {
  if (config.databaseUrl === null) return await openDatabase(config);
  return await waitFor('PostgreSQL (DATABASE_URL)', () => openDatabase(config).catch(refuseAtOnce), context);
}

/** Old servers, wrong credentials, databases that do not exist, missing rights, tables of something else: PostgreSQL's appendix A. */
const HOPELESS = /^(?:0A|28|3D|42)/;

function refuseAtOnce(error: unknown): never {
  if (error instanceof Error && HOPELESS.test(findDatabaseError(error)?.code ?? '')) {
    throw new ConfigError(`DATABASE_URL is refused: ${error.message}`, { cause: error });
  }
  throw error;
}
