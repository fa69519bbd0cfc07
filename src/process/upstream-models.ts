/** The models that the accounts' upstreams publish, read at a process's start; later the sweep reads them. */

import { discoverModels } from '../submissions/discover-models.ts';
import { EXCHANGE_TIMEOUT_MS } from './activity-dependencies.ts';
import type { Parts } from './parts.ts';

/** Enters them, so that they can be asked for. */
export async function discoverUpstreamModels({ config, log, database, providers }: Parts): Promise<void> {
  const { accounts } = config;
  const { patientDb: db } = database;
  const found = await discoverModels({ db, accounts, providers, exchangeTimeoutMs: EXCHANGE_TIMEOUT_MS, log });
  log.info({ models: found }, 'models of the upstreams read');
}
