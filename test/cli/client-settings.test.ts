/** Which gateway and key the commands use. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findGateway } from '../../src/cli/client-settings.ts';

const ROOT_KEY = 'cy_root_key_that_was_chosen';
let dataDir = '';

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'clipyard-client-settings-'));
  writeFileSync(join(dataDir, 'root-key'), 'cy_generated\n');
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const find = (environment: Record<string, string>) => findGateway({ CLIPYARD_DATA_DIR: dataDir, ...environment });

test('nothing has to be set beside a gateway that generated its key', () => {
  expect(find({})).toEqual({ url: 'http://127.0.0.1:8787', apiKey: 'cy_generated' });
  expect(find({ CLIPYARD_HOST: '::1', CLIPYARD_PORT: '9000' }).url).toBe('http://[::1]:9000');
  expect(find({ CLIPYARD_PUBLIC_URL: 'https://clips.example.com/' }).url).toBe('https://clips.example.com');
});

test('what is set wins over what is generated', () => {
  expect(find({ CLIPYARD_ROOT_KEY: ROOT_KEY }).apiKey).toBe(ROOT_KEY);
  expect(find({ CLIPYARD_ROOT_KEY: ROOT_KEY, CLIPYARD_API_KEY: 'mine' }).apiKey).toBe('mine');
  expect(find({ CLIPYARD_PUBLIC_URL: 'https://a.example', CLIPYARD_URL: 'http://localhost:1/' }).url).toBe(
    'http://localhost:1',
  );
});

test('a generated key is sent to this machine and to the gateway of the settings only', () => {
  expect(find({ CLIPYARD_URL: 'http://localhost:9000' }).apiKey).toBe('cy_generated');
  expect(() => find({ CLIPYARD_URL: 'https://other.example' })).toThrow(/^CLIPYARD_API_KEY is not set; for example/);
  expect(() => find({ CLIPYARD_URL: 'http://127.evil.example' })).toThrow(/^CLIPYARD_API_KEY is not set; for example/);
});

test("root's key is sent to this machine and to the gateway of the settings only", () => {
  const settings = { CLIPYARD_ROOT_KEY: ROOT_KEY, CLIPYARD_PUBLIC_URL: 'https://clips.example.com' };
  expect(find({ ...settings, CLIPYARD_URL: 'https://CLIPS.example.com:443/' }).apiKey).toBe(ROOT_KEY);
  expect(find({ ...settings, CLIPYARD_URL: 'http://127.0.0.2:1' }).apiKey).toBe(ROOT_KEY);
  for (const url of ['https://other.example', 'http://clips.example.com', 'http://[::ffff:127.0.0.1]:19999']) {
    expect(() => find({ ...settings, CLIPYARD_URL: url })).toThrow(
      "CLIPYARD_API_KEY is not set; for example CLIPYARD_API_KEY=cy_3kN0u2mQ (root's key goes to this machine",
    );
    expect(find({ ...settings, CLIPYARD_URL: url, CLIPYARD_API_KEY: 'mine' })).toEqual({ url, apiKey: 'mine' });
  }
});

test('beside a gateway that listens at every address its own machine is asked', () => {
  expect(find({ CLIPYARD_HOST: '0.0.0.0', CLIPYARD_ROOT_KEY: ROOT_KEY })).toEqual({
    url: 'http://127.0.0.1:8787',
    apiKey: ROOT_KEY,
  });
});

test('only a name that is probably a slip is said', () => {
  const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  find({ CLIPYARD_ULR: 'https://other.example', CLIPYARD_AIRFORCE_KEY: 'of clipyard.yaml' });
  expect(stderr.mock.calls).toEqual([
    ['CLIPYARD_ULR is no setting of this version, and ignored; did you mean CLIPYARD_URL?\n'],
  ]);
  stderr.mockRestore();
});

test('without a key it is said where one was looked for', () => {
  rmSync(join(dataDir, 'root-key'));
  expect(() => find({})).toThrow(`CLIPYARD_API_KEY is not set, and ${dataDir} has no root key that can be read`);
});

test('a setting that cannot be used is named with its problem and an example', () => {
  expect(() => find({ CLIPYARD_URL: 'ftp://clips.example.com' })).toThrow(
    'CLIPYARD_URL is not an http or https URL; for example CLIPYARD_URL=https://clips.example.com',
  );
  expect(() => find({ CLIPYARD_API_KEY: 'two words' })).toThrow(/^CLIPYARD_API_KEY holds spaces/);
});
