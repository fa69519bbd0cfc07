/** Opening the catalog: migrations, both drivers' errors, and data that outlives a process. */

import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SQL, sql } from 'drizzle-orm';
import pg from 'pg';
import {
  type Db,
  inTransaction,
  isUniqueViolation,
  openDatabase,
  rowsOf,
} from '../../../src/catalog/driver/database.ts';
import { findDatabaseError } from '../../../src/catalog/driver/database-error.ts';
import { readSetting } from '../../../src/catalog/settings.ts';
import { callers } from '../../../src/catalog/tables/callers.ts';
import { settings } from '../../../src/catalog/tables/settings.ts';
import { describeOnBothCatalogs } from '../with-catalog.ts';

/** What a promise rejects with. */
async function errorOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

describeOnBothCatalogs('the database', (catalog) => {
  test('answers a check', async () => {
    await expect(catalog.database.check()).resolves.toBeUndefined();
    expect(catalog.database.kind).toBe(catalog.databaseUrl === null ? 'pglite' : 'postgres');
  });

  test('knows a unique violation and its constraint', async () => {
    const { db } = catalog.database;
    const insert = () => db.insert(settings).values({ name: 'a', value: '1' }).execute();
    await insert();
    const error = await errorOf(insert());
    expect(isUniqueViolation(error)).toBe(true);
    expect(isUniqueViolation(error, 'settings_pkey')).toBe(true);
    expect(isUniqueViolation(error, 'callers_key_hash')).toBe(false);
    expect(isUniqueViolation(await errorOf(db.execute(sql`select 1 / 0`)))).toBe(false);
    expect(isUniqueViolation(new Error('23505'))).toBe(false);
  });

  describe('calls a function', () => {
    const rows = async (db: Db, statement: SQL) => rowsOf(await db.execute(statement));

    test('with its values, again and again', async () => {
      const { db } = catalog.database;
      for (const [said, loud] of [
        ['a', 'A'],
        ['b', 'B'],
        [null, null],
      ] as const) {
        expect(await rows(db, sql`select upper(${said}) as loud`)).toEqual([{ loud }]);
      }
      const found = await inTransaction(db, (tx) => rows(tx, sql`select length(${'abc'}) as n`));
      expect(found).toEqual([{ n: 3 }]);
      expect(await rows(db, sql`select length(${'abcd'}) as n`)).toEqual([{ n: 4 }]);
    });

    test('that fails, and goes on', async () => {
      const { db } = catalog.database;
      const root = (of: number) => sql`select sqrt(${of}::float8) as root`;
      for (const handle of [db, null]) {
        const failing = handle ? rows(handle, root(-1)) : inTransaction(db, (tx) => rows(tx, root(-1)));
        expect(findDatabaseError(await errorOf(failing))).toMatchObject({ code: '2201F' });
      }
      expect(await rows(db, root(4))).toEqual([{ root: 2 }]);
    });

    test('outside of the transaction that is under way', async () => {
      const { db } = catalog.database;
      const transactionId = sql`select txid_current_if_assigned() as id`;
      let outside: Promise<unknown> = Promise.resolve();
      await inTransaction(db, async (tx) => {
        await tx.insert(settings).values({ name: 'a', value: '1' });
        outside = rows(db, transactionId);
        expect(await rows(tx, transactionId)).not.toEqual([{ id: null }]);
      });
      expect(await outside).toEqual([{ id: null }]);
    });
  });

  test('keeps nothing of a transaction that fails', async () => {
    const { db } = catalog.database;
    const failing = inTransaction(db, async (tx) => {
      await tx.insert(settings).values({ name: 'a', value: '1' });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await readSetting(db, 'a')).toBeNull();
  });

  test('tries a transaction again that lost a race', async () => {
    const { db } = catalog.database;
    let attempts = 0;
    const result = await inTransaction(db, async (tx) => {
      attempts += 1;
      await tx.insert(settings).values({ name: 'a', value: String(attempts) });
      if (attempts < 3) await tx.execute(sql`do $$ begin raise exception 'lost' using errcode = '40P01'; end $$`);
      return attempts;
    });
    expect(result).toBe(3);
    expect(await readSetting(db, 'a')).toBe('3');
  });

  test('gives up on a transaction that always loses', async () => {
    const { db } = catalog.database;
    let attempts = 0;
    const losing = inTransaction(db, async (tx) => {
      attempts += 1;
      await tx.execute(sql`do $$ begin raise exception 'lost' using errcode = '40001'; end $$`);
    });
    await expect(losing).rejects.toThrow();
    expect(attempts).toBe(4);
  });

  test('gives a statement less time where somebody waits for it than in the sweep', async () => {
    const { db, patientDb, kind } = catalog.database;
    const timeoutOf = async (of: Db) =>
      (await of.execute(sql`show statement_timeout`)) as unknown as { rows: unknown[] };
    const [request, sweep] = [await timeoutOf(db), await timeoutOf(patientDb)];
    if (kind === 'pglite') expect(patientDb).toBe(db);
    else expect([...request.rows, ...sweep.rows]).toEqual([{ statement_timeout: '5s' }, { statement_timeout: '30s' }]);
  });

  test('fails the check where the server only reads', async () => {
    const { databaseUrl } = catalog;
    if (databaseUrl === null) return;
    await catalog.database.db.execute(sql`create database standby`);
    const url = databaseUrl.replace(/postgres$/, 'standby');
    const standby = await openDatabase({ databaseUrl: url, dataDir: '' });
    await catalog.database.db.execute(sql`alter database standby set default_transaction_read_only = on`);
    await expect(standby.check()).rejects.toThrow('only reads');
    await standby.close();
  });

  test.each([
    ['ISO', 'Asia/Kathmandu'],
    ['SQL, DMY', 'America/St_Johns'],
    ['German', 'Pacific/Chatham'],
  ])('reads the same instants from a database that prefers %s in %s', async (style, zone) => {
    const { databaseUrl } = catalog;
    if (databaseUrl === null) return;
    const { db } = catalog.database;
    await db.execute(sql`create database elsewhere`);
    await db.execute(sql.raw(`alter database elsewhere set datestyle = ${style}`));
    await db.execute(sql.raw(`alter database elsewhere set timezone = '${zone}'`));
    const other = await openDatabase({ databaseUrl: databaseUrl.replace(/postgres$/, 'elsewhere'), dataDir: '' });
    const at = sql`timestamptz '2026-02-01 23:30:00.250Z'`.mapWith(callers.createdAt);
    expect(await other.db.select({ at }).from(sql`(values (1)) one`)).toEqual([
      { at: new Date('2026-02-01T23:30:00.250Z') },
    ]);
    await other.close();
    await db.execute(sql`drop database elsewhere`);
  });

  test('refuses a server that is too old, by its version', async () => {
    const { databaseUrl } = catalog;
    if (databaseUrl === null) return;
    const rows = [{ server_version_num: '140012' }];
    jest.spyOn(pg.Client.prototype, 'query').mockImplementationOnce(async () => ({ rows }));
    const refused = openDatabase({ databaseUrl, dataDir: '' });
    await expect(refused).rejects.toThrow('PostgreSQL 14 is too old: the catalog needs 15 or later');
  });

  test('lets many processes open it at once', async () => {
    const { databaseUrl } = catalog;
    if (databaseUrl === null) return;
    await catalog.database.db.execute(sql`create database fresh`);
    const url = databaseUrl.replace(/postgres$/, 'fresh');
    const opened = await Promise.all(Array.from({ length: 4 }, () => openDatabase({ databaseUrl: url, dataDir: '' })));
    for (const database of opened) {
      await database.check();
      await database.close();
    }
  });
});

describe('the embedded catalog', () => {
  test('keeps its rows and lets one process in', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'clipyard-catalog-'));
    const first = await openDatabase({ databaseUrl: null, dataDir });
    await first.db.insert(settings).values({ name: 'a', value: '1' });
    await expect(openDatabase({ databaseUrl: null, dataDir })).rejects.toThrow(`in use by process ${process.pid}`);
    await first.close();
    const second = await openDatabase({ databaseUrl: null, dataDir });
    expect(await readSetting(second.db, 'a')).toBe('1');
    await second.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  test('takes nothing over from a making that was interrupted', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'clipyard-catalog-'));
    await mkdir(join(dataDir, 'catalog.new-1'));
    await writeFile(join(dataDir, 'catalog.new-1', 'PG_VERSION'), '18');
    const database = await openDatabase({ databaseUrl: null, dataDir });
    await database.check();
    expect((await readdir(dataDir)).filter((name) => !name.includes('lock'))).toEqual(['catalog']);
    await database.close();
    await rm(dataDir, { recursive: true, force: true });
  });
});

describe('the shared catalog', () => {
  test('reports a server that cannot be reached', async () => {
    const unreachable = openDatabase({ databaseUrl: 'postgres://stranger@127.0.0.1:9/none', dataDir: '' });
    await expect(unreachable).rejects.toThrow('ECONNREFUSED');
  });
});
