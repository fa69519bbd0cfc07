/** The environment variables that are settings: one table in which each stands once. */

import { z } from 'zod';
import type { Entry } from './entry.ts';
import {
  baseUrl,
  commaSeparated,
  databaseUrl,
  encryptionKeys,
  hostPort,
  isOrigin,
  isWildcard,
  longSecret,
  oneOf,
  proxyUrl,
  secret,
  textLike,
  webUrl,
  wholeNumberText,
} from './values.ts';

/** A row; the key before it is its name in the program. */
export interface Setting extends Entry {
  readonly name: string;
  /** Its example is no key to start with. */
  readonly isSecret?: true;
}

const MEDIA_WAYS = ['proxy', 'redirect'] as const;

const SWITCH = ['on', 'off'] as const;

const CALLER_ID = /^[A-Za-z0-9_-]{1,64}$/;

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** What the processes read: gateway, workers, and what runs beside them. */
export const PROCESS_SETTINGS = {
  host: {
    name: 'CLIPYARD_HOST',
    schema: textLike(/^[A-Za-z0-9.:_-]+$/, 'is not a host name or address').default('127.0.0.1'),
    meaning: 'where the gateway listens; `0.0.0.0` or `::` is every address of the machine',
  },
  port: {
    name: 'CLIPYARD_PORT',
    schema: wholeNumberText(1, 65_535).default(8787),
    meaning: 'its port',
  },
  publicUrl: {
    name: 'CLIPYARD_PUBLIC_URL',
    schema: baseUrl.refine((url) => !isWildcard(new URL(url).hostname), 'names no host that can be called').optional(),
    example: 'https://clips.example.com',
    absent: '`http://HOST:PORT`',
    meaning:
      'base of the links we hand out, to callers and (by the workers) to upstreams; without it, a gateway that listens ' +
      'at every address hands out links that this machine alone can open, and says so',
  },
  dataDir: {
    name: 'CLIPYARD_DATA_DIR',
    schema: z.string().default('.clipyard'),
    meaning: "folder of the catalog, media, Temporal's file and the generated root key (mode 0600)",
  },
  rootKey: {
    name: 'CLIPYARD_ROOT_KEY',
    schema: longSecret.optional(),
    example: 'cy_root_3kN0u2mQ7dXvT1bL',
    isSecret: true,
    absent: 'generated, printed once',
    meaning: 'API key of the caller `root`, of 20 characters or more: may do everything, has no credit limit',
  },
  signingKeys: {
    name: 'CLIPYARD_SIGNING_KEY',
    schema: commaSeparated.pipe(z.array(longSecret)).default([]),
    example: 'new-key-of-20-characters,previous-key-of-20-characters',
    isSecret: true,
    absent: 'generated, kept in the catalog',
    meaning:
      'signs links, 20 characters or more; a list `new,old` rotates, after `old,new` has been set everywhere: the first signs, all verify',
  },
  secretKey: {
    name: 'CLIPYARD_SECRET_KEY',
    schema: longSecret.optional(),
    example: 'secret-key-of-20-characters-or-more',
    isSecret: true,
    absent: 'generated, kept in the data directory',
    meaning:
      'encrypts the secrets that the catalog has to be able to read, such as those of webhooks; with several processes it ' +
      'has to be set, or they share the data directory',
  },
  configFile: {
    name: 'CLIPYARD_CONFIG',
    schema: z.string().optional(),
    example: './clipyard.yaml',
    absent: '`clipyard.yaml` if present, else the sandbox',
    meaning: 'file with upstream accounts and models',
  },
  trustedHosts: {
    name: 'CLIPYARD_TRUSTED_HOSTS',
    schema: commaSeparated
      .refine((hosts) => z.array(hostPort).safeParse(hosts).success, 'is not a list of host:port')
      .default([]),
    example: '10.0.0.7:9000,images.internal:443',
    meaning:
      "`host:port,…` that callers' image URLs, webhooks and callbacks may name although they are private; gateway and workers read it",
  },
  corsOrigins: {
    name: 'CLIPYARD_CORS_ORIGINS',
    schema: commaSeparated
      .refine((origins) => origins.every((origin) => origin === '*' || isOrigin(origin)), 'is not a list of origins')
      .default([]),
    example: 'https://app.example.com,http://localhost:3000',
    absent: 'none',
    meaning:
      'origins whose web pages may call the API and read media links, with an API key and never with cookies; `*` for any; ' +
      'with `CLIPYARD_MEDIA=redirect` the bucket has to allow them as well',
  },
  drainSeconds: {
    name: 'CLIPYARD_DRAIN_SECONDS',
    schema: wholeNumberText(0, 86_400).default(900),
    meaning:
      'how long a stop waits for a running a4f call and for running requests before it cuts them; all other work hands ' +
      'over within seconds',
  },
  keepDays: {
    name: 'CLIPYARD_KEEP_DAYS',
    schema: wholeNumberText(1, 36_500).default(400),
    meaning:
      'for how many days after their end videos, batches and films keep their rows, and films their bytes; sums of costs ' +
      'and of the ledger are kept for ever; gateways and workers read it',
  },
  syncWaitSeconds: {
    name: 'CLIPYARD_SYNC_WAIT_SECONDS',
    // X19: SDKs give up after 600 s and send the request again, so the answer comes before.
    schema: wholeNumberText(1, 3_600).default(540),
    meaning: 'how long an a4f create waits for its clip; the other dialects answer at once',
  },
  metricsPort: {
    name: 'CLIPYARD_METRICS_PORT',
    schema: wholeNumberText(1, 65_535).optional(),
    example: '9464',
    absent: 'off',
    meaning: "port of `CLIPYARD_HOST` at which `up`, `serve` and `work` serve Prometheus' `/metrics`, without a key",
  },
  otlpEndpoint: {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    schema: baseUrl.optional(),
    example: 'http://127.0.0.1:4318',
    absent: 'off',
    meaning:
      'base URL of an OpenTelemetry collector to which `up`, `serve` and `work` send traces (OTLP over HTTP, at `/v1/traces`); ' +
      'its library reads `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_TRACES_SAMPLER`',
  },
  logLevel: {
    name: 'CLIPYARD_LOG_LEVEL',
    schema: oneOf(LOG_LEVELS).default('info'),
    meaning: '`trace`, `debug`, `info`, `warn`, `error` or `silent`; JSON lines on standard error',
  },
  databaseUrl: {
    name: 'DATABASE_URL',
    schema: databaseUrl.optional(),
    example: 'postgres://clipyard@127.0.0.1:5432/clipyard',
    absent: 'unset: embedded PGlite',
    meaning: 'PostgreSQL; needed by `serve` and `work`',
  },
  httpsProxy: {
    name: 'HTTPS_PROXY',
    schema: proxyUrl.optional(),
    example: 'http://proxy.example:3128',
    absent: 'none',
    meaning:
      'proxy for what is asked of upstreams and of result links by https, unless an account names another; also in lower ' +
      'case, which counts first, like the next two; this machine itself, Temporal and the catalog are never reached through it',
  },
  httpProxy: {
    name: 'HTTP_PROXY',
    schema: proxyUrl.optional(),
    example: 'http://proxy.example:3128',
    absent: 'none',
    meaning: 'the same for plain http',
  },
  noProxy: {
    name: 'NO_PROXY',
    schema: commaSeparated.default([]),
    example: 'internal.example,10.0.0.0/8',
    meaning: 'hosts that are asked directly, with all names below theirs: names, addresses, networks, or `*` for all',
  },
  s3Bucket: {
    name: 'S3_BUCKET',
    schema: textLike(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'is not the name of a bucket').optional(),
    example: 'clips',
    absent: 'unset: files',
    meaning: 'bucket in which media are kept instead of the data directory; it has to be there',
  },
  s3Endpoint: {
    name: 'S3_ENDPOINT',
    schema: baseUrl.optional(),
    example: 'https://s3.example.com',
    absent: 'AWS',
    meaning: 'base URL of its server; with `CLIPYARD_MEDIA=redirect` callers have to reach it as well',
  },
  awsRegion: {
    name: 'AWS_REGION',
    schema: textLike(/^[a-z0-9-]+$/, 'is not the name of a region').optional(),
    example: 'eu-central-1',
    absent: '`us-east-1`',
    meaning: 'its region',
  },
  awsAccessKeyId: {
    name: 'AWS_ACCESS_KEY_ID',
    schema: secret.optional(),
    example: 'AKIAIOSFODNN7EXAMPLE',
    isSecret: true,
    absent: 'what AWS gives the machine or the pod',
    meaning: 'key that may list, read, write and delete there, and list and abort multipart uploads',
  },
  awsSecretAccessKey: {
    name: 'AWS_SECRET_ACCESS_KEY',
    schema: secret.optional(),
    example: 'wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY',
    isSecret: true,
    absent: 'likewise',
    meaning: 'its secret',
  },
  awsSessionToken: {
    name: 'AWS_SESSION_TOKEN',
    schema: z.string().optional(),
    example: 'a-token-of-sts',
    isSecret: true,
    absent: 'none',
    meaning: 'goes with keys that live for a while',
  },
  mediaWay: {
    name: 'CLIPYARD_MEDIA',
    schema: oneOf(MEDIA_WAYS).default('proxy'),
    meaning:
      'with S3: `proxy` streams clips through the gateway, `redirect` answers GET with a link of the bucket that lives ' +
      'for an hour; HEAD is answered by the gateway',
  },
  temporalAddress: {
    name: 'TEMPORAL_ADDRESS',
    schema: hostPort.optional(),
    example: '127.0.0.1:7233',
    absent: 'unset: embedded dev server',
    meaning: '`host:port` of a Temporal server',
  },
  temporalNamespace: {
    name: 'TEMPORAL_NAMESPACE',
    schema: textLike(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'is not a namespace name').optional(),
    example: 'default',
    absent: '`default`',
    meaning: 'its namespace',
  },
  temporalProfile: {
    name: 'TEMPORAL_PROFILE',
    schema: z.string().optional(),
    example: 'production',
    absent: 'unset',
    meaning: "a profile of Temporal's own configuration file; used instead of an address",
  },
  temporalApiKey: {
    name: 'TEMPORAL_API_KEY',
    schema: secret.optional(),
    example: 'key-of-temporal-cloud',
    isSecret: true,
    absent: 'none',
    meaning: 'key that its server takes, as Temporal Cloud does; TLS is on with it, unless `TEMPORAL_TLS=false`',
  },
  temporalUiUrl: {
    name: 'TEMPORAL_UI_URL',
    schema: webUrl.optional(),
    example: 'https://temporal.example.com',
    absent: 'that of the dev server',
    meaning: 'base of the links to workflows',
  },
  buildId: {
    name: 'CLIPYARD_BUILD_ID',
    schema: textLike(/^[A-Za-z0-9._-]{1,100}$/, 'is not a build id of letters, digits and . _ -').optional(),
    example: '2026-11-29.1',
    absent: 'none: no worker versioning',
    meaning:
      "workers join Temporal's worker deployment `clipyard` under this build id and make it current when they poll",
  },
  nexus: {
    name: 'CLIPYARD_NEXUS',
    schema: oneOf(SWITCH).default('off'),
    meaning:
      '`on`: workers answer the Nexus operations `generateVideo` and `runBatch`, which workflows of other namespaces call ' +
      '(experimental)',
  },
  nexusCallers: {
    name: 'CLIPYARD_NEXUS_CALLERS',
    schema: commaSeparated
      .refine((ids) => ids.every((id) => CALLER_ID.test(id)), 'is not a list of ids of callers')
      .default([]),
    example: 'caller_0199f0c2-5d3e-7a41-9c56-2f7d8e9a0b1c',
    absent: 'none',
    meaning:
      'ids of the callers that have a Nexus endpoint; who asks at the task queue `nexus-ID` is that caller; needed where ' +
      '`CLIPYARD_NEXUS` is on',
  },
  encryptionKeys: {
    name: 'CLIPYARD_ENCRYPTION_KEYS',
    schema: encryptionKeys.default([]),
    example: 'new:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=',
    isSecret: true,
    absent: 'none: nothing is encrypted',
    meaning:
      '`id:base64,…`, keys of 32 bytes under which all that Temporal keeps of clips is encrypted (AES-256-GCM); the first ' +
      'encrypts, all decrypt; gateways and workers need the same ones',
  },
  temporalCliPath: {
    name: 'TEMPORAL_CLI_PATH',
    schema: z.string().optional(),
    example: '/usr/local/bin/temporal',
    absent: 'looked up',
    meaning: 'the `temporal` program for the embedded dev server',
  },
  cacheHome: {
    name: 'XDG_CACHE_HOME',
    schema: z.string().optional(),
    example: '/var/cache',
    absent: '`~/.cache`',
    meaning: 'where the dev server that was downloaded or built is kept, in `clipyard/`',
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** What the commands against a running gateway read beside those that say where our own gateway is. */
export const COMMAND_SETTINGS = {
  url: {
    name: 'CLIPYARD_URL',
    schema: baseUrl.optional(),
    example: 'https://clips.example.com',
    absent: 'the public URL',
    meaning: 'which gateway the commands ask',
  },
  apiKey: {
    name: 'CLIPYARD_API_KEY',
    schema: secret.optional(),
    example: 'cy_3kN0u2mQ',
    isSecret: true,
    absent: "root's key",
    meaning:
      'whose videos and callers they are; without it `CLIPYARD_ROOT_KEY`, else the generated key in the data directory: ' +
      'both are sent to this machine or the public URL only',
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** Every setting. */
export const SETTINGS = { ...PROCESS_SETTINGS, ...COMMAND_SETTINGS };
