/** The parts that every process of the gateway or of the workers stands on: catalog, storage, accounts, links. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type ConfiguredAccount, syncAccounts } from '../catalog/accounts.ts';
import { type CatalogDatabase, openDatabase } from '../catalog/driver/database.ts';
import { syncConfiguredModels } from '../catalog/models.ts';
import type { Config } from '../config/settings.ts';
import type { AccountConfig } from '../domain/account.ts';
import { createFileStore } from '../media/file-store.ts';
import type { MediaStore } from '../media/media-store.ts';
import { closeUpstreamConnections } from '../net/trusted/request-json.ts';
import { closeLentConnections } from '../net/untrusted/lent-answer.ts';
import type { Log } from '../observe/log.ts';
import { createProcessMetrics, type ProcessMetrics } from '../observe/metrics/process-metrics.ts';
import { PROVIDERS_BY_NAME } from '../providers/index.ts';
import type { Closers } from './closers.ts';
import { ensureRootKey, type RootKey } from './secrets.ts';

/** Enough to tell credentials apart, and too little to find a key by. */
const CREDENTIAL_LENGTH = 16;

export interface Parts {
  readonly config: Config;
  readonly log: Log;
  readonly database: CatalogDatabase;
  readonly store: MediaStore;
  readonly rootKey: RootKey;
  /** Null where nobody can read them: then nothing is counted. */
  readonly metrics: ProcessMetrics | null;
}

/** Where archived media lie in a data directory. */
export function mediaDir(dataDir: string): string {
  return join(dataDir, 'media');
}

/** An account with what its provider implies, and with what its upstream counts its tasks by. */
export function withFacts(account: AccountConfig): ConfiguredAccount {
  const { honoursIdempotencyKey, listWindow } = PROVIDERS_BY_NAME[account.provider].facts;
  const { baseUrl, apiKey, shared, list } = account;
  const readsList = listWindow !== null && list && !shared;
  const credential = createHash('sha256').update(`${baseUrl}\n${apiKey}`).digest('hex').slice(0, CREDENTIAL_LENGTH);
  // A lane is what makes adoption from a list exact; an idempotency key makes it needless.
  return { ...account, credential, readsList, singleLane: readsList && !honoursIdempotencyKey };
}

/** Opens the parts and brings the catalog in line with the configuration; `closers` closes them again. */
export async function openParts(config: Config, log: Log, closers: Closers): Promise<Parts> {
  const database = await openDatabase(config);
  closers.add('catalog', () => database.close());
  closers.add('connections to upstreams', closeUpstreamConnections);
  closers.add('connections to results', closeLentConnections);
  const { db } = database;
  await syncAccounts(db, config.accounts.map(withFacts));
  await syncConfiguredModels(db, config.models);
  const rootKey = await ensureRootKey(config, database);
  const metrics = config.metricsPort === null ? null : createProcessMetrics();
  return { config, log, database, store: createFileStore(mediaDir(config.dataDir)), rootKey, metrics };
}
