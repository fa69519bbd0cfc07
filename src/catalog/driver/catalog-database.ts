/** What each driver of the catalog opens. */

import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';

/** A database or a transaction of it: inside a transaction only `tx` may be used, since PGlite is one connection. */
export type Db = PgDatabase<PgQueryResultHKT>;

export interface ListenHandlers {
  readonly onPayload: (payload: string) => void;
  /** The connection was lost and is back: notifications may have been missed. */
  readonly onGap?: () => void;
}

export interface CatalogDatabase {
  /** For requests and activities, which are waited for: on a server a statement may take five seconds. */
  readonly db: Db;
  /** For a start and the sweep, which no request waits for, on connections of their own: half a minute. */
  readonly patientDb: Db;
  readonly kind: 'pglite' | 'postgres';
  /** Listens to a channel until the returned function is called. */
  listen(channel: string, handlers: ListenHandlers): Promise<() => Promise<void>>;
  /** Rejects when the database does not answer. */
  check(): Promise<void>;
  close(): Promise<void>;
}
