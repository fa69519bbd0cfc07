/** `clipyard doctor`: settings, catalog, Temporal, store, ffmpeg, accounts' keys and the public URL, before a start or beside it. */

import pg from 'pg';
import { findFfmpeg } from '../../archive/ffmpeg.ts';
import { problemOfServerVersion } from '../../catalog/driver/postgres.ts';
import { problemOfDataDir } from '../../config/data-dir.ts';
import { type Config, ConfigError, type Environment, loadConfig } from '../../config/settings.ts';
import type { AccountConfig } from '../../domain/account.ts';
import { isLiteralPrivateAddress } from '../../domain/address.ts';
import { providerOf } from '../../domain/provider.ts';
import { askFreely } from '../../submissions/probe.ts';
import { providersOf } from '../parts.ts';
import { Ailment, EXCHANGE_MS, type Examination, examine, type Finding, printFindings } from './examination.ts';
import { lookAtTemporal } from './temporal.ts';

const CATALOG_ADVICE = 'start PostgreSQL, or put DATABASE_URL right';

export interface DoctorParts {
  readonly find?: () => Promise<string | null>;
}

/** What was found with these settings; where these cannot be read nothing else can be looked at. */
export async function findAilments(environment: Environment | undefined, parts: DoctorParts = {}) {
  try {
    return await examine(examinationsOf(loadConfig(environment), parts));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const wrong = (detail: string): Finding => ({
      name: 'settings',
      isRight: false,
      detail,
      advice: 'put it right; docs/settings.md has every setting',
    });
    return error.message.split('\n').map(wrong);
  }
}

/** Prints what was found; whether all of it is right. */
export async function doctor({ json }: { readonly json: boolean }): Promise<boolean> {
  const findings = await findAilments(undefined);
  const isRight = findings.every((finding) => finding.isRight);
  process.stdout.write(`${json ? JSON.stringify({ ok: isRight, findings }) : printFindings(findings)}\n`);
  return isRight;
}

function examinationsOf(config: Config, { find = findFfmpeg }: DoctorParts): readonly Examination[] {
  return [
    {
      name: 'settings',
      look: async () => lookAtSettings(config),
      advice: 'put it right; docs/settings.md has every setting',
    },
    { name: 'data', look: async () => lookAtFolder(config), advice: 'name another folder in CLIPYARD_DATA_DIR' },
    { name: 'catalog', look: () => lookAtCatalog(config), advice: CATALOG_ADVICE },
    ...(config.nexusCallers.length > 0
      ? [{ name: 'nexus', look: () => lookAtNexusCallers(config), advice: CATALOG_ADVICE }]
      : []),
    { name: 'temporal', look: () => lookAtTemporal(config), advice: 'start Temporal, or put TEMPORAL_ADDRESS right' },
    { name: 'store', look: () => lookAtStore(config), advice: 'start the S3 server, or put S3_ENDPOINT right' },
    { name: 'ffmpeg', look: () => lookForFfmpeg(find), advice: 'install ffmpeg' },
    {
      name: 'public URL',
      look: () => lookAtPublicUrl(config),
      advice: 'set CLIPYARD_PUBLIC_URL to where callers reach the gateway',
    },
    ...config.accounts.map((account) => ({
      name: account.id,
      look: () => lookAtAccount(account, config),
      advice: 'look at its baseUrl, and whether this machine reaches it',
    })),
  ];
}

function lookAtSettings({ warnings, configFile, databaseUrl, secretKey }: Config): string {
  if (warnings.length > 0) throw new Ailment(warnings.join('; '), 'put it right, or take it away');
  if (databaseUrl !== null && secretKey === null) {
    throw new Ailment(
      'CLIPYARD_SECRET_KEY is not set, and the key of the catalog’s secrets lies in the data directory of each process',
      'set it to the same value for all processes; for example CLIPYARD_SECRET_KEY=$(openssl rand -base64 32)',
    );
  }
  return configFile ?? 'no clipyard.yaml: the sandbox is the upstream, and nothing is paid';
}

function lookAtFolder({ dataDir }: Config): string {
  const problem = problemOfDataDir(dataDir);
  if (problem !== null) throw new Error(`CLIPYARD_DATA_DIR ${problem}`);
  return dataDir;
}

/** Asks PostgreSQL once. */
async function query<Row extends object>(
  databaseUrl: string,
  text: string,
  values: unknown[] = [],
): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: EXCHANGE_MS });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function lookAtCatalog({ databaseUrl }: Config): Promise<string> {
  if (databaseUrl === null) return 'embedded: for one process, which `clipyard up` is';
  const [row] = await query<CatalogRights>(databaseUrl, CATALOG_RIGHTS);
  if (row === undefined) throw new Error('PostgreSQL says nothing of itself');
  const { version, reader, role, schema } = row;
  const problem = problemOfServerVersion(row.versionNumber);
  if (problem !== null) throw new Ailment(problem, 'update it, or name another server in DATABASE_URL');
  if (reader === 'on') {
    throw new Ailment(
      'DATABASE_URL names a server that only reads, such as a standby',
      'name the one that takes writes',
    );
  }
  if (!(row.makesSchemas && row.makesTables)) {
    throw new Ailment(
      `role ${role} may make no tables there, which a start does after an update`,
      `as the owner: GRANT CREATE ON DATABASE … TO ${role}; GRANT CREATE ON SCHEMA ${schema} TO ${role};`,
    );
  }
  return version.split(' ').slice(0, 2).join(' ');
}

