/** The parts that every process of the gateway or of the workers stands on: catalog, storage, providers, links. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type ConfiguredAccount, syncAccounts, withFormerIds } from '../catalog/accounts.ts';
import { findKeyHolder } from '../catalog/callers.ts';
import type { CatalogDatabase } from '../catalog/driver/database.ts';
import { syncConfiguredModels } from '../catalog/models.ts';
import { createSecretBox, type SecretBox } from '../catalog/secret-box.ts';
import { type Config, ConfigError } from '../config/settings.ts';
import type { AccountConfig, LostAnswerRule } from '../domain/account.ts';
import { type ProviderTable, providerOf } from '../domain/provider.ts';
import type { Traces } from '../domain/trace.ts';
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
import { describedBy } from '../providers/described/described.ts';
import { PROVIDERS_BY_NAME } from '../providers/index.ts';
import { paceProviders } from '../providers/paced.ts';
import { openCatalog } from './open-catalog.ts';
import type { ProcessContext } from './run.ts';
import { ensureRootKey, ensureSecretKey, ensureSigningKeys, type RootKey } from './secrets.ts';
import { openProcessTraces } from './traces.ts';
import { waitFor } from './wait-for.ts';

/** Enough to tell credentials apart, and too little to find a key by. */
const CREDENTIAL_LENGTH = 16;

export interface Parts {
  readonly config: Config;
  readonly log: Log;
  readonly database: CatalogDatabase;
  readonly store: MediaStore;
  /** At the pace of the accounts, counted where metrics are, and traced where traces are. */
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
  readonly traces: Traces;
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
  const { facts } = providerOf(providers, { account: account.id, provider: account.provider });
  const { honoursIdempotencyKey, listWindow, mostImages } = facts;
  const { baseUrl, apiKey, shared, list } = account;
  const readsList = listWindow !== null && list && !shared;
  const credential = createHash('sha256').update(`${baseUrl}\n${apiKey}`).digest('hex').slice(0, CREDENTIAL_LENGTH);
  const onLostAnswer: LostAnswerRule = honoursIdempotencyKey ? 'resend' : readsList ? 'adopt' : account.onLostAnswer;
  // A lane is what makes adoption from a list exact; an idempotency key makes it needless.
  const singleLane = readsList && !honoursIdempotencyKey;
  return { ...account, credential, readsList, singleLane, mostImages, onLostAnswer };
}

/** The providers that the configured accounts are called with. */
export function providersOf({ accounts, descriptions }: Pick<Config, 'accounts' | 'descriptions'>): ProviderTable {
  return { ...PROVIDERS_BY_NAME, described: describedBy(accounts, descriptions) };
}

/** In the bucket that the settings name, which may come up beside this process, else in the data directory. */
async function openStore({ s3, dataDir, mediaWay }: Config, context: ProcessContext): Promise<MediaStore> {
  if (s3 === null) return createFileStore(mediaDir(dataDir));
  // Loading it takes time and memory that others need not spend.
  const { openS3Store, problemOfBucket } = await import('../media/s3/s3-store.ts');
  const onProblem = (error: unknown) => context.log.warn({ err: error }, 'abandoned uploads could not be removed');
  const store = openS3Store({ ...s3, redirects: mediaWay === 'redirect', onProblem });
  context.closers.add('object store', async () => store.close());
  const refuseAtOnce = (error: unknown): never => {
    const problem = problemOfBucket(error);
    if (problem === null) throw error;
    throw new ConfigError(`the object store (S3_BUCKET, ${s3.bucket}) cannot be used: ${problem}`, { cause: error });
  };
  const where = `the object store (${s3.endpoint === null ? 'AWS' : `S3_ENDPOINT, ${s3.endpoint}`})`;
  await waitFor(where, () => store.check().catch(refuseAtOnce), context);
  return store;
}

/** Opens the parts and brings the catalog in line with the configuration; `closers` closes them again. */
export async function openParts(
  config: Config,
  context: ProcessContext,
  { database: given, providers = providersOf(config) }: PartOverrides = {},
): Promise<Parts> {
  const { log, closers } = context;
  const database = given ?? (await openCatalog(config, context));
  closers.add('catalog', () => database.close());
  closers.add('connections to upstreams', closeUpstreamConnections);
  closers.add('connections to results', closeLentConnections);
  const { accounts, models, publicUrl, metricsPort } = config;
  const { db, patientDb, kind } = database;
  // Where another process starts as well, or grants slots, it may take seconds to have the pools' locks.
  const starting = { db: patientDb, kind };
  const store = await openStore(config, context);
  await syncAccounts(
    patientDb,
    accounts.map((account) => withFacts(account, providers)),
  );
  await syncConfiguredModels(patientDb, models);
  const signingKeys = await ensureSigningKeys(config, starting, log);
  const metrics = metricsPort === null ? null : createProcessMetrics();
  const traces = await openProcessTraces(config, db, context);
  return {
    config: { ...config, accounts: await withFormerIds(patientDb, accounts) },
    log,
    database,
    store,
    // Counted inside of the pace: waiting for a turn is no part of an exchange.
    providers: paceProviders(measureProviders(providers, accounts, { metrics, traces }), accounts),
    rootKey: await ensureRootKey(config, starting),
    signer: createLinkSigner(signingKeys, publicUrl),
    streamTokens: createStreamTokens(signingKeys),
    sessions: createConsoleSessions(signingKeys, (id) => findKeyHolder(db, id)),
    signInCodes: createSignInCodes(),
    secrets: createSecretBox(ensureSecretKey(config)),
    metrics,
    traces,
  };
}
