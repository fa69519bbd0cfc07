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

/** How long a process takes for granted what its own clock differs by. */
const DIFFERENCE_LIFE_MS = 60_000;

interface Difference {
  readonly aheadMs: number;
  readonly untilMs: number;
}

const differences = new WeakMap<Db, Difference>();

/** The same without a question each time, for what is asked with every create: the process's own clock, put right each minute. */
export async function readClockLately(db: Db): Promise<Date> {
  const known = differences.get(db);
  const ownMs = Date.now();
  // One that was set back since has to be asked as well.
  if (known && ownMs < known.untilMs && ownMs >= known.untilMs - DIFFERENCE_LIFE_MS)
    return new Date(ownMs + known.aheadMs);
  const now = await readClock(db);
  differences.set(db, { aheadMs: now.getTime() - Date.now(), untilMs: Date.now() + DIFFERENCE_LIFE_MS });
  return now;
}

/** So long ago by the catalog's clock. */
export async function longAgo(db: Db, ageMs: number): Promise<Date> {
  return new Date((await readClock(db)).getTime() - ageMs);
}
