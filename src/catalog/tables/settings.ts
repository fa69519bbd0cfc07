/** The table of what all processes share. */

import { pgTable, text } from 'drizzle-orm/pg-core';

/** Values by their names, such as generated signing keys. */
export const settings = pgTable('settings', {
  name: text().primaryKey(),
  value: text().notNull(),
});
