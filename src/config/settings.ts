/** The settings of a process: the only reader of the environment and, through config-file.ts, of clipyard.yaml. */

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import { z } from 'zod';
import type { AccountConfig } from '../domain/account.ts';
import type { ModelConfig } from '../domain/models.ts';
import { ConfigError, isHostPort, readConfigFile } from './upstreams.ts';

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Null: no metrics. */
  readonly metricsPort: number | null;
  /** Absolute. */
  readonly dataDir: string;
  /** Without a trailing slash. */
  readonly publicUrl: string;
  /** Null: generated. */
  readonly rootKey: string | null;
  readonly signingKeys: readonly string[];
  readonly accounts: readonly AccountConfig[];
  readonly models: readonly ModelConfig[];
  /** Null: no configuration was found, and the embedded sandbox is the upstream. */
  readonly configFile: string | null;
  /** Null: PGlite in the data directory. */
  readonly databaseUrl: string | null;
  readonly temporal: {
    /** True when an address or a profile was given; otherwise the dev server is embedded. */
    readonly external: boolean;
    readonly namespace: string;
    /** How to reach an external server, as Temporal's own tools read it; nothing of it concerns the dev server. */
    readonly connection: ClientConnectConfig['connectionOptions'];
    /** Without a trailing slash. */
    readonly uiUrl: string | null;
    readonly cliPath: string | null;
  };
  /** The user's own folder for what is built once and shared by checkouts. */
  readonly cacheDir: string;
  /** `host:port` that callers' URLs may name although they are private. */
  readonly trustedHosts: readonly string[];
  readonly drainSeconds: number;
  readonly syncWaitSeconds: number;
  readonly keepDays: number;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

export { ConfigError };

function commaSeparated(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function wholeNumber(min: number, max: number) {
  const problem = `is not a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^[0-9]{1,9}$/, problem)
    .transform(Number)
    .refine((value) => value >= min && value <= max, problem);
}

function url(protocols: readonly string[], kind: string) {
  const accepts = (value: string) => URL.canParse(value) && protocols.includes(new URL(value).protocol);
  return z.string().refine(accepts, `is not ${kind} URL`);
}

const webUrl = url(['http:', 'https:'], 'an http or https').transform((value) => value.replace(/\/+$/, ''));
const baseUrl = webUrl.refine((value) => !/[?#]/.test(value), 'carries a query or a fragment');
const secret = z.string().regex(/^[\x21-\x7e]{1,512}$/, 'holds spaces or characters that a header cannot carry');

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** Every setting of ours with its check; what is absent gets its default in `loadConfig`. */
const settingsSchema = z.object({
  CLIPYARD_HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]+$/, 'is not a host name or address')
    .default('127.0.0.1'),
  CLIPYARD_PORT: wholeNumber(1, 65_535).default(8787),
  CLIPYARD_METRICS_PORT: wholeNumber(1, 65_535).optional(),
  CLIPYARD_DATA_DIR: z.string().default('.clipyard'),
  CLIPYARD_ROOT_KEY: secret.optional(),
  CLIPYARD_PUBLIC_URL: baseUrl.optional(),
  CLIPYARD_SIGNING_KEY: z.string().transform(commaSeparated).pipe(z.array(secret)).default([]),
  CLIPYARD_CONFIG: z.string().optional(),
  CLIPYARD_TRUSTED_HOSTS: z
    .string()
    .transform(commaSeparated)
    .refine((hosts) => hosts.every(isHostPort), 'is not a list of host:port')
    .default([]),
  CLIPYARD_DRAIN_SECONDS: wholeNumber(0, 86_400).default(900),
  CLIPYARD_SYNC_WAIT_SECONDS: wholeNumber(1, 3_600).default(540),
  CLIPYARD_KEEP_DAYS: wholeNumber(1, 36_500).default(400),
  CLIPYARD_LOG_LEVEL: z.enum(LOG_LEVELS, { error: `is not one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  DATABASE_URL: url(['postgres:', 'postgresql:'], 'a PostgreSQL').optional(),
  TEMPORAL_ADDRESS: z.string().refine(isHostPort, 'is not host:port').optional(),
  TEMPORAL_NAMESPACE: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'is not a namespace name')
    .optional(),
  TEMPORAL_PROFILE: z.string().optional(),
  TEMPORAL_UI_URL: webUrl.optional(),
  TEMPORAL_CLI_PATH: z.string().optional(),
});
type Settings = z.infer<typeof settingsSchema>;

