/** Where the migrations are: SQL files are not compiled, so they stay in the source tree. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

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
