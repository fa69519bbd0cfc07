/** A catalog in memory, with the tables that the global set-up has made once for all. */

import { openAsBlob } from 'node:fs';
import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { openInMemory } from '../../src/catalog/driver/pglite.ts';

/** Opens an empty one. */
export async function openMemoryCatalog(): Promise<CatalogDatabase> {
  return await openInMemory(await openAsBlob(process.env['CLIPYARD_TEST_CATALOG'] ?? ''));
}
