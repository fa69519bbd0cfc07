/** The catalog's database: PGlite in the data directory or PostgreSQL, one type and one behaviour for both. */

import { type SQL, sql } from 'drizzle-orm';
import type { CatalogDatabase, Db } from './catalog-database.ts';
import { findDatabaseError } from './database-error.ts';
import { openPglite } from './pglite.ts';
import { openPostgres } from './postgres.ts';

export type { CatalogDatabase, Db };

/** What a statement written by hand returned: both drivers' object with `rows`, which their common type does not know. */
export function rowsOf<Row>(result: unknown): readonly Row[] {
  return (result as { readonly rows: readonly Row[] }).rows;
}

/** Values as the list of an `in` of a statement written by hand. */
export function listed(values: readonly string[]): SQL {
  return sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  );
}

export interface DatabaseOptions {
  /** Null: PGlite. */
  readonly databaseUrl: string | null;
  /** Where PGlite's folder is. */
  readonly dataDir: string;
}

/** Opens the catalog and brings its tables up to date. */
export async function openDatabase({ databaseUrl, dataDir }: DatabaseOptions): Promise<CatalogDatabase> {
  return databaseUrl === null ? await openPglite(dataDir) : await openPostgres(databaseUrl);
}

const UNIQUE_VIOLATION = '23505';
/** Serialization failure and deadlock: the same transaction may well succeed when tried again. */
const RETRYABLE: readonly string[] = ['40001', '40P01'];
const TRANSACTION_ATTEMPTS = 4;

/** Whether a row was refused by a unique index, or by this one. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  const found = findDatabaseError(error);
  return found?.code === UNIQUE_VIOLATION && (constraint === undefined || found.constraint === constraint);
}

/** Runs a transaction, again where it only lost a race; `work` must be free of other side effects. */
export async function inTransaction<T>(db: Db, work: (tx: Db) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction(work);
    } catch (error) {
      const isRetryable = RETRYABLE.includes(findDatabaseError(error)?.code ?? '');
      if (!isRetryable || attempt === TRANSACTION_ATTEMPTS) throw error;
    }
  }
}
