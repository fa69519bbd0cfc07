/** `clipyard doctor` on broken set-ups: each is told by its name, with what to do, and the rest is looked at all the same. */

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import pg from 'pg';
import { findPostgresBinaries, startPostgres } from '../../bench/postgres-server.ts';
import { createCaller, setCallerDisabled } from '../../src/catalog/callers.ts';
import { openDatabase } from '../../src/catalog/driver/database.ts';
import { findAilments } from '../../src/process/doctor/doctor.ts';
import { type Finding, printFindings } from '../../src/process/doctor/examination.ts';

/** Nothing listens there. */
const NOWHERE = '127.0.0.1:1';

let folder: string;
let upstream: Server;
let upstreamUrl: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'clipyard-doctor-'));
  upstream = createServer((request, reply) => {
    reply.setHeader('content-type', 'application/json');
    if (request.url?.startsWith('/website')) return void reply.setHeader('content-type', 'text/html').end('<html>');
    if (request.url?.startsWith('/elsewhere')) return void reply.writeHead(404).end('{"detail":"Not Found"}');
    if (request.headers.authorization === 'Bearer good') return void reply.end('{"data":[],"tasks":[]}');
    reply.writeHead(401).end('{"error":"wrong key","code":"invalid_api_key"}');
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});
afterAll(() => {
  upstream.close();
  rmSync(folder, { recursive: true });
});

/** The findings with an account at this base URL, and with these settings. */
async function look(settings: Record<string, string> = {}, { baseUrl = upstreamUrl, ffmpeg = true } = {}) {
  const file = join(folder, 'clipyard.yaml');
  const account = { id: 'one', provider: 'airforce', baseUrl, apiKeyEnv: 'ONE_KEY' };
  writeFileSync(file, JSON.stringify({ accounts: [account] }));
  const environment = {
    CLIPYARD_CONFIG: file,
    CLIPYARD_DATA_DIR: folder,
    ONE_KEY: 'good',
    CLIPYARD_PORT: '1',
    ...settings,
  };
  return await findAilments(environment, { find: async () => (ffmpeg ? '/usr/bin/ffmpeg' : null) });
}

const wrong = (findings: readonly Finding[]) => findings.filter(({ isRight }) => !isRight);

test('nothing is wrong with a set-up that is right', async () => {
  const findings = await look();
  expect(wrong(findings)).toEqual([]);
  expect(findings.map(({ name }) => name)).toEqual([
    ...['settings', 'data', 'catalog', 'temporal', 'store', 'ffmpeg', 'public URL', 'one'],
  ]);
});

