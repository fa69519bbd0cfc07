/** What the environment may say, and what a process says about what it may not. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { exampleOf } from '../../src/config/entry.ts';
import { SETTINGS } from '../../src/config/environment.ts';
import { readSettings } from '../../src/config/read-settings.ts';
import { atPort, ConfigError, embeddedOnly, loadConfig } from '../../src/config/settings.ts';

function problemOf(environment: Record<string, string>): string {
  try {
    loadConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'nothing';
}

// A checkout may hold an operator's own clipyard.yaml: these tests look elsewhere.
const startDir = process.cwd();
const emptyDir = mkdtempSync(join(tmpdir(), 'clipyard-empty-'));
beforeAll(() => process.chdir(emptyDir));
afterAll(() => {
  process.chdir(startDir);
  rmSync(emptyDir, { recursive: true });
});

const NEW_KEY = 'a-new-key-for-the-links';
const OLD_KEY = 'an-old-key-for-the-links';

describe('settings', () => {
  test('an empty environment gives the documented defaults', () => {
    expect(loadConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 8787,
      dataDir: resolve('.clipyard'),
      publicUrl: 'http://127.0.0.1:8787',
      rootKey: null,
      signingKeys: [],
      databaseUrl: null,
      temporal: { external: false, namespace: 'default', uiUrl: null, cliPath: null },
      trustedHosts: [],
      drainSeconds: 900,
      syncWaitSeconds: 540,
      logLevel: 'info',
    });
  });

  test('the sandbox is the only account without a file', () => {
    const { accounts, models, configFile } = loadConfig({});
    expect(accounts).toMatchObject([
      { id: 'sandbox', provider: 'airforce', timing: { firstPollMs: 500, minPollMs: 500, maxPollMs: 5000 } },
    ]);
    expect([models, configFile]).toEqual([[], null]);
  });

  test('proxies may be named in lower case, which counts first, and without a scheme', () => {
    const named = {
      HTTPS_PROXY: 'http://one.example:1',
      https_proxy: 'two.example:2',
      http_proxy: 'http://u:p@[::1]:3',
    };
    expect(loadConfig({ ...named, no_proxy: '.internal, 10.0.0.0/8' })).toMatchObject({
      httpsProxy: 'http://two.example:2/',
      httpProxy: 'http://u:p@[::1]:3/',
      noProxy: ['.internal', '10.0.0.0/8'],
    });
    expect(problemOf({ HTTPS_PROXY: 'socks5://a.example:1' })).toContain(
      'HTTPS_PROXY is not an http or https URL of a',
    );
  });

  test('empty values count as absent', () => {
    expect(loadConfig({ CLIPYARD_PORT: '', DATABASE_URL: '' })).toMatchObject({ port: 8787, databaseUrl: null });
  });

  test('given values replace the defaults', () => {
    expect(
      loadConfig({
        CLIPYARD_HOST: '::1',
        CLIPYARD_PORT: '9000',
        CLIPYARD_SIGNING_KEY: `${NEW_KEY}, ${OLD_KEY}`,
        CLIPYARD_TRUSTED_HOSTS: '10.0.0.7:9000,[::1]:443',
        DATABASE_URL: 'postgres://u@h/db',
      }),
    ).toMatchObject({
      publicUrl: 'http://[::1]:9000',
      signingKeys: [NEW_KEY, OLD_KEY],
      trustedHosts: ['10.0.0.7:9000', '[::1]:443'],
      databaseUrl: 'postgres://u@h/db',
    });
    expect(loadConfig({ CLIPYARD_PUBLIC_URL: 'https://clips.example.com/' }).publicUrl).toBe(
      'https://clips.example.com',
    );
  });

  test('a Temporal address makes the server external', () => {
    expect(loadConfig({ TEMPORAL_ADDRESS: 'temporal:7233', TEMPORAL_NAMESPACE: 'clips' }).temporal).toMatchObject({
      external: true,
      namespace: 'clips',
      connection: { address: 'temporal:7233' },
    });
  });

  test.each([
    ['CLIPYARD_PORT', 'http', 'whole number from 1 to 65535', 'CLIPYARD_PORT=8787'],
    ['CLIPYARD_METRICS_PORT', 'on', 'whole number from 1 to 65535', 'CLIPYARD_METRICS_PORT=9464'],
    ['CLIPYARD_PORT', '70000', 'whole number from 1 to 65535', 'CLIPYARD_PORT=8787'],
    ['CLIPYARD_HOST', 'http://x', 'not a host name', 'CLIPYARD_HOST=127.0.0.1'],
    ['CLIPYARD_ROOT_KEY', 'two words', 'spaces', 'CLIPYARD_ROOT_KEY=cy_'],
    ['CLIPYARD_ROOT_KEY', 'nineteen-characters', 'fewer than 20 characters', 'CLIPYARD_ROOT_KEY=cy_'],
    ['CLIPYARD_SIGNING_KEY', `${NEW_KEY},x`, 'fewer than 20 characters', 'CLIPYARD_SIGNING_KEY=new-key'],
    ['CLIPYARD_PUBLIC_URL', 'clips.example.com', 'http or https URL', 'CLIPYARD_PUBLIC_URL=https://'],
    ['CLIPYARD_PUBLIC_URL', 'http://a/?b', 'query', 'CLIPYARD_PUBLIC_URL=https://'],
    ['CLIPYARD_PUBLIC_URL', 'https://u:p@clips.example.com', 'user name or a password', 'CLIPYARD_PUBLIC_URL=https://'],
    ['CLIPYARD_PUBLIC_URL', 'https://u@clips.example.com', 'user name or a password', 'CLIPYARD_PUBLIC_URL=https://'],
    ['CLIPYARD_PUBLIC_URL', 'http://0.0.0.0:8787', 'no host that can be called', 'CLIPYARD_PUBLIC_URL=https://'],
    ['CLIPYARD_TRUSTED_HOSTS', 'images.internal', 'host:port', 'CLIPYARD_TRUSTED_HOSTS=10.0.0.7:9000'],
    ['CLIPYARD_DRAIN_SECONDS', '-1', 'from 0 to 86400', 'CLIPYARD_DRAIN_SECONDS=900'],
    ['CLIPYARD_SYNC_WAIT_SECONDS', '0', 'from 1 to 3600', 'CLIPYARD_SYNC_WAIT_SECONDS=540'],
    ['CLIPYARD_LOG_LEVEL', 'loud', 'one of trace, debug', 'CLIPYARD_LOG_LEVEL=info'],
    ['CLIPYARD_CONFIG', '/nowhere/clipyard.yaml', 'does not exist', 'CLIPYARD_CONFIG=./clipyard.yaml'],
    ['DATABASE_URL', 'mysql://x', 'PostgreSQL URL', 'DATABASE_URL=postgres://'],
    ['TEMPORAL_ADDRESS', 'temporal', 'host:port', 'TEMPORAL_ADDRESS=127.0.0.1:7233'],
    ['TEMPORAL_NAMESPACE', 'a b', 'namespace', 'TEMPORAL_NAMESPACE=default'],
    ['TEMPORAL_UI_URL', 'localhost', 'URL', 'TEMPORAL_UI_URL=https://'],
    ['TEMPORAL_UI_URL', 'https://u:p@temporal.internal', 'user name or a password', 'TEMPORAL_UI_URL=https://'],
  ])('%s refuses %s with problem and example', (name, value, problem, example) => {
    const message = problemOf({ [name]: value });
    expect(message.startsWith(name)).toBe(true);
    expect(message).toContain(problem);
    expect(message).toContain(example);
  });

  test('all bad values are named at once', () => {
    expect(problemOf({ CLIPYARD_PORT: 'x', CLIPYARD_LOG_LEVEL: 'y' }).split('\n')).toHaveLength(2);
  });

  test('a profile that is not there is named', () => {
    const directory = mkdtempSync(join(tmpdir(), 'clipyard-config-'));
    const file = join(directory, 'temporal.toml');
    writeFileSync(file, '[profile.here]\naddress = "temporal:7233"\nnamespace = "clips"\n');
    expect(problemOf({ TEMPORAL_PROFILE: 'gone', TEMPORAL_CONFIG_FILE: file })).toContain('TEMPORAL_PROFILE');
    expect(loadConfig({ TEMPORAL_PROFILE: 'here', TEMPORAL_CONFIG_FILE: file }).temporal).toMatchObject({
      external: true,
      namespace: 'clips',
      connection: { address: 'temporal:7233' },
    });
    rmSync(directory, { recursive: true });
  });
});

describe('the bucket of media', () => {
  const KEYS = { AWS_ACCESS_KEY_ID: 'AKIA1', AWS_SECRET_ACCESS_KEY: 'sec/ret+1' };

  test('is none, and media are files', () => {
    expect(loadConfig({ AWS_REGION: 'eu-central-1', ...KEYS })).toMatchObject({ s3: null, mediaWay: 'proxy' });
  });

  test('is taken with everything that leads to it', () => {
    const given = { S3_BUCKET: 'clips', S3_ENDPOINT: 'http://s3:7070/', AWS_REGION: 'eu-central-1', ...KEYS };
    expect(loadConfig({ ...given, CLIPYARD_MEDIA: 'redirect' })).toMatchObject({
      mediaWay: 'redirect',
      s3: {
        bucket: 'clips',
        endpoint: 'http://s3:7070',
        region: 'eu-central-1',
        accessKeyId: 'AKIA1',
        secretAccessKey: 'sec/ret+1',
        sessionToken: null,
      },
    });
  });

  test('needs no keys where the machine has them', () => {
    expect(loadConfig({ S3_BUCKET: 'clips' }).s3).toMatchObject({ endpoint: null, accessKeyId: null });
  });

  test.each([
    [{ S3_ENDPOINT: 'http://s3:7070' }, 'S3_BUCKET is needed by S3_ENDPOINT'],
    [{ CLIPYARD_MEDIA: 'redirect' }, 'S3_BUCKET is needed by CLIPYARD_MEDIA'],
    [{ CLIPYARD_MEDIA: 'presign' }, 'CLIPYARD_MEDIA is not one of proxy, redirect'],
    [{ S3_BUCKET: 'Clips_' }, 'S3_BUCKET is not the name of a bucket'],
    [{ S3_BUCKET: 'clips', AWS_ACCESS_KEY_ID: 'AKIA1' }, 'AWS_SECRET_ACCESS_KEY is not set'],
  ])('%j stops the start with a sentence', (given, problem) => {
    expect(problemOf(given)).toContain(problem);
  });

  test('is not used by what runs with everything embedded', () => {
    const embedded = embeddedOnly(loadConfig({ S3_BUCKET: 'clips', CLIPYARD_MEDIA: 'redirect' }));
    expect(embedded).toMatchObject({ s3: null, mediaWay: 'proxy', dataDir: resolve('.clipyard/demo') });
  });
});

describe('encryption', () => {
  const key = (byte: number) => Buffer.alloc(32, byte).toString('base64');

  test('has its keys in order', () => {
    expect(loadConfig({}).encryptionKeys).toEqual([]);
    expect(loadConfig({ CLIPYARD_ENCRYPTION_KEYS: `new:${key(1)}, old:${key(2)}` }).encryptionKeys).toEqual([
      { id: 'new', key: Buffer.alloc(32, 1) },
      { id: 'old', key: Buffer.alloc(32, 2) },
    ]);
  });

  test.each(['secret', `new:${Buffer.alloc(16).toString('base64')}`, `a:${key(1)},a:${key(2)}`, `:${key(1)}`])(
    'does not begin with %s, which is not repeated',
    (keys) => {
      const problem = problemOf({ CLIPYARD_ENCRYPTION_KEYS: keys });
      expect(problem).toContain('CLIPYARD_ENCRYPTION_KEYS is not a list of id:base64');
      expect(problem).not.toContain(keys);
    },
  );
});

describe('pages of other origins', () => {
  test('are none, any, or named ones', () => {
    expect(loadConfig({}).corsOrigins).toEqual([]);
    expect(loadConfig({ CLIPYARD_CORS_ORIGINS: '*' }).corsOrigins).toEqual(['*']);
    expect(loadConfig({ CLIPYARD_CORS_ORIGINS: 'http://localhost:3000, https://app.example' }).corsOrigins).toEqual([
      'http://localhost:3000',
      'https://app.example',
    ]);
  });

  test.each(['app.example', 'https://app.example/', 'https://app.example/page', 'ftp://app.example', 'null'])(
    '%s is no origin',
    (origin) => {
      expect(problemOf({ CLIPYARD_CORS_ORIGINS: origin })).toContain('CLIPYARD_CORS_ORIGINS is not a list of origins');
    },
  );
});

describe('the callers of Nexus endpoints', () => {
  const callersOf = (environment: Record<string, string>) => loadConfig(environment).nexusCallers;

  test('there are none unless the setting is on', () => {
    expect(callersOf({})).toEqual([]);
    expect(callersOf({ CLIPYARD_NEXUS_CALLERS: 'caller_1' })).toEqual([]);
    const twice = 'caller_1, root, caller_1';
    expect(callersOf({ CLIPYARD_NEXUS: 'on', CLIPYARD_NEXUS_CALLERS: twice })).toEqual(['caller_1', 'root']);
  });

  test('where it is on they have to be named', () => {
    expect(problemOf({ CLIPYARD_NEXUS: 'on' })).toContain('CLIPYARD_NEXUS_CALLERS is needed by CLIPYARD_NEXUS');
    expect(problemOf({ CLIPYARD_NEXUS_CALLERS: 'a caller' })).toContain('is not a list of ids of callers');
    expect(problemOf({ CLIPYARD_NEXUS: 'yes' })).toContain('CLIPYARD_NEXUS is not one of on, off');
  });
});

describe('what is merely odd', () => {
  const warningsOf = (environment: Record<string, string>) => loadConfig(environment).warnings;

  test('a name of ours that nothing reads is said, with the one that was probably meant', () => {
    expect(warningsOf({ CLIPYARD_PROT: '1' })).toEqual([
      'CLIPYARD_PROT is no setting of this version, and ignored; did you mean CLIPYARD_PORT?',
    ]);
    expect(warningsOf({ CLIPYARD_TURBO: 'on' })).toEqual(['CLIPYARD_TURBO is no setting of this version, and ignored']);
  });

  test.each([
    ['CLIPYARD_PORTS', 'CLIPYARD_PORT'],
    ['CLIPYARD_ULR', 'CLIPYARD_URL'],
    ['CLIPYARD_APIKEY', 'CLIPYARD_API_KEY'],
    ['CLIPYARD_DATADIR', 'CLIPYARD_DATA_DIR'],
    ['CLIPYARD_LOGLEVEL', 'CLIPYARD_LOG_LEVEL'],
    ['CLIPYARD_DRAIN_SECOND', 'CLIPYARD_DRAIN_SECONDS'],
    ['CLIPYARD_DATABASE_URL', 'DATABASE_URL'],
    ['CLIPYARD_TEMPORAL_ADRESS', 'TEMPORAL_ADDRESS'],
  ])('%s is taken for a slip of %s', (name, meant) => {
    expect(warningsOf({ [name]: 'x' })).toEqual([expect.stringContaining(`did you mean ${meant}?`)]);
  });

  test('what others read, what is empty and what the file names is not mentioned', () => {
    expect(warningsOf({ PORT: '1', AWS_REGION: 'x', S3_PREFIX: 'x', CLIPYARD_PROT: '' })).toEqual([]);
    const accounts = [{ id: 'a', provider: 'a4f', baseUrl: 'https://a.example', apiKeyEnv: 'CLIPYARD_A4F_KEY' }];
    writeFileSync('clipyard.yaml', JSON.stringify({ accounts }));
    expect(warningsOf({ CLIPYARD_A4F_KEY: 'key' })).toEqual([]);
    rmSync('clipyard.yaml');
  });

  test.each([
    ['0.0.0.0', 'http://127.0.0.1:8787'],
    ['0', 'http://127.0.0.1:8787'],
    ['::', 'http://[::1]:8787'],
    ['0:0:0:0:0:0:0:0', 'http://[::1]:8787'],
  ])('a gateway that listens at %s links to %s and says so', (host, publicUrl) => {
    const config = loadConfig({ CLIPYARD_HOST: host });
    expect(config).toMatchObject({ host, publicUrl });
    expect(config.warnings).toEqual([
      `CLIPYARD_PUBLIC_URL is not set: links begin with ${publicUrl} and open on this machine alone; ` +
        'for example CLIPYARD_PUBLIC_URL=https://clips.example.com',
    ]);
    expect(warningsOf({ CLIPYARD_HOST: host, CLIPYARD_PUBLIC_URL: 'https://clips.example.com' })).toEqual([]);
    expect(atPort(config, 9000).publicUrl).toBe(publicUrl.replace('8787', '9000'));
  });
});

test('a demo has its own links, catalog and folder beside what the settings name', () => {
  const settings = { CLIPYARD_PUBLIC_URL: 'https://clips.example.com', DATABASE_URL: 'postgres://u@h/db' };
  expect(embeddedOnly(loadConfig(settings))).toMatchObject({
    publicUrl: 'http://127.0.0.1:8787',
    databaseUrl: null,
    dataDir: resolve('.clipyard/demo'),
    accounts: [{ id: 'sandbox' }],
  });
});

test('every example can be written', () => {
  const environment = Object.fromEntries(
    Object.values(SETTINGS).map((setting) => [setting.name as string, exampleOf(setting)]),
  );
  expect(() => readSettings(SETTINGS, environment)).not.toThrow();
});