interface CatalogRights {
  readonly version: string;
  readonly versionNumber: number;
  readonly reader: string;
  readonly role: string;
  readonly schema: string;
  readonly makesSchemas: boolean;
  readonly makesTables: boolean;
}

/** What migrations need: a schema of their own, and tables where the role's other tables are. */
const CATALOG_RIGHTS = `
  select version(), current_setting('server_version_num')::int as "versionNumber",
    current_setting('transaction_read_only') as reader, current_user as role,
    coalesce(current_schema(), 'public') as schema,
    has_database_privilege(current_database(), 'create') as "makesSchemas",
    has_schema_privilege(coalesce(current_schema(), 'public'), 'create') as "makesTables"`;

const UNDEFINED_TABLE = '42P01';

/** What is asked at the endpoint of a caller that is not there is refused, and only who asks learns of it. */
async function lookAtNexusCallers({ databaseUrl, nexusCallers }: Config): Promise<string> {
  const named = nexusCallers.join(', ');
  if (databaseUrl === null) return `${named}; whether the embedded catalog has them, \`clipyard callers list\` shows`;
  const active = 'select id from callers where id = any($1) and disabled_at is null';
  const rows = await query<{ id: string }>(databaseUrl, active, [nexusCallers]).catch((error) => {
    if (error.code === UNDEFINED_TABLE) throw new Ailment('the catalog has no tables yet', 'run `clipyard migrate`');
    throw error;
  });
  const missing = nexusCallers.filter((callerId) => !rows.some(({ id }) => id === callerId));
  if (missing.length === 0) return named;
  throw new Ailment(
    `CLIPYARD_NEXUS_CALLERS names ${missing.join(', ')}, and no active caller has such an id`,
    'put CLIPYARD_NEXUS_CALLERS right; `clipyard callers list` shows every id',
  );
}

async function lookAtStore({ s3, mediaWay }: Config): Promise<string> {
  if (s3 === null) return 'files in the data directory';
  const { openS3Store, problemOfBucket } = await import('../../media/s3/s3-store.ts');
  const store = openS3Store({ ...s3, redirects: mediaWay === 'redirect', onProblem: () => undefined });
  try {
    await store.check();
    return `bucket ${s3.bucket} at ${s3.endpoint ?? 'AWS'}, ${mediaWay}`;
  } catch (error) {
    const problem = problemOfBucket(error);
    if (problem === null) throw error;
    throw new Ailment(problem, 'put the setting right; docs/operating.md says what the keys need');
  } finally {
    store.close();
  }
}

async function lookForFfmpeg(find: () => Promise<string | null>): Promise<string> {
  const path = await find();
  if (path === null) throw new Error('there is none on PATH: clips get no posters, and are not decoded to check them');
  return path;
}

/** Upstreams fetch input images there; that no gateway answers yet is as it should be before a start. */
async function lookAtPublicUrl({ publicUrl, accounts }: Config): Promise<string> {
  const isPrivate = (url: string) => isLiteralPrivateAddress(new URL(url).hostname);
  const far = accounts.find(({ baseUrl }) => URL.canParse(baseUrl) && !isPrivate(baseUrl));
  if (far !== undefined && isPrivate(publicUrl)) {
    throw new Error(`${publicUrl} is no address at which account ${far.id} could fetch uploaded images`);
  }
  const answer = await fetch(`${publicUrl}/healthz`, { signal: AbortSignal.timeout(EXCHANGE_MS) }).catch(() => null);
  if (answer === null) return `${publicUrl}, where no gateway answers now`;
  const body: unknown = await answer.json().catch(() => null);
  const isOurs = typeof body === 'object' && body !== null && 'status' in body && body.status === 'ok';
  if (!isOurs) throw new Error(`${publicUrl} is answered by something else (${answer.status} at /healthz)`);
  return publicUrl;
}

async function lookAtAccount(account: AccountConfig, config: Config): Promise<string> {
  if (config.configFile === null) return 'the embedded sandbox';
  const { id, baseUrl, list, api } = account;
  const provider = providerOf(providersOf(config), { account: id, provider: account.provider });
  const found = await askFreely(provider, account, AbortSignal.timeout(EXCHANGE_MS));
  const spoken = api ?? provider.name;
  if (found.kind === 'unreachable') throw new Error(found.message);
  if (found.kind === 'refused') {
    throw new Ailment(
      `${baseUrl} refuses its key (${found.status})`,
      `put right what apiKeyEnv of account ${id} names`,
    );
  }
  if (found.kind === 'no route' && list) {
    throw new Ailment(
      `nothing at ${baseUrl} answers as ${spoken} does: ${found.message}`,
      `put baseUrl of account ${id} right, or say list: false where the upstream has no list`,
    );
  }
  const ofKey = found.kind === 'accepted' ? ', which takes its key' : '; its key shows at the first create alone';
  return `${spoken} at ${baseUrl}${ofKey}`;
}
