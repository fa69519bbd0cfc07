/** Statements that fail: what their errors tell, and to whom it goes. */

import { inspect } from 'node:util';
import { sql } from 'drizzle-orm';
import { inTransaction } from '../../../src/catalog/driver/database.ts';
import { findDatabaseError } from '../../../src/catalog/driver/database-error.ts';
import { settings } from '../../../src/catalog/tables/settings.ts';
import { openLog } from '../../../src/observe/log.ts';
import { describeOnBothCatalogs } from '../with-catalog.ts';

const PROMPT = 'a merger that nobody knows of';

/** Everything that is told of an error, by who prints it and by the log. */
function toldOf(error: unknown): string {
  const lines: string[] = [];
  openLog('info', { write: (line) => lines.push(line) }).error(error);
  return `${inspect(error)}\n${(error as Error).stack}\n${lines.join('')}`;
}

describeOnBothCatalogs('statements that fail', (catalog) => {
  test.each<[string, (db: typeof catalog.database.db) => Promise<unknown>]>([
    ['of our own words', (db) => db.execute(sql`select ${PROMPT}::text, 1 / 0`)],
    ['of tables', (db) => db.insert(settings).values([0, 1].map(() => ({ name: PROMPT, value: PROMPT })))],
    ['in a transaction', (db) => inTransaction(db, (tx) => tx.execute(sql`select ${PROMPT}::text, 1 / 0`))],
  ])('%s say which they are and why, and none of their values', async (_, fails) => {
    const error: unknown = await fails(catalog.database.db).catch((reason: unknown) => reason);
    const told = toldOf(error);
    expect(findDatabaseError(error)).toMatchObject({ code: expect.stringMatching(/^(?:22012|23505)$/) });
    expect(told).toMatch(/Failed query: (?:select|insert)/);
    expect(told).toMatch(/division by zero|duplicate key/);
    expect(told).not.toContain(PROMPT);
  });
});
