/** The shared catalog: a PostgreSQL that any number of processes use. */

import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import type { CatalogDatabase, Db } from './database.ts';
import { listenOnPostgres } from './listener.ts';
import { migrationsFolder } from './migrations.ts';

const MAX_CONNECTIONS = 10;
const CONNECT_TIMEOUT_MS = 5000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** Our own patience, for a server that cannot even say that a statement took too long. */
const ANSWER_TIMEOUT_MS = 35_000;
const IDLE_TRANSACTION_TIMEOUT_MS = 60_000;
const MIGRATION_TIMEOUT_MS = 10 * 60_000;
/** Any number will do, as long as all versions of this program use the same. */
const MIGRATION_LOCK = 2_018_070_213;

/** One process migrates at a time; the others wait and find it done. Closing the connection gives the lock back. */
async function migrateAlone(databaseUrl: string): Promise<void> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: MIGRATION_TIMEOUT_MS,
    application_name: 'clipyard migrations',
  });
  // A connection that breaks fails the statement under way; without a listener it would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await migrate(drizzle(client), { migrationsFolder: migrationsFolder() });
  } finally {
    await client.end();
  }
}

/** A database whose transactions give their connections back even where they could not begin, which drizzle's own do not. */
function openDb(pool: pg.Pool): Db {
  const transaction: Db['transaction'] = async (work, config) => {
    const client = await pool.connect();
    try {
      return await drizzle(client).transaction(work, config);
    } finally {
      client.release();
    }
  };
  return Object.assign(drizzle(pool), { transaction });
}

/** Opens the catalog at a PostgreSQL URL. */
export async function openPostgres(databaseUrl: string): Promise<CatalogDatabase> {
  await migrateAlone(databaseUrl);
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: MAX_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: ANSWER_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'clipyard',
  });
  // Connections that break are replaced by the pool; without listeners they would end the process. The pool's own hears
  // of idle ones alone: in use, a connection that breaks fails its statement, and says so besides.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  const stops = new Set<() => Promise<void>>();
  return {
    db: openDb(pool),
    kind: 'postgres',
    async listen(channel, handlers) {
      const stop = await listenOnPostgres(databaseUrl, channel, handlers);
      stops.add(stop);
      return async () => {
        stops.delete(stop);
        await stop();
      };
    },
    async check() {
      await pool.query('select 1');
    },
    async close() {
      await Promise.all([...stops].map((stop) => stop()));
      await pool.end();
    },
  };
}
