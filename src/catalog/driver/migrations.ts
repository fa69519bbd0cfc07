/** Bringing a catalog's tables up to date by the migrations: SQL files, which are not compiled and stay in the source tree. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MigrationConfig } from 'drizzle-orm/migrator';
import { findDatabaseError } from './database-error.ts';

/**
 * Has one of drizzle's migrators do what is left to do.
 * @throws Error saying why the database refused; drizzle says what it was asked.
 */
export async function bringUpToDate(migrate: (config: MigrationConfig) => Promise<void>): Promise<void> {
  try {
    await migrate({ migrationsFolder: migrationsFolder() });
  } catch (error) {
    const refusal = findDatabaseError(error);
    if (refusal === null) throw error;
    throw new Error(`the tables cannot be made or brought up to date: ${refusal.message}`, { cause: error });
  }
}

/** The folder of the migrations, found from `src` and from `dist` alike. */
export function migrationsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the project folder with its package.json was not found');
    folder = parent;
  }
  return join(folder, 'src', 'catalog', 'migrations');
}
