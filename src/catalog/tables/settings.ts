/** The table of what all processes share. */

import { pgTable, text } from 'drizzle-orm/pg-core';

/** Values that all processes share: hashed root key, signing keys. */
export const settings = pgTable('settings', {
  name: text().primaryKey(),
  value: text().notNull(),
});
