/** What clipyard.yaml may hold, and how its mistakes are named. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '../../src/config/settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'clipyard-file-'));
const file = join(directory, 'clipyard.yaml');
afterAll(() => rmSync(directory, { recursive: true }));

const ACCOUNT = '{ id: a, provider: airforce, baseUrl: "https://api.example/", apiKeyEnv: KEY }';
const OTHER = '{ id: b, provider: airforce, baseUrl: "http://127.0.0.1:9/x", apiKeyEnv: KEY, pool: other }';
const MODEL = 'id: m, account: a, pricePerSecondMicroUsd: 100000, durationsSeconds: [8, 4]';

function load(text: string, environment: Record<string, string> = { KEY: 'secret' }) {
  writeFileSync(file, text);
  return loadConfig({ ...environment, CLIPYARD_CONFIG: file });
}

function problemOf(text: string, environment?: Record<string, string>): string {
  try {
    load(text, environment);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'nothing';
}

describe('clipyard.yaml', () => {
  test('an account needs only four keys', () => {
    expect(load(`accounts: [${ACCOUNT}]`)).toMatchObject({
      configFile: file,
      accounts: [
        {
          id: 'a',
          provider: 'airforce',
          baseUrl: 'https://api.example',
          apiKey: 'secret',
          maxConcurrentTasks: 4,
          shared: false,
          pool: 'main',
          trustedHosts: [],
          timing: {},
        },
      ],
    });
  });

  test('a model takes its range from its durations', () => {
    expect(load(`accounts: [${ACCOUNT}]\nmodels: [{ ${MODEL} }]`).models).toEqual([
      {
        id: 'm',
        accounts: ['a'],
        upstreamModel: 'm',
        pricePerSecondMicroUsd: 100_000,
        durationsSeconds: [4, 8],
        minDurationSeconds: 4,
        maxDurationSeconds: 8,
        aspectRatios: [],
        qualities: [],
        modes: ['text'],
      },
    ]);
  });

  test('accounts with one key are shared', () => {
    const environment = { KEY: 'one', OTHER_KEY: 'two' };
    const sharedOf = (text: string) => load(text, environment).accounts.map(({ shared }) => shared);
    const other = ACCOUNT.replace('id: a', 'id: b');
    expect(sharedOf(`accounts: [${ACCOUNT}, ${other}]`)).toEqual([true, true]);
    expect(sharedOf(`accounts: [${ACCOUNT}, ${other.replace('KEY', 'OTHER_KEY')}]`)).toEqual([false, false]);
  });

  test('the example file is a valid one', () => {
    const { accounts, models } = loadConfig({ CLIPYARD_CONFIG: 'clipyard.example.yaml', AIRFORCE_KEY: 'k' });
    expect([accounts.length, models.length]).toEqual([1, 1]);
  });

  test.each([
    ['a list at the top', '- 1', 'the file is not of the type object'],
    ['broken YAML', 'accounts: [', 'is not YAML'],
    ['an empty file', '', 'accounts is missing'],
    ['no account', 'accounts: []', 'accounts is empty'],
    ['an unknown key at the top', `accounts: [${ACCOUNT}]\nx: 1`, 'x is not a known key'],
    ['an unknown key deep inside', `accounts: [{ timing: { pollMs: 1 } }]`, 'accounts[0].timing.pollMs is not a known'],
    ['a missing key', 'accounts: [{ id: a }]', 'accounts[0].baseUrl is missing; for example baseUrl: https'],
    ['an unknown provider', `accounts: [{ provider: x }]`, 'accounts[0].provider is not one of airforce'],
    ['a base URL with version', `accounts: [{ baseUrl: "https://a.example/v1/" }]`, 'ends in /v1'],
    ['a base URL without scheme', `accounts: [{ baseUrl: a.example }]`, 'accounts[0].baseUrl is not an http'],
    ['a number out of bounds', `accounts: [{ maxConcurrentTasks: 0 }]`, 'maxConcurrentTasks is not a whole number'],
    ['crossed intervals', 'accounts: [{ timing: { minPollMs: 9000, maxPollMs: 60 } }]', 'is larger than maxPollMs'],
    ['a bad trusted host', 'accounts: [{ trustedHosts: [x] }]', 'accounts[0].trustedHosts[0] is not host:port'],
    ['a repeated account', `accounts: [${ACCOUNT}, ${ACCOUNT}]`, 'accounts[1].id a is there twice'],
    [
      'an account nobody has',
      `accounts: [${OTHER}]\nmodels: [{ ${MODEL} }]`,
      'models[0].account names a, which is no account',
    ],
    [
      'a model across pools',
      `accounts: [${ACCOUNT}, ${OTHER}]\nmodels: [{ ${MODEL.replace('account: a', 'accounts: [a, b]')} }]`,
      'models[0].accounts lies in several pools (main, other)',
    ],
    [
      'a model without account',
      `accounts: [${ACCOUNT}]\nmodels: [{ ${MODEL.replace('account: a,', '')} }]`,
      'models[0].account or accounts is needed',
    ],
    [
      'a model without durations',
      `accounts: [${ACCOUNT}]\nmodels: [{ id: m, account: a, pricePerSecondMicroUsd: 1 }]`,
      'models[0].durationsSeconds or maxDurationSeconds is needed',
    ],
  ])('%s is refused by its path', (_, text, problem) => {
    expect(problemOf(text)).toContain(problem);
  });

  test('a key that the environment lacks is named', () => {
    const text = `accounts: [${ACCOUNT}]`;
    expect(problemOf(text, {})).toContain('accounts[0].apiKeyEnv names KEY, which is not set');
    expect(problemOf(text, { KEY: 'a b' })).toContain('names KEY, which holds spaces');
  });

  test('a refused key never shows in the message', () => {
    expect(problemOf(`accounts: [${ACCOUNT}]`, { KEY: 'very secret' })).not.toContain('very secret');
  });
});