test.each<[string, Record<string, string>, string, string]>([
  ['settings', { CLIPYARD_PORT: 'x' }, 'CLIPYARD_PORT is not', 'docs/settings.md'],
  ['settings', { CLIPYARD_DATADIR: '/x' }, 'did you mean CLIPYARD_DATA_DIR', 'take it away'],
  ['data', { CLIPYARD_DATA_DIR: '/proc/clipyard' }, 'nothing can be written', 'CLIPYARD_DATA_DIR'],
  ['temporal', { TEMPORAL_ADDRESS: NOWHERE }, `${NOWHERE} cannot be reached: connect ECONNREFUSED`, 'TEMPORAL_ADDRESS'],
  ['temporal', { TEMPORAL_CLI_PATH: '/nowhere/temporal' }, 'which does not run', 'take it away'],
  [
    'store',
    { S3_BUCKET: 'clips', S3_ENDPOINT: `http://${NOWHERE}`, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
    'ECONNREFUSED',
    'S3_ENDPOINT',
  ],
  ['one', { ONE_KEY: 'bad' }, 'refuses its key (401)', 'apiKeyEnv of account one'],
])('%s is wrong with %j', async (name, settings, problem, advice) => {
  const found = wrong(await look(settings));
  expect(found.map((finding) => finding.name)).toEqual([name]);
  expect(found[0]?.detail).toContain(problem);
  expect(found[0]?.advice).toContain(advice);
  expect(printFindings(found)).toMatch(new RegExp(`^wrong ${name} `));
});

test.each([
  [{}, 'without TLS'],
  [{ TEMPORAL_TLS: 'true' }, 'over TLS'],
])('a server that is no Temporal, asked with %j', async (settings, way) => {
  const { host } = new URL(upstreamUrl);
  expect(wrong(await look({ TEMPORAL_ADDRESS: host, ...settings }))).toMatchObject([
    {
      name: 'temporal',
      detail: `what listens at ${host} does not answer as Temporal does ${way}`,
      advice: expect.stringContaining('TEMPORAL_TLS'),
    },
  ]);
});

test.each([
  [5, 'there is no namespace clips at', 'clipyard migrate'],
  [16, 'does not let us into namespace clips: refused', 'TEMPORAL_API_KEY'],
])('a Temporal that refuses with code %i', async (code, problem, advice) => {
  const refusal = Object.assign(new Error('refused'), { code, details: 'refused', metadata: {} });
  jest.spyOn(Connection.prototype, 'withDeadline').mockRejectedValueOnce(refusal);
  const [found, ...others] = wrong(await look({ TEMPORAL_ADDRESS: NOWHERE, TEMPORAL_NAMESPACE: 'clips' }));
  expect(found).toMatchObject({ name: 'temporal', advice: expect.stringContaining(advice) });
  expect(found?.detail).toContain(problem);
  expect(others).toEqual([]);
});

test('a catalog that is away, and a key of its secrets that is not shared', async () => {
  const found = wrong(await look({ DATABASE_URL: `postgres://clipyard@${NOWHERE}/clipyard` }));
  expect(found.map(({ name }) => name)).toEqual(['settings', 'catalog']);
  expect(found[0]?.advice).toContain('CLIPYARD_SECRET_KEY=');
  expect(found[1]?.advice).toContain('DATABASE_URL');
});

const binaries = findPostgresBinaries();
const onPostgres = binaries === null ? test.skip : test;

test('callers of Nexus endpoints in a catalog that is embedded, which only one process opens', async () => {
  const findings = await look({ CLIPYARD_NEXUS: 'on', CLIPYARD_NEXUS_CALLERS: 'caller_1' });
  expect(findings.find(({ name }) => name === 'nexus')).toMatchObject({
    isRight: true,
    detail: expect.stringContaining('clipyard callers list'),
  });
});

onPostgres(
  'callers of Nexus endpoints that are not there, or are disabled',
  async () => {
    if (binaries === null) return;
    const server = await startPostgres(binaries);
    const nexus = async (callers: readonly string[]) => {
      const settings = { CLIPYARD_NEXUS: 'on', CLIPYARD_NEXUS_CALLERS: callers.join(), DATABASE_URL: server.url };
      return (await look(settings)).find(({ name }) => name === 'nexus');
    };
    try {
      expect(await nexus(['root'])).toMatchObject({ isRight: false, advice: 'run `clipyard migrate`' });
      const { db, close } = await openDatabase({ databaseUrl: server.url, dataDir: '' });
      const [one, gone] = await Promise.all(
        ['one', 'gone'].map(async (name) => (await createCaller(db, { name })).caller),
      );
      await setCallerDisabled(db, gone?.id ?? '', true);
      await close();
      expect(await nexus([one?.id ?? ''])).toMatchObject({ isRight: true, detail: one?.id });
      const wrongly = await nexus([one?.id ?? '', gone?.id ?? '', 'caller_1']);
      expect(wrongly).toMatchObject({
        isRight: false,
        detail: `CLIPYARD_NEXUS_CALLERS names ${gone?.id}, caller_1, and no active caller has such an id`,
        advice: expect.stringContaining('clipyard callers list'),
      });
    } finally {
      await server.stop();
    }
  },
  60_000,
);

onPostgres(
  'a catalog that takes no writes, a role that may make no tables in it, and a server that is too old',
  async () => {
    if (binaries === null) return;
    const server = await startPostgres(binaries);
    const catalog = async (url: string) => (await look({ DATABASE_URL: url })).find(({ name }) => name === 'catalog');
    const ofRole = (role: string) => server.url.replace('postgres@', `${role}@`);
    const client = new pg.Client({ connectionString: server.url });
    try {
      await client.connect();
      await client.query('create role clipyard login');
      await client.query('create role reader login');
      await client.query('alter role reader set default_transaction_read_only = on');
      expect(await catalog(ofRole('clipyard'))).toMatchObject({
        isRight: false,
        detail: expect.stringContaining('role clipyard may make no tables there'),
        advice: expect.stringContaining('GRANT CREATE ON SCHEMA public TO clipyard'),
      });
      expect(await catalog(ofRole('reader'))).toMatchObject({
        isRight: false,
        detail: expect.stringContaining('a server that only reads'),
      });
      await client.query('grant create on database postgres to clipyard');
      await client.query('grant create on schema public to clipyard');
      expect(await catalog(ofRole('clipyard'))).toMatchObject({ isRight: true });
      const row = { version: 'PostgreSQL 14.12', versionNumber: 140_012, reader: 'off' };
      jest.spyOn(pg.Client.prototype, 'query').mockImplementationOnce(async () => ({ rows: [row] }));
      expect(await catalog(server.url)).toMatchObject({
        isRight: false,
        detail: 'PostgreSQL 14 is too old: the catalog needs 15 or later',
        advice: expect.stringContaining('update it'),
      });
      const opened = await openDatabase({ databaseUrl: ofRole('clipyard'), dataDir: '' });
      await opened.close();
    } finally {
      await client.end();
      await server.stop();
    }
  },
  60_000,
);

test('no ffmpeg', async () => {
  expect(wrong(await look({}, { ffmpeg: false }))).toMatchObject([{ name: 'ffmpeg', advice: 'install ffmpeg' }]);
});

test.each([
  ['/website', 'it is no JSON'],
  ['/elsewhere', 'Not Found'],
])('a base URL where nothing answers as the API does: %s', async (path, said) => {
  const [found, ...others] = wrong(await look({}, { baseUrl: upstreamUrl + path }));
  expect(found).toMatchObject({ name: 'one', advice: expect.stringContaining('put baseUrl of account one right') });
  expect(found?.detail).toContain(`nothing at ${upstreamUrl}${path} answers as airforce does`);
  expect(found?.detail).toContain(said);
  expect(others).toEqual([]);
});

test('a public URL that an upstream elsewhere cannot reach, and one that something else answers', async () => {
  const far = wrong(await look({}, { baseUrl: 'https://api.invalid' }));
  expect(far.map(({ name }) => name)).toEqual(['public URL', 'one']);
  const other = wrong(await look({ CLIPYARD_PUBLIC_URL: upstreamUrl }));
  expect(other).toMatchObject([{ name: 'public URL', detail: expect.stringContaining('something else (401') }]);
});
