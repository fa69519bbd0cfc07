/** What the environment may say, and what a process says about what it may not. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ConfigError, loadConfig } from '../../src/config/settings.ts';

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

  test('empty values count as absent', () => {
    expect(loadConfig({ CLIPYARD_PORT: '', DATABASE_URL: '' })).toMatchObject({ port: 8787, databaseUrl: null });
  });

  test('given values replace the defaults', () => {
    expect(
      loadConfig({
        CLIPYARD_HOST: '::1',
        CLIPYARD_PORT: '9000',
        CLIPYARD_SIGNING_KEY: 'new, old',
        CLIPYARD_TRUSTED_HOSTS: '10.0.0.7:9000,[::1]:443',
        DATABASE_URL: 'postgres://u@h/db',
      }),
    ).toMatchObject({
      publicUrl: 'http://[::1]:9000',
      signingKeys: ['new', 'old'],
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
    ['CLIPYARD_PUBLIC_URL', 'clips.example.com', 'http or https URL', 'CLIPYARD_PUBLIC_URL=https://'],
    ['CLIPYARD_PUBLIC_URL', 'http://a/?b', 'query', 'CLIPYARD_PUBLIC_URL=https://'],
    ['CLIPYARD_TRUSTED_HOSTS', 'images.internal', 'host:port', 'CLIPYARD_TRUSTED_HOSTS=10.0.0.7:9000'],
    ['CLIPYARD_DRAIN_SECONDS', '-1', 'from 0 to 86400', 'CLIPYARD_DRAIN_SECONDS=900'],
    ['CLIPYARD_SYNC_WAIT_SECONDS', '0', 'from 1 to 3600', 'CLIPYARD_SYNC_WAIT_SECONDS=540'],
    ['CLIPYARD_LOG_LEVEL', 'loud', 'one of trace, debug', 'CLIPYARD_LOG_LEVEL=info'],
    ['CLIPYARD_CONFIG', '/nowhere/clipyard.yaml', 'does not exist', 'CLIPYARD_CONFIG=./clipyard.yaml'],
    ['DATABASE_URL', 'mysql://x', 'PostgreSQL URL', 'DATABASE_URL=postgres://'],
    ['TEMPORAL_ADDRESS', 'temporal', 'host:port', 'TEMPORAL_ADDRESS=127.0.0.1:7233'],
    ['TEMPORAL_NAMESPACE', 'a b', 'namespace', 'TEMPORAL_NAMESPACE=default'],
    ['TEMPORAL_UI_URL', 'localhost', 'URL', 'TEMPORAL_UI_URL=https://'],
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
