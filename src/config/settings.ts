/** The settings of a process: the only reader of the environment and, through upstreams.ts, of clipyard.yaml. */

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { ClientConnectConfig } from '@temporalio/envconfig';
import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { AccountConfig } from '../domain/account.ts';
import { ConfigError, type Environment } from './entry.ts';
import { COMMAND_SETTINGS, PROCESS_SETTINGS } from './environment.ts';
import { complain, readSettings, unknownNames, type Values, withoutEmpty } from './read-settings.ts';
import { readConfigFile, type Upstreams } from './upstreams.ts';
import { isWildcard } from './values.ts';

export { ConfigError, type Environment };

type Given = Values<typeof PROCESS_SETTINGS>;

const { httpsProxy, httpProxy, noProxy } = PROCESS_SETTINGS;

/** Other programs read these in lower case, and first so. */
function withProxyNames(environment: Record<string, string>): Record<string, string> {
  const lower = [httpsProxy, httpProxy, noProxy].flatMap(({ name }) => {
    const value = environment[name.toLowerCase()];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...environment, ...Object.fromEntries(lower) };
}

/** Every setting under its name in the table, and what is made of several. */
export interface Config
  extends Omit<Given, `temporal${string}` | `s3${string}` | `aws${string}` | 'cacheHome' | 'nexus'>,
    Pick<Upstreams, 'accounts' | 'models' | 'descriptions'> {
  /** Absolute. */
  readonly dataDir: string;
  /** Without a trailing slash. */
  readonly publicUrl: string;
  /** Absolute; null: no configuration was found, and the embedded sandbox is the upstream. */
  readonly configFile: string | null;
  /** Where media are kept; null: in the data directory. */
  readonly s3: ReturnType<typeof readS3>;
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
  /** Whether a browser can be opened for who started the process; never where no person looks on. */
  readonly hasDesktop: boolean;
  /** Lines for the operator: settings that are no reason to stop, and likely mistakes. */
  readonly warnings: readonly string[];
}

/** Reads `.env` and the environment. */
function processEnvironment(): Environment {
  // What is already set wins over the file.
  if (existsSync('.env')) process.loadEnvFile('.env');
  // That later versions of AWS's package will want another Node is nothing that an operator can do something about.
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';
  return process.env;
}

/** The file to read, null where there is none to read; one that was named must be there. */
function findConfigFile(named: string | null): string | null {
  const path = resolve(named ?? 'clipyard.yaml');
  if (existsSync(path)) return path;
  if (named === null) return null;
  throw new ConfigError(complain(PROCESS_SETTINGS.configFile, `names ${path}, which does not exist`));
}

function readTemporal(given: Given, environment: Record<string, string>): Config['temporal'] {
  const external = given.temporalAddress !== null || given.temporalProfile !== null;
  let loaded: ClientConnectConfig;
  try {
    loaded = loadClientConnectConfig({ overrideEnvVars: environment, disableFile: !external });
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(complain(PROCESS_SETTINGS.temporalProfile, `cannot be used: ${problem}`), { cause });
  }
  return {
    external,
    namespace: loaded.namespace ?? 'default',
    connection: loaded.connectionOptions,
    uiUrl: given.temporalUiUrl,
    cliPath: given.temporalCliPath,
  };
}

/** The bucket of media and the way to it; null without one. */
function readS3(given: Given) {
  const { s3Bucket: bucket, s3Endpoint: endpoint, awsRegion: region, mediaWay } = given;
  const { awsAccessKeyId: accessKeyId, awsSecretAccessKey: secretAccessKey, awsSessionToken: sessionToken } = given;
  if (bucket === null) {
    const needsIt = endpoint !== null ? PROCESS_SETTINGS.s3Endpoint : PROCESS_SETTINGS.mediaWay;
    if (endpoint === null && mediaWay === 'proxy') return null;
    throw new ConfigError(complain(PROCESS_SETTINGS.s3Bucket, `is needed by ${needsIt.name}`));
  }
  if ((accessKeyId === null) !== (secretAccessKey === null)) {
    const missing = accessKeyId === null ? PROCESS_SETTINGS.awsAccessKeyId : PROCESS_SETTINGS.awsSecretAccessKey;
    throw new ConfigError(complain(missing, 'is not set, and the other one of the two is'));
  }
  return { bucket, endpoint, region, accessKeyId, secretAccessKey, sessionToken };
}

/** The callers that have a Nexus endpoint: an operation has no key, so the switch alone would leave open whose it is. */
function readNexusCallers({ nexus, nexusCallers }: Given): string[] {
  if (nexus === 'off') return [];
  // Two workers of a process cannot share a task queue.
  if (nexusCallers.length > 0) return [...new Set(nexusCallers)];
  throw new ConfigError(complain(PROCESS_SETTINGS.nexusCallers, `is needed by ${PROCESS_SETTINGS.nexus.name}`));
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
const SANDBOX: Upstreams = { accounts: [SANDBOX_ACCOUNT], models: [], keyNames: [], descriptions: {} };

/** Where a gateway is called that listens there; one that listens everywhere is called at this machine's own address. */
function urlAt(host: string, port: number): string {
  const isIpv6 = host.includes(':');
  const callable = !isWildcard(host) ? host : isIpv6 ? '::1' : '127.0.0.1';
  return `http://${isIpv6 ? `[${callable}]` : callable}:${port}`;
}

function wildcardWarning({ host, port, publicUrl }: Given): readonly string[] {
  if (publicUrl !== null || !isWildcard(host)) return [];
  const problem = `is not set: links begin with ${urlAt(host, port)} and open on this machine alone`;
  return [complain(PROCESS_SETTINGS.publicUrl, problem)];
}

/** The same settings with everything embedded and the sandbox as the only upstream: nothing is paid, nothing shared. */
export function embeddedOnly(config: Config): Config {
  const { temporal, configFile, databaseUrl, s3 } = config;
  const isEmbedded = configFile === null && databaseUrl === null && s3 === null && !temporal.external;
  return {
    ...config,
    // A data directory that belongs to other accounts or to other processes is left alone.
    dataDir: isEmbedded ? config.dataDir : join(config.dataDir, 'demo'),
    // So is the gateway that callers know, and root's key for it.
    publicUrl: urlAt(config.host, config.port),
    accounts: SANDBOX.accounts,
    models: SANDBOX.models,
    descriptions: SANDBOX.descriptions,
    configFile: null,
    databaseUrl: null,
    s3: null,
    mediaWay: 'proxy',
    metricsPort: null,
    otlpEndpoint: null,
    nexusCallers: [],
    temporal: { ...temporal, external: false, namespace: 'default', uiUrl: null },
  };
}

/** The same settings at another port of this machine; links lead there. */
export function atPort(config: Config, port: number): Config {
  return port === config.port ? config : { ...config, port, publicUrl: urlAt(config.host, port) };
}

/** Where programs that take minutes to fetch or to build are kept for all checkouts of this user. */
export function userCacheDir(environment: Environment): string {
  return join(environment[PROCESS_SETTINGS.cacheHome.name] ?? join(homedir(), '.cache'), 'clipyard');
}

/** A screen of the user's own, with a person before it. */
function hasDesktop(environment: Environment): boolean {
  if (environment['CI'] !== undefined || !process.stdout.isTTY) return false;
  const { platform } = process;
  const isForeign = environment['SSH_CONNECTION'] !== undefined;
  const hasScreen = environment['DISPLAY'] !== undefined || environment['WAYLAND_DISPLAY'] !== undefined;
  return !isForeign && (hasScreen || platform === 'darwin' || platform === 'win32');
}

/**
 * Reads and checks all settings of this process.
 * @throws ConfigError naming every setting that cannot be used, its problem and an example.
 */
export function loadConfig(read: Environment = processEnvironment()): Config {
  const environment = withProxyNames(withoutEmpty(read));
  const given = readSettings(PROCESS_SETTINGS, environment);
  const configFile = findConfigFile(given.configFile);
  const proxies = { http: given.httpProxy, https: given.httpsProxy, except: given.noProxy };
  const { keyNames, ...upstreams } = configFile === null ? SANDBOX : readConfigFile(configFile, environment, proxies);
  return {
    ...given,
    dataDir: resolve(given.dataDir),
    publicUrl: given.publicUrl ?? urlAt(given.host, given.port),
    ...upstreams,
    configFile,
    s3: readS3(given),
    nexusCallers: readNexusCallers(given),
    temporal: readTemporal(given, environment),
    cacheDir: userCacheDir(environment),
    hasDesktop: hasDesktop(environment),
    warnings: [...unknownNames(environment, keyNames).map(({ line }) => line), ...wildcardWarning(given)],
  };
}

const { host, port, publicUrl, dataDir, rootKey } = PROCESS_SETTINGS;
/** What the commands against a running gateway read: their own settings, and those that say where ours listens. */
const CLIENT_SETTINGS = { ...COMMAND_SETTINGS, host, port, publicUrl, dataDir, rootKey };

/** Where the commands against a running gateway find it, and with which key. */
export interface ClientConfig {
  /** Without a trailing slash. */
  readonly url: string;
  /** Null: no setting has one that may be sent there. */
  readonly apiKey: string | null;
  /** Where a gateway with these settings may keep the root key that it generated; null where the URL is another's. */
  readonly rootKeyDir: string | null;
  /** Lines for the user. */
  readonly warnings: readonly string[];
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * Reads the settings of a command against a running gateway; accounts, Temporal and database do not concern it.
 * @throws ConfigError like `loadConfig`.
 */
export function loadClientConfig(read: Environment = processEnvironment()): ClientConfig {
  const environment = withoutEmpty(read);
  const given = readSettings(CLIENT_SETTINGS, environment);
  const ownUrl = given.publicUrl ?? urlAt(given.host, given.port);
  const url = given.url ?? ownUrl;
  const asked = new URL(url);
  // Root's key is for our own gateway: it opens everything there, and tells another one how.
  const isOwn = asked.href === new URL(ownUrl).href || LOOPBACK.test(asked.hostname);
  return {
    url,
    apiKey: given.apiKey ?? (isOwn ? given.rootKey : null),
    rootKeyDir: isOwn ? resolve(given.dataDir) : null,
    // Names of upstream keys are the operator's, and stand in a file that commands do not read.
    warnings: unknownNames(environment, []).flatMap(({ line, isMisspelt }) => (isMisspelt ? [line] : [])),
  };
}
