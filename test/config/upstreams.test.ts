/** What clipyard.yaml may hold, and how its mistakes are named. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { exampleOf } from '../../src/config/entry.ts';
import { FILE_KEYS, type FileKey } from '../../src/config/file-keys.ts';
import { ConfigError, loadConfig } from '../../src/config/settings.ts';

const directory = mkdtempSync(join(tmpdir(), 'clipyard-file-'));
const file = join(directory, 'clipyard.yaml');
afterAll(() => rmSync(directory, { recursive: true }));

const ACCOUNT = '{ id: a, provider: airforce, baseUrl: "https://api.example/", apiKeyEnv: KEY }';
const OTHER = '{ id: b, provider: airforce, baseUrl: "http://127.0.0.1:9/x", apiKeyEnv: KEY, pool: other }';
const MODEL = 'id: m, account: a, pricePerSecondMicroUsd: 100000, durationsSeconds: [8, 4]';

const accountWith = (said: string) => ACCOUNT.replace('}', `, ${said} }`);
const timed = (timing: string) => `accounts: [${ACCOUNT.replace('}', `, timing: { ${timing} } }`)}]`;
const endpoint = (path: string) => `accounts: [{ baseUrl: "https://a.example${path}" }]`;

/** Every key with its path. */
function listKeys(keys: Readonly<Record<string, FileKey>>, above = ''): (readonly [string, FileKey])[] {
  return Object.entries(keys).flatMap(([name, key]) => [
    [`${above}${name}`, key] as const,
    ...listKeys(key.keys ?? {}, `${above}${name}.`),
  ]);
}

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

  test('the example file is a valid one', () => {
    const { accounts, models } = loadConfig({ CLIPYARD_CONFIG: 'clipyard.example.yaml', AIRFORCE_KEY: 'k' });
    expect([accounts.length, models.length]).toEqual([1, 1]);
  });

  test('headers and a proxy are filled in from the environment, and their variables are no strangers', () => {
    const headers = `headers: { X-Tenant: one, CF-Access-Client-Id: "id-\${CY_ID}" }`;
    const said = `${headers}, proxy: "http://u:\${CY_PW}@10.0.0.2:3128"`;
    const ours = { CLIPYARD_ID: 'x', CY_ID: 'the-id', CY_PW: 'pw' };
    const environment = { KEY: 'secret', HTTPS_PROXY: 'http://p.example', ...ours };
    const { accounts, warnings } = load(`accounts: [${accountWith(said)}, ${OTHER}]`, environment);
    const own = 'http://u:pw@10.0.0.2:3128/';
    expect(accounts.map(({ passage }) => passage)).toEqual([
      {
        headers: { 'x-tenant': 'one', 'cf-access-client-id': 'id-the-id' },
        secrets: ['the-id'],
        proxies: { http: own, https: own, except: [] },
      },
      { headers: {}, secrets: [], proxies: { http: null, https: 'http://p.example/', except: [] } },
    ]);
    expect(warnings.join()).toMatch(/^CLIPYARD_ID is no setting/);
    const named = accountWith(`headers: { X-Id: "\${CLIPYARD_ID}" }`);
    expect(load(`accounts: [${named}]`, environment).warnings).toEqual([]);
  });

  test.each([
    ['none', { http: null, https: null, except: [] }],
    ['proxy.example:3128', { http: 'http://proxy.example:3128/', https: 'http://proxy.example:3128/', except: [] }],
  ])('the proxy %s is instead of those of the environment', (proxy, proxies) => {
    const environment = { KEY: 'secret', https_proxy: 'http://p.example', NO_PROXY: 'a.example' };
    const [account] = load(`accounts: [${accountWith(`proxy: "${proxy}"`)}]`, environment).accounts;
    expect(account?.passage?.proxies).toEqual(proxies);
  });

  test.each([
    ['headers: { "a b": x }', 'accounts[0].headers.a b is not the name of a header'],
    ['headers: { Authorization: x }', 'accounts[0].headers.Authorization is a header that is sent already'],
    [`headers: { X: "\${NOT_THERE}" }`, 'accounts[0].headers.X names NOT_THERE, which is not set'],
    ['headers: { X: "a\\nb" }', 'accounts[0].headers.X holds nothing, or characters that a header cannot carry'],
    ['headers: { X: 7 }', 'accounts[0].headers.X is not of the type string'],
    [`proxy: "\${NOT_THERE}"`, 'accounts[0].proxy names NOT_THERE, which is not set; for example proxy: http'],
    ['proxy: "socks5://a:1"', 'accounts[0].proxy is not an http or https URL of a proxy, nor none'],
    ['proxy: "http://a:1/path"', 'accounts[0].proxy carries more than the host and the port of a proxy'],
  ])('an account with %s is refused', (said, problem) => {
    expect(problemOf(`accounts: [${accountWith(said)}]`)).toContain(problem);
  });

  test.each([
    ['a list at the top', '- 1', 'the file is not of the type object'],
    ['broken YAML', 'accounts: [', 'is not YAML'],
    ['an empty file', '', 'accounts is missing'],
    ['no account', 'accounts: []', 'accounts is empty'],
    ['an unknown key at the top', `accounts: [${ACCOUNT}]\nx: 1`, 'x is not a known key'],
    ['an unknown key deep inside', `accounts: [{ timing: { pollMs: 1 } }]`, 'accounts[0].timing.pollMs is not a known'],
    ['a missing key', 'accounts: [{ id: a }]', 'accounts[0].baseUrl is missing; for example baseUrl: https'],
    ['a missing number', `accounts: [${ACCOUNT}]\nmodels: [{ id: m }]`, 'models[0].pricePerSecondMicroUsd is missing'],
    ['a key without a value', 'accounts: [{ id: a, baseUrl: }]', 'accounts[0].baseUrl is missing'],
    ['a missing choice', 'accounts: [{ id: a }]', 'accounts[0].provider is missing; for example provider: airforce'],
    ['a slip at the top', `acounts: [${ACCOUNT}]`, 'acounts is not a known key; did you mean accounts?'],
    ['a slip of an account', 'accounts: [{ base_url: x }]', 'base_url is not a known key; did you mean baseUrl?'],
    ['a slip of a model', 'models: [{ price: 1 }]', 'price is not a known key; did you mean pricePerSecondMicroUsd?'],
    [
      'a slip of timing',
      'accounts: [{ timing: { minPolMs: 1 } }]',
      'minPolMs is not a known key; did you mean minPollMs?',
    ],
    ['a word for a number', 'accounts: [{ maxConcurrentTasks: four }]', 'is not a whole number from 1 to 1000'],
    ['an unknown provider', `accounts: [{ provider: x }]`, 'accounts[0].provider is not one of airforce'],
    ['a base URL with version', `accounts: [{ baseUrl: "https://a.example/v1/" }]`, 'ends in /v1'],
    [
      'a base URL that is an endpoint',
      endpoint('/x/v1/videos'),
      'ends in /v1/videos: write what stands before it, https://a.example/x;',
    ],
    ['an endpoint with version alone', endpoint('/v1//'), 'what stands before it, https://a.example;'],
    ['an endpoint of airforce', endpoint('/v1/video/generations'), 'what stands before it, https://a.example;'],
    ['an endpoint of chats', endpoint('/api/v1/chat/completions'), 'what stands before it, https://a.example/api;'],
    ['an endpoint of apifree', endpoint('/v1/openai/videos'), 'what stands before it, https://a.example;'],
    ['a base URL with credentials', `accounts: [{ baseUrl: "https://u:p@a.example" }]`, 'a user name or a password'],
    ['a base URL with a query', endpoint('?key=1'), 'accounts[0].baseUrl carries a query'],
    ['a base URL without scheme', `accounts: [{ baseUrl: a.example }]`, 'accounts[0].baseUrl is not an http'],
    ['a number out of bounds', `accounts: [{ maxConcurrentTasks: 0 }]`, 'maxConcurrentTasks is not a whole number'],
    ['crossed intervals', timed('minPollMs: 9000, maxPollMs: 60'), 'timing.minPollMs is larger than maxPollMs, 60'],
    ['a shortest interval above the longest', timed('minPollMs: 60000'), 'minPollMs is larger than maxPollMs, 15000'],
    ['a longest interval below the shortest', timed('maxPollMs: 4000'), 'maxPollMs is smaller than minPollMs, 5000'],
    ['a bad trusted host', 'accounts: [{ trustedHosts: [x] }]', 'accounts[0].trustedHosts[0] is not host:port'],
    ['a repeated account', `accounts: [${ACCOUNT}, ${ACCOUNT}]`, 'accounts[1].id a is there twice'],
    [
      'an account that is not there',
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

  test.each(['/', '//', '/v1/ab12/gateway', '/v1x', '/videos'])('a base URL may end in %s', (path) => {
    const account = ACCOUNT.replace('https://api.example/', `https://api.example${path}`);
    expect(load(`accounts: [${account}]`).accounts[0]?.baseUrl).toBe(`https://api.example${path}`.replace(/\/+$/, ''));
  });

  test('intervals in order with those of the provider are taken', () => {
    const { accounts } = load(timed('minPollMs: 15000'));
    expect(accounts[0]?.timing).toEqual({ minPollMs: 15_000 });
  });

  test('a file that cannot be read is named', () => {
    expect(() => loadConfig({ CLIPYARD_CONFIG: directory })).toThrow(/^clipyard-file-\w+ cannot be read: EISDIR/);
  });

  test.each(listKeys(FILE_KEYS))('the example of %s can be written', (_, key) => {
    expect(() => key.schema.parse(parse(exampleOf(key)))).not.toThrow();
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
