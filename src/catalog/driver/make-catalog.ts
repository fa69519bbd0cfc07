/** The making of an embedded catalog, by a process of its own. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** It takes two seconds on a machine that does nothing else. */
const MAKING_TIMEOUT_MS = 5 * 60_000;

/** Given to Node as text: where the sources run uncompiled, a file of theirs could not be started. */
const PROGRAM = `
const [pglite, folder] = process.argv.slice(1);
require(pglite).PGlite.create(folder).then((catalog) => catalog.close());
`;

/**
 * Makes the catalog's folder where it is missing. PGlite needs a second database for it and several hundred MiB, which a
 * process that lives on would keep for long; this one ends. The folder appears whole or not at all: a process that ended
 * halfway leaves another one behind, which goes with the next making.
 */
export async function makeCatalog(folder: string): Promise<void> {
  if (existsSync(folder)) return;
  const drafts = `${basename(folder)}.new-`;
  for (const name of await readdir(dirname(folder))) {
    if (name.startsWith(drafts)) await rm(join(dirname(folder), name), { recursive: true, force: true, maxRetries: 5 });
  }
  const draft = join(dirname(folder), `${drafts}${process.pid}`);
  const pglite = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  try {
    await run(process.execPath, ['--eval', PROGRAM, pglite, draft], { timeout: MAKING_TIMEOUT_MS });
  } catch (error) {
    // A full disk would stay full of it.
    await rm(draft, { recursive: true, force: true, maxRetries: 5 });
    throw error;
  }
  await rename(draft, folder);
}
