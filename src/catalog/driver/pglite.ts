/** The embedded catalog: PGlite, a PostgreSQL inside this process, behind the data directory's lock. */

import { chmod, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { PGlite, QueryOptions } from '@electric-sql/pglite';
import type { CatalogDatabase } from './catalog-database.ts';
import { failWithoutValues } from './failed-statement.ts';
import { DataDirInUse, type DataDirLock, lockDataDir } from './lock.ts';
import { makeCatalog } from './make-catalog.ts';
import { bringUpToDate } from './migrations.ts';
import { isCall, PreparedCalls } from './prepared-calls.ts';

/**
 * PostgreSQL's default of 128 MiB of buffers is taken whole at the start. What falls out of these is in the memory that
 * the kernel keeps files in, one read away.
 */
const SETTINGS = ['-c', 'shared_buffers=16MB'];

interface Origin {
  readonly lock?: DataDirLock;
  /** What a catalog in memory begins with: a folder as PGlite packs it. */
  readonly loadDataDir?: Blob;
}

/** Times and their arrays, and arrays of decimals, by PostgreSQL's numbers: drizzle reads what stands in their text itself. */
const TYPES_LEFT_AS_TEXT = [1114, 1184, 1186, 1082, 1115, 1185, 1187, 1182, 1231];

/**
 * Makes statements quicker. Drizzle brings its few parsers along with each query, and PGlite copies its own hundreds beside
 * them each time, a good part of what a small statement takes: it keeps them from the start instead. Calls are prepared.
 */
function quicken(client: PGlite, calls: PreparedCalls): void {
  for (const type of TYPES_LEFT_AS_TEXT) client.parsers[type] = (text) => text;
  type Query = PGlite['query'];
  const quick = (query: Query, call: PreparedCalls['run']): Query => {
    const quickQuery = (text: string, params: unknown[] = [], { parsers: _kept, ...options }: QueryOptions = {}) =>
      isCall(text) && options.rowMode !== 'array' ? call(text, params) : query(text, params, options);
    return quickQuery as Query;
  };
  client.query = quick(client.query.bind(client), (...call) => calls.run(...call));
  const transaction = client.transaction.bind(client);
  client.transaction = (work) =>
    transaction((tx) => {
      tx.query = quick(tx.query, (...call) => calls.runInTransaction(...call));
      return work(tx);
    });
}

async function open(location: string, { lock, ...origin }: Origin): Promise<CatalogDatabase> {
  // Imported only here: processes that use PostgreSQL do without its WebAssembly.
  const { PGlite, protocol } = await import('@electric-sql/pglite');
  const { drizzle, PglitePreparedQuery } = await import('drizzle-orm/pglite');
  const { migrate } = await import('drizzle-orm/pglite/migrator');
  const client = await PGlite.create(location, { startParams: [...PGlite.defaultStartParams, ...SETTINGS], ...origin });
  failWithoutValues(PglitePreparedQuery);
  quicken(client, new PreparedCalls(client, protocol.serialize));
  const db = drizzle(client);
  await bringUpToDate((how) => migrate(db, how));
  return {
    db,
    patientDb: db,
    kind: 'pglite',
    listen: (channel, { onPayload }) => client.listen(channel, onPayload),
    async check() {
      await client.query('select 1');
    },
    async close() {
      await client.close();
      await lock?.release();
    },
  };
}

/** Opens a catalog that goes with its process; tests give it tables that were made before. */
export async function openInMemory(loadDataDir: Blob): Promise<CatalogDatabase> {
  return await open('memory://', { loadDataDir });
}

const MIB = 1024 * 1024;
/** A new catalog takes 41 MiB, and one that is there may want another 16 for its log. */
const ROOM_MIB = 64;

/** What is wrong on a full disk shows in other words at each step, and in the numbers of PGlite's own system. */
async function orWantOfRoom(error: unknown, dataDir: string): Promise<unknown> {
  const room = error instanceof DataDirInUse ? null : await statfs(dataDir).catch(() => null);
  const leftMiB = room === null ? ROOM_MIB : Math.floor((room.bavail * room.bsize) / MIB);
  if (leftMiB >= ROOM_MIB) return error;
  return new Error(`the disk of ${dataDir} has ${leftMiB} MiB left, too little for the catalog: make room there`, {
    cause: error,
  });
}

/** Opens, or creates, the catalog in `<dataDir>/catalog`. */
export async function openPglite(dataDir: string): Promise<CatalogDatabase> {
  try {
    return await openLocked(dataDir);
  } catch (error) {
    throw await orWantOfRoom(error, dataDir);
  }
}

/**
 * PGlite makes files that anyone may read and write: balances, the hashes of keys, and the keys that sign links. PostgreSQL's
 * own servers refuse a folder that others may enter.
 */
async function closeToOthers(folder: string): Promise<void> {
  // Of a folder that another user made, the rights are that user's to give.
  await chmod(folder, 0o700).catch(() => undefined);
}

async function openLocked(dataDir: string): Promise<CatalogDatabase> {
  // PGlite itself lets two processes open one directory, and they silently diverge.
  const lock = await lockDataDir(dataDir);
  try {
    const folder = join(dataDir, 'catalog');
    await makeCatalog(folder);
    await closeToOthers(folder);
    return await open(folder, { lock });
  } catch (error) {
    await lock.release();
    throw error;
  }
}
