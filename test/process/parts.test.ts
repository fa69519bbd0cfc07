/** What a start asks of the catalog, and on whose connections. */

import type { Db } from '../../src/catalog/driver/database.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { openTestParts } from '../open-parts.ts';

test('a start asks nothing where statements have only a request to live', async () => {
  const database = await openMemoryCatalog();
  const asked: PropertyKey[] = [];
  const db: Db = new Proxy(database.db, {
    get(target, name) {
      asked.push(name);
      return Reflect.get(target, name);
    },
  });
  const { parts, close } = await openTestParts({ database: { ...database, db, patientDb: database.db } });
  expect(parts.config.accounts).toHaveLength(1);
  expect(asked).toEqual([]);
  await close();
});
