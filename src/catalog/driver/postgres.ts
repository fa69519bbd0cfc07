/** The shared catalog: a PostgreSQL that any number of processes use. */

import { setTimeout as sleep } from 'node:timers/promises';
import { drizzle, NodePgPreparedQuery } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import type { CatalogDatabase, Db } from './catalog-database.ts';
import { findDatabaseError } from './database-error.ts';
import { failWithoutValues } from './failed-statement.ts';
import { listenOnPostgres } from './listener.ts';
import { bringUpToDate } from './migrations.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** How much longer our own patience is, for a server that cannot even say that a statement took too long. */
const ANSWER_MARGIN_MS = 5000;
const IDLE_TRANSACTION_TIMEOUT_MS = 60_000;

/**
 * Compiling a statement takes longer than any of ours, and guesses at their costs are what it goes by. Instants have to be written
 * as they are read here, also where the database or its role prefers another form.
 */
export const SESSION_OPTIONS = '-c jit=off -c datestyle=ISO -c timezone=UTC';

interface PoolSize {
  readonly max: number;
  /** With the time that a statement waits for locks. */
  readonly statementTimeoutMs: number;
}

/** Requests and activities: what takes longer is given up, and its connection is there for others. */
const REQUESTS: PoolSize = { max: 10, statementTimeoutMs: 5000 };
/** A start and the sweep, which no request waits for: connections of their own, so that they take none from a request. */
const PATIENT: PoolSize = { max: 3, statementTimeoutMs: 30_000 };

/** Any number will do, as long as all versions of this program use the same. */
const MIGRATION_LOCK = 2_018_070_213;
/** While a migration waits for a table, all others that want the table wait behind it: rather it steps back. */
const LOCK_TIMEOUT_MS = 3000;
const LOCK_ATTEMPTS = 60;
const LOCK_NOT_AVAILABLE = '55P03';

/** What the migrations say is understood from this major version on: a key whose nulls are not distinct. */
const OLDEST_SERVER = 15;
const FEATURE_NOT_SUPPORTED = '0A000';

/** What a server of this `server_version_num` is too old for; null where it is not. */
export function problemOfServerVersion(versionNumber: number): string | null {
  const major = Math.floor(versionNumber / 10_000);
  return major < OLDEST_SERVER ? `PostgreSQL ${major} is too old: the catalog needs ${OLDEST_SERVER} or later` : null;
}

async function refuseOldServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ readonly server_version_num: string }>('show server_version_num');
  const problem = problemOfServerVersion(Number(rows[0]?.server_version_num));
  if (problem !== null) throw Object.assign(new Error(problem), { code: FEATURE_NOT_SUPPORTED });
}

/** Migrates, again while a table is in use; each attempt is one transaction, of which nothing is left. */
async function migrateWhenFree(client: pg.Client): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await bringUpToDate((how) => migrate(drizzle(client), how));
    } catch (error) {
      const isInUse = findDatabaseError(error)?.code === LOCK_NOT_AVAILABLE;
      if (!isInUse || attempt === LOCK_ATTEMPTS) throw error;
      await sleep(LOCK_TIMEOUT_MS);
    }
  }
}

/** One process migrates at a time; the others wait and find it done. Closing the connection gives the lock back. */
async function migrateAlone(databaseUrl: string): Promise<void> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'clipyard migrations',
  });
  // A connection that breaks fails the statement under way; without a listener it would end the process.
  client.on('error', () => {});
  await client.connect();
  try {
    await refuseOldServer(client);
    // An index of a large table takes as long as it takes.
    await client.query('set statement_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await client.query(`set lock_timeout = ${LOCK_TIMEOUT_MS}`);
    await migrateWhenFree(client);
  } finally {
    await client.end();
  }
}

function openPool(databaseUrl: string, { max, statementTimeoutMs }: PoolSize): pg.Pool {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + ANSWER_MARGIN_MS,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
    keepAlive: true,
    options: SESSION_OPTIONS,
    application_name: 'clipyard',
  });
  // Connections that break are replaced by the pool; without listeners they would end the process. The pool's own hears
  // of idle ones alone: in use, a connection that breaks fails its statement, and says so besides.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
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
  failWithoutValues(NodePgPreparedQuery);
  await migrateAlone(databaseUrl);
  const pool = openPool(databaseUrl, REQUESTS);
  const patientPool = openPool(databaseUrl, PATIENT);
  const stops = new Set<() => Promise<void>>();
  return {
    db: openDb(pool),
    patientDb: openDb(patientPool),
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
      const { rows } = await pool.query<{ readonly transaction_read_only: string }>('show transaction_read_only');
      if (rows[0]?.transaction_read_only === 'on') throw new Error('the server only reads, as a standby does');
    },
    async close() {
      await Promise.all([...stops].map((stop) => stop()));
      await Promise.all([pool.end(), patientPool.end()]);
    },
  };
}
