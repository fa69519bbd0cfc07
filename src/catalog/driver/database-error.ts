/** What PostgreSQL's errors say of themselves, the same for both drivers. */

import { isNativeError } from 'node:util/types';

/** What both drivers' errors carry, wherever in the chain of causes they are. */
interface DatabaseError {
  /** SQLSTATE. */
  readonly code: string;
  readonly constraint: unknown;
  /** The server's own words; those of drizzle hold the statement alone. */
  readonly message: string;
}

/** Null for an error that is none of the database's. */
export function findDatabaseError(error: unknown): DatabaseError | null {
  for (let current = error; isNativeError(current); current = current.cause) {
    if ('code' in current && typeof current.code === 'string' && /^[0-9A-Z]{5}$/.test(current.code)) {
      const { code, message } = current;
      return { code, message, constraint: 'constraint' in current ? current.constraint : undefined };
    }
  }
  return null;
}

/**
 * Connections that fail; servers that stop, have no place left, refuse our role, only read (a standby) or lack the database,
 * as while it is put back; statements that took too long: PostgreSQL's appendix A.
 */
const AWAY_CODE =
  /^(?:08...|28...|3D...|53...|57...|25P03|25006|ECONN[A-Z]+|E?TIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|E(?:HOST|NET)UNREACH)$/;
/** The driver's own patience, which has no codes. */
const AWAY_WORDS =
  /^(?:timeout exceeded when trying to connect|Query read timeout|Connection terminated|Client (?:has encountered a connection error|was closed))/;

/** Whether the catalog did not answer, not in time or not to us: what was asked of it may well succeed later. */
export function isCatalogAway(error: unknown): boolean {
  for (let current = error; isNativeError(current); current = current.cause) {
    if ('code' in current && typeof current.code === 'string' && AWAY_CODE.test(current.code)) return true;
    if (AWAY_WORDS.test(current.message)) return true;
  }
  return false;
}