/** What the commands against a running gateway read: their own settings, and those that say where ours listens. */
const clientSettingsSchema = settingsSchema
  .pick({ CLIPYARD_HOST: true, CLIPYARD_PORT: true, CLIPYARD_DATA_DIR: true })
  .extend({
    CLIPYARD_PUBLIC_URL: baseUrl.optional(),
    CLIPYARD_ROOT_KEY: secret.optional(),
    CLIPYARD_URL: baseUrl.optional(),
    CLIPYARD_API_KEY: secret.optional(),
  });

type SettingName = keyof Settings | keyof z.infer<typeof clientSettingsSchema>;
const EXAMPLES: Readonly<Record<SettingName, string>> = {
  CLIPYARD_HOST: '127.0.0.1',
  CLIPYARD_PORT: '8787',
  CLIPYARD_METRICS_PORT: '9464',
  CLIPYARD_DATA_DIR: '.clipyard',
  CLIPYARD_ROOT_KEY: 'cy_root_3kN0u2mQ',
  CLIPYARD_PUBLIC_URL: 'https://clips.example.com',
  CLIPYARD_SIGNING_KEY: 'new-key,previous-key',
  CLIPYARD_CONFIG: './clipyard.yaml',
  CLIPYARD_TRUSTED_HOSTS: '10.0.0.7:9000,images.internal:443',
  CLIPYARD_DRAIN_SECONDS: '900',
  CLIPYARD_SYNC_WAIT_SECONDS: '540',
  CLIPYARD_KEEP_DAYS: '400',
  CLIPYARD_LOG_LEVEL: 'info',
  CLIPYARD_URL: 'https://clips.example.com',
  CLIPYARD_API_KEY: 'cy_3kN0u2mQ',
  DATABASE_URL: 'postgres://clipyard@127.0.0.1:5432/clipyard',
  TEMPORAL_ADDRESS: '127.0.0.1:7233',
  TEMPORAL_NAMESPACE: 'default',
  TEMPORAL_PROFILE: 'production',
  TEMPORAL_UI_URL: 'https://temporal.example.com',
  TEMPORAL_CLI_PATH: '/usr/local/bin/temporal',
};

/** Reads `.env` and the environment; an empty value counts as absent, as compose files leave them. */
function processEnvironment(): Environment {
  // What is already set wins over the file.
  if (existsSync('.env')) process.loadEnvFile('.env');
  return process.env;
}

function withoutEmpty(environment: Environment): Record<string, string> {
  const entries = Object.entries(environment).flatMap(([name, value]) => (value ? [[name, value] as const] : []));
  return Object.fromEntries(entries);
}

function readSettings<Schema extends z.ZodType>(schema: Schema, environment: Record<string, string>): z.output<Schema> {
  const parsed = schema.safeParse(environment);
  if (parsed.success) return parsed.data;
  const examples: Readonly<Record<string, string>> = EXAMPLES;
  const lines = parsed.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    return `${name} ${issue.message}; for example ${name}=${examples[name] ?? ''}`;
  });
  throw new ConfigError([...new Set(lines)].join('\n'));
}

/** The file to read, null where there is none to read; one that was named must be there. */
function findConfigFile(named: string | undefined): string | null {
  const path = resolve(named ?? 'clipyard.yaml');
  if (existsSync(path)) return path;
  if (named === undefined) return null;
  throw new ConfigError(
    `CLIPYARD_CONFIG names ${path}, which does not exist; for example CLIPYARD_CONFIG=./clipyard.yaml`,
  );
}

function readTemporal(settings: Settings, environment: Record<string, string>): Config['temporal'] {
  const external = settings.TEMPORAL_ADDRESS !== undefined || settings.TEMPORAL_PROFILE !== undefined;
  let loaded: ClientConnectConfig;
  try {
    loaded = loadClientConnectConfig({ overrideEnvVars: environment, disableFile: !external });
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`TEMPORAL_PROFILE cannot be used: ${problem}; for example TEMPORAL_PROFILE=production`, {
      cause,
    });
  }
  return {
    external,
    namespace: loaded.namespace ?? 'default',
    connection: loaded.connectionOptions,
    uiUrl: settings.TEMPORAL_UI_URL ?? null,
    cliPath: settings.TEMPORAL_CLI_PATH ?? null,
  };
}

