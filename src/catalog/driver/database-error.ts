/** What PostgreSQL's errors say of themselves, the same for both drivers. */

/** What both drivers' errors carry, wherever in the chain of causes they are. */
interface DatabaseError {
  /** SQLSTATE. */
  readonly code: string;
  readonly constraint: unknown;
}

/** Null for an error that is none of the database's. */
export function findDatabaseError(error: unknown): DatabaseError | null {
  for (let current = error; current instanceof Error; current = current.cause) {
    if ('code' in current && typeof current.code === 'string' && /^[0-9A-Z]{5}$/.test(current.code)) {
      return { code: current.code, constraint: 'constraint' in current ? current.constraint : undefined };
    }
  }
  return null;
}
