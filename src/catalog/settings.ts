/** Values that all processes share, such as generated signing keys: the first process decides. */

import { eq } from 'drizzle-orm';
import type { Db } from './driver/database.ts';
import { settings } from './tables/settings.ts';

/** The value, or null. */
export async function readSetting(db: Db, name: string): Promise<string | null> {
  const [row] = await db.select({ value: settings.value }).from(settings).where(eq(settings.name, name));
  return row?.value ?? null;
}

/** The value, made and stored by the first process that asks; everyone gets the same. */
export async function ensureSetting(db: Db, name: string, makeValue: () => string): Promise<string> {
  const present = await readSetting(db, name);
  if (present !== null) return present;
  await db.insert(settings).values({ name, value: makeValue() }).onConflictDoNothing();
  const stored = await readSetting(db, name);
  if (stored === null) throw new Error(`setting ${name} was not stored`);
  return stored;
}

/** Stores a value that an operator has set: it holds for all processes. */
export async function writeSetting(db: Db, name: string, value: string): Promise<void> {
  await db.insert(settings).values({ name, value }).onConflictDoUpdate({ target: settings.name, set: { value } });
}