/** The account of a process without a configuration file. The sandbox is here, so it is polled closely. */
const SANDBOX_ACCOUNT: AccountConfig = {
  id: 'sandbox',
  provider: 'airforce',
  baseUrl: '',
  apiKey: 'sandbox',
  maxConcurrentTasks: 4,
  maxRequestsPerSecond: 50,
  shared: false,
  list: true,
  pool: 'main',
  onLostAnswer: 'fail',
  lostAnswerHoldMs: 0,
  trustedHosts: [],
  timing: { firstPollMs: 500, minPollMs: 500, maxPollMs: 5_000 },
};

function publicUrlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The same settings with everything embedded and the sandbox as the only upstream: nothing is paid, nothing shared. */
export function embeddedOnly(config: Config): Config {
  const { temporal, configFile, databaseUrl } = config;
  const isEmbedded = configFile === null && databaseUrl === null && !temporal.external;
  return {
    ...config,
    // A data directory that belongs to other accounts or to other processes is left alone.
    dataDir: isEmbedded ? config.dataDir : join(config.dataDir, 'demo'),
    accounts: [SANDBOX_ACCOUNT],
    models: [],
    configFile: null,
    databaseUrl: null,
    metricsPort: null,
    temporal: { ...temporal, external: false, namespace: 'default', uiUrl: null },
  };
}

/** The same settings at another port of this machine; links lead there. */
export function atPort(config: Config, port: number): Config {
  return port === config.port ? config : { ...config, port, publicUrl: publicUrlOf(config.host, port) };
}

/** Where programs that take minutes to fetch or to build are kept for all checkouts of this user. */
export function userCacheDir(given: Environment): string {
  return join(given['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'clipyard');
}

/**
 * Reads and checks all settings of this process.
 * @throws ConfigError naming every setting that cannot be used, its problem and an example.
 */
export function loadConfig(environment: Environment = processEnvironment()): Config {
  const given = withoutEmpty(environment);
  const settings = readSettings(settingsSchema, given);
  const configFile = findConfigFile(settings.CLIPYARD_CONFIG);
  const upstreams =
    configFile === null ? { accounts: [SANDBOX_ACCOUNT], models: [] } : readConfigFile(configFile, given);
  return {
    host: settings.CLIPYARD_HOST,
    port: settings.CLIPYARD_PORT,
    metricsPort: settings.CLIPYARD_METRICS_PORT ?? null,
    dataDir: resolve(settings.CLIPYARD_DATA_DIR),
    publicUrl: settings.CLIPYARD_PUBLIC_URL ?? publicUrlOf(settings.CLIPYARD_HOST, settings.CLIPYARD_PORT),
    rootKey: settings.CLIPYARD_ROOT_KEY ?? null,
    signingKeys: settings.CLIPYARD_SIGNING_KEY,
    ...upstreams,
    configFile,
    databaseUrl: settings.DATABASE_URL ?? null,
    temporal: readTemporal(settings, given),
    cacheDir: userCacheDir(given),
    trustedHosts: settings.CLIPYARD_TRUSTED_HOSTS,
    drainSeconds: settings.CLIPYARD_DRAIN_SECONDS,
    syncWaitSeconds: settings.CLIPYARD_SYNC_WAIT_SECONDS,
    keepDays: settings.CLIPYARD_KEEP_DAYS,
    logLevel: settings.CLIPYARD_LOG_LEVEL,
  };
}

/** Where the commands against a running gateway find it, and with which key. */
export interface ClientConfig {
  /** Without a trailing slash. */
  readonly url: string;
  /** Null: no setting has one. */
  readonly apiKey: string | null;
  /** Where a gateway with these settings may keep the root key that it generated; null where the URL is another's. */
  readonly rootKeyDir: string | null;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Reads the settings of a command against a running gateway; accounts, Temporal and database do not concern it.
 * @throws ConfigError like `loadConfig`.
 */
export function loadClientConfig(environment: Environment = processEnvironment()): ClientConfig {
  const settings = readSettings(clientSettingsSchema, withoutEmpty(environment));
  const { CLIPYARD_HOST: host, CLIPYARD_PORT: port, CLIPYARD_DATA_DIR: dataDir } = settings;
  const ownUrl = settings.CLIPYARD_PUBLIC_URL ?? publicUrlOf(host, port);
  const url = settings.CLIPYARD_URL ?? ownUrl;
  // A key that was only found lying here is not sent to somebody else's gateway.
  const isOwn = url === ownUrl || LOOPBACK.test(new URL(url).hostname);
  return {
    url,
    apiKey: settings.CLIPYARD_API_KEY ?? settings.CLIPYARD_ROOT_KEY ?? null,
    rootKeyDir: isOwn ? resolve(dataDir) : null,
  };
}
