/** Runs a suite on both kinds of catalog: PGlite in memory, and PostgreSQL where this machine has one. */

import { sql } from 'drizzle-orm';
import { findPostgresBinaries, type PostgresServer, startPostgres } from '../../bench/postgres-server.ts';
import { type CatalogDatabase, openDatabase } from '../../src/catalog/driver/database.ts';
import { openMemoryCatalog } from './memory-catalog.ts';

/** What a suite gets: the catalog of the moment, its tables empty before each test. */
export interface CatalogUnderTest {
  readonly database: CatalogDatabase;
  /** Null on PGlite. */
  readonly databaseUrl: string | null;
}

/**
 * Empties all tables, without their triggers and when nobody else is at work in them. To truncate them takes many times as
 * long: each table and each index is a file made anew.
 */
export async function emptyCatalog({ db }: CatalogDatabase): Promise<void> {
  await db.execute(sql`do $$ declare name text; begin
    perform set_config('session_replication_role', 'replica', true);
    execute (select 'lock ' || string_agg(quote_ident(tablename), ', ')
      from pg_tables where schemaname = current_schema());
    for name in select tablename from pg_tables where schemaname = current_schema() loop
      execute format('delete from %I', name);
    end loop;
  end $$`);
}

function describeOn(
  title: string,
  start: () => Promise<{ readonly databaseUrl: string | null; readonly server: PostgresServer | null }>,
  suite: (catalog: CatalogUnderTest) => void,
): void {
  describe(title, () => {
    let database: CatalogDatabase | null = null;
    let databaseUrl: string | null = null;
    let server: PostgresServer | null = null;

    beforeAll(async () => {
      ({ databaseUrl, server } = await start());
      database = await (databaseUrl === null ? openMemoryCatalog() : openDatabase({ databaseUrl, dataDir: '' }));
    });
    beforeEach(async () => {
      if (database) await emptyCatalog(database);
    });
    afterAll(async () => {
      await database?.close();
      await server?.stop();
    });

    suite({
      get database() {
        if (!database) throw new Error('the catalog is open only while tests run');
        return database;
      },
      get databaseUrl() {
        return databaseUrl;
      },
    });
  });
}

/** Describes a suite twice, once for each kind of catalog. */
export function describeOnBothCatalogs(title: string, suite: (catalog: CatalogUnderTest) => void): void {
  describeOn(`${title}, on PGlite`, async () => ({ databaseUrl: null, server: null }), suite);
  const binaries = findPostgresBinaries();
  if (binaries === null) return;
  const start = async () => {
    const server = await startPostgres(binaries, { folder: process.env['CLIPYARD_TEST_POSTGRES'] ?? '' });
    return { databaseUrl: server.url, server };
  };
  describeOn(`${title}, on PostgreSQL`, start, suite);
}
