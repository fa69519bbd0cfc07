/** Starting beside a PostgreSQL and a Temporal that are not there yet, or that do not let us in. */

import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Runtime } from '@temporalio/worker';
import pg from 'pg';
import { findPostgresBinaries, type PostgresServer, startPostgres } from '../../bench/postgres-server.ts';
import { type Config, ConfigError, loadConfig } from '../../src/config/settings.ts';
import { openLog } from '../../src/observe/log.ts';
import { Closers } from '../../src/process/closers.ts';
import { serve } from '../../src/process/commands/serve.ts';
import { work } from '../../src/process/commands/work.ts';
import { migrate } from '../../src/process/migrate.ts';
import { openParts } from '../../src/process/parts.ts';
import type { ProcessContext } from '../../src/process/run.ts';
import { waitFor } from '../../src/process/wait-for.ts';

/** Long enough for three tries, of which each is worth a line. */
const SHORT = { longestMs: 250, betweenTriesMs: 100, betweenLinesMs: 1 };
const NOWHERE = '127.0.0.1:1';

let lines: string[];
let stop: AbortController;
let context: ProcessContext;

beforeEach(() => {
  lines = [];
  stop = new AbortController();
  const log = openLog('info', { write: (line) => lines.push((JSON.parse(line) as { msg: string }).msg) });
  context = { log, stop: stop.signal, closers: new Closers(log), patience: SHORT };
});

afterEach(() => context.closers.closeAll());

const away = () => Promise.reject(new Error('nothing there'));

test('what comes up meanwhile is waited for, and a line says so', async () => {
  let tries = 0;
  const attempt = async () => (++tries < 3 ? await away() : 'up');
  expect(await waitFor('the moon', attempt, { ...context, patience: { ...SHORT, longestMs: 60_000 } })).toBe('up');
  expect(lines).toEqual(['waiting for the moon', 'waiting for the moon']);
});

test('a line comes less often than a try', async () => {
  const patience = { ...SHORT, betweenLinesMs: 60_000 };
  await expect(waitFor('the moon', away, { ...context, patience })).rejects.toThrow(ConfigError);
  expect(lines).toEqual(['waiting for the moon']);
});

test('what never comes up is named', async () => {
  const waiting = waitFor('the moon', away, context);
  await expect(waiting).rejects.toThrow(ConfigError);
  await expect(waiting).rejects.toThrow(/^the moon did not answer within 0.25 s: nothing there$/);
});

test('a stop ends the waiting', async () => {
  const waiting = waitFor('the moon', away, { ...context, patience: { ...SHORT, betweenTriesMs: 60_000 } });
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
});

describe('a start', () => {
  let server: PostgresServer;
  let dataDir: string;

  beforeAll(async () => {
    const binaries = findPostgresBinaries();
    if (binaries === null) throw new Error('PostgreSQL is not installed on this machine');
    server = await startPostgres(binaries);
    dataDir = await mkdtemp(join(tmpdir(), 'clipyard-start-'));
  });
  afterAll(async () => {
    // Workers would have shut it down with the last of them.
    await Runtime.instance().shutdown();
    await server?.stop();
    await rm(dataDir, { recursive: true });
  });

  const configOf = (databaseUrl: string): Config =>
    loadConfig({
      CLIPYARD_DATA_DIR: dataDir,
      CLIPYARD_ROOT_KEY: 'cy_root_key_of_the_tests',
      DATABASE_URL: databaseUrl,
      TEMPORAL_ADDRESS: NOWHERE,
    });

  test('without PostgreSQL fails and names it', async () => {
    await expect(serve(configOf(`postgres://${NOWHERE}/clipyard`), context)).rejects.toThrow(
      /^PostgreSQL \(DATABASE_URL\) did not answer within 0.25 s: .*ECONNREFUSED/,
    );
    expect(lines).toContain('waiting for PostgreSQL (DATABASE_URL)');
  });

  test.each([
    ['serve', serve],
    ['work', work],
    ['migrate', migrate],
  ])('of %s without Temporal fails and names it', async (_, command) => {
    await expect(command(configOf(server.url), context)).rejects.toThrow(
      /^Temporal \(TEMPORAL_ADDRESS, 127.0.0.1:1\) did not answer within 0.25 s/,
    );
  });

  test.each([
    ['with a wrong password', () => withLogin('guest', 'wrong'), 'password authentication failed'],
    ['with a role that is not there', () => withLogin('stranger', 'any'), 'password authentication failed'],
    ['in a database that is not there', () => inDatabase('nothing'), 'does not exist'],
    ['with a role that may make no tables', () => withLogin('guest', 'right'), 'permission denied for database'],
    ['in a database with tables of something else', () => inDatabase('another'), 'relation "callers" already exists'],
  ])('%s fails at once', async (_, url, words) => {
    await letInByPassword();
    await expect(openParts(configOf(url()), context)).rejects.toThrow(
      expect.objectContaining({
        name: 'ConfigError',
        message: expect.stringMatching(`^DATABASE_URL is refused: .*${words}`),
      }),
    );
    expect(lines).toEqual([]);
  });

  const inDatabase = (name: string) => server.url.replace(/postgres$/, name);
  const withLogin = (role: string, password: string) => server.url.replace('postgres@', `${role}:${password}@`);

  /** From now on all but its owner have to give a password. */
  async function letInByPassword(): Promise<void> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    const { rows } = await client.query<{ hba_file: string }>('show hba_file');
    writeFileSync(rows[0]?.hba_file ?? '', 'host all postgres all trust\nhost all all all scram-sha-256\n');
    await client.query('drop database if exists another');
    await client.query('create database another');
    const other = new pg.Client({ connectionString: inDatabase('another') });
    await other.connect();
    await other.query('create table callers (id text)');
    await other.end();
    await client.query('drop role if exists guest');
    await client.query("create role guest login password 'right'");
    await client.query('select pg_reload_conf()');
    await client.end();
  }
});
