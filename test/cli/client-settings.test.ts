/** Which gateway and key the commands use. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findGateway } from '../../src/cli/client-settings.ts';

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
  expect(find({ CLIPYARD_ROOT_KEY: 'root' }).apiKey).toBe('root');
  expect(find({ CLIPYARD_ROOT_KEY: 'root', CLIPYARD_API_KEY: 'mine' }).apiKey).toBe('mine');
  expect(find({ CLIPYARD_PUBLIC_URL: 'https://a.example', CLIPYARD_URL: 'http://localhost:1/' }).url).toBe(
    'http://localhost:1',
  );
});

test('a generated key is sent to this machine and to the gateway of the settings only', () => {
  expect(find({ CLIPYARD_URL: 'http://localhost:9000' }).apiKey).toBe('cy_generated');
  expect(() => find({ CLIPYARD_URL: 'https://other.example' })).toThrow(/^CLIPYARD_API_KEY is not set; for example/);
  expect(() => find({ CLIPYARD_URL: 'http://127.evil.example' })).toThrow(/^CLIPYARD_API_KEY is not set; for example/);
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
