/** The catalog's clock, by which instants are compared that several processes wrote. */

import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from './driver/database.ts';

/** The time now: workers compare instants that others of them wrote, and their own clocks may differ. */
export async function readClock(db: Db): Promise<Date> {
  const result = await db.execute(sql`select extract(epoch from clock_timestamp())::float8 * 1000 as now_ms`);
  const [row] = rowsOf<{ readonly now_ms: number }>(result);
  if (!row) throw new Error('the catalog did not tell its time');
  return new Date(Number(row.now_ms));
}

/** So long ago by the catalog's clock. */
export async function longAgo(db: Db, ageMs: number): Promise<Date> {
  return new Date((await readClock(db)).getTime() - ageMs);
}
