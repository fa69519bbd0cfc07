/** What each driver of the catalog opens. */

import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import type * as schema from '../schema.ts';

/** A database or a transaction of it: inside a transaction only `tx` may be used, since PGlite is one connection. */
export type Db = PgDatabase<PgQueryResultHKT, typeof schema>;

export interface ListenHandlers {
  readonly onPayload: (payload: string) => void;
  /** The connection was lost and is back: notifications may have been missed. */
  readonly onGap?: () => void;
}

export interface CatalogDatabase {
  readonly db: Db;
  readonly kind: 'pglite' | 'postgres';
  /** Listens to a channel until the returned function is called. */
  listen(channel: string, handlers: ListenHandlers): Promise<() => Promise<void>>;
  /** Rejects when the database does not answer. */
  check(): Promise<void>;
  close(): Promise<void>;
}
