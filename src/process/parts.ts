/** The parts that every process of the gateway or of the workers stands on: catalog, storage, providers, links. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type ConfiguredAccount, syncAccounts } from '../catalog/accounts.ts';
import { findKeyHolder } from '../catalog/callers.ts';
import { type CatalogDatabase, openDatabase } from '../catalog/driver/database.ts';
import { syncConfiguredModels } from '../catalog/models.ts';
import { createSecretBox, type SecretBox } from '../catalog/secret-box.ts';
import { type Config, ConfigError } from '../config/settings.ts';
import type { AccountConfig } from '../domain/account.ts';
import type { Provider } from '../domain/provider.ts';
import type { ProviderName } from '../domain/vendor.ts';
import { type ConsoleSessions, createConsoleSessions } from '../http/console/sessions.ts';
import { createSignInCodes, type SignInCodes } from '../http/console/sign-in-codes.ts';
import { createStreamTokens, type StreamTokens } from '../http/stream-tokens.ts';
import { createFileStore } from '../media/file-store.ts';
import type { MediaStore } from '../media/media-store.ts';
import { createLinkSigner, type LinkSigner } from '../media/signed-links.ts';
import { closeUpstreamConnections } from '../net/trusted/request-json.ts';
import { closeLentConnections } from '../net/untrusted/lent-answer.ts';
import type { Log } from '../observe/log.ts';
import { measureProviders } from '../observe/metrics/measured.ts';
import { createProcessMetrics, type ProcessMetrics } from '../observe/metrics/process-metrics.ts';
import { PROVIDERS_BY_NAME } from '../providers/index.ts';
import { paceProviders } from '../providers/paced.ts';
import type { ProcessContext } from './run.ts';
import { ensureRootKey, ensureSecretKey, ensureSigningKeys, type RootKey } from './secrets.ts';
import { waitFor } from './wait-for.ts';

type ProviderTable = Readonly<Record<ProviderName, Provider>>;

/** Enough to tell credentials apart, and too little to find a key by. */
const CREDENTIAL_LENGTH = 16;

export interface Parts {
  readonly config: Config;
  readonly log: Log;
  readonly database: CatalogDatabase;
  readonly store: MediaStore;
  /** At the pace of the accounts, and counted where metrics are. */
  readonly providers: ProviderTable;
  readonly rootKey: RootKey;
  /** Of the links to media and to input images. */
  readonly signer: LinkSigner;
  /** Open event streams. */
  readonly streamTokens: StreamTokens;
  /** Who is signed in to the console. */
  readonly sessions: ConsoleSessions;
  /** Of links that sign in to it once. */
  readonly signInCodes: SignInCodes;
  /** Of what the catalog has to be able to read. */
  readonly secrets: SecretBox;
  /** Null where they cannot be read: then nothing is counted. */
  readonly metrics: ProcessMetrics | null;
}

/** What stands in for a part of its own. */
export interface PartOverrides {
  /** Belongs to the parts from then on, and is closed with them. */
  readonly database?: CatalogDatabase;
  readonly providers?: ProviderTable;
}

/** Where archived media lie in a data directory. */
export function mediaDir(dataDir: string): string {
  return join(dataDir, 'media');
}

/** An account with what its provider implies, and with what its upstream counts its tasks by. */
export function withFacts(account: AccountConfig, providers: ProviderTable = PROVIDERS_BY_NAME): ConfiguredAccount {
  const { honoursIdempotencyKey, listWindow } = providers[account.provider].facts;
  const { baseUrl, apiKey, shared, list } = account;
  const readsList = listWindow !== null && list && !shared;
  const credential = createHash('sha256').update(`${baseUrl}\n${apiKey}`).digest('hex').slice(0, CREDENTIAL_LENGTH);
  // A lane is what makes adoption from a list exact; an idempotency key makes it needless.
  return { ...account, credential, readsList, singleLane: readsList && !honoursIdempotencyKey };
}

/** The embedded catalog is there or is not; a shared one may come up beside this process. */
async function openCatalog(config: Config, context: ProcessContext): Promise<CatalogDatabase> {
  if (config.databaseUrl === null) return await openDatabase(config);
  return await waitFor('PostgreSQL (DATABASE_URL)', () => openDatabase(config).catch(refuseAtOnce), context);
}

/** Wrong credentials and databases that do not exist: waiting makes them no better. */
const HOPELESS = /^(28|3D)/;

function refuseAtOnce(error: unknown): never {
  if (error instanceof Error && 'code' in error && HOPELESS.test(String(error.code))) {
    throw new ConfigError(`DATABASE_URL is refused: ${error.message}`, { cause: error });
  }
  throw error;
}

/** Opens the parts and brings the catalog in line with the configuration; `closers` closes them again. */
export async function openParts(
  config: Config,
  context: ProcessContext,
  { database: given, providers = PROVIDERS_BY_NAME }: PartOverrides = {},
): Promise<Parts> {
  const { log, closers } = context;
  const database = given ?? (await openCatalog(config, context));
  closers.add('catalog', () => database.close());
  closers.add('connections to upstreams', closeUpstreamConnections);
  closers.add('connections to results', closeLentConnections);
  const { accounts, models, dataDir, publicUrl, metricsPort } = config;
  const { db } = database;
  await syncAccounts(
    db,
    accounts.map((account) => withFacts(account, providers)),
  );
  await syncConfiguredModels(db, models);
  const signingKeys = await ensureSigningKeys(config, database);
  const metrics = metricsPort === null ? null : createProcessMetrics();
  return {
    config,
    log,
    database,
    store: createFileStore(mediaDir(dataDir)),
    // Counted inside of the pace: waiting for a turn is no part of an exchange.
    providers: paceProviders(measureProviders(providers, accounts, metrics), accounts),
    rootKey: await ensureRootKey(config, database),
    signer: createLinkSigner(signingKeys, publicUrl),
    streamTokens: createStreamTokens(signingKeys),
    sessions: createConsoleSessions(signingKeys, (id) => findKeyHolder(db, id)),
    signInCodes: createSignInCodes(),
    secrets: createSecretBox(ensureSecretKey(config)),
    metrics,
  };
}
