/** Clips of another length than was asked for: from which difference on they are spoken of, and where. */

import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { lengthWarning } from '../../src/domain/clip-length.ts';
import { noteLength } from '../../src/submissions/note-length.ts';
import { makeArchive } from '../builders.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { insertVideo } from '../catalog/rows.ts';
import { silentLog } from '../temporal/silent-log.ts';

test.each([
  [8000, null],
  [9000, null],
  [7000, null],
  [9001, 'the clip is 9.0 s long, and 8 s were asked for'],
  [6999, 'the clip is 7.0 s long, and 8 s were asked for'],
  [4042, 'the clip is 4.0 s long, and 8 s were asked for'],
])('of a clip of %i ms where 8 s were asked for is said: %p', (durationMs, warning) => {
  expect(lengthWarning({ durationMs }, { durationSeconds: 8 })).toBe(warning);
});

describe('in the catalog', () => {
  let database: CatalogDatabase;
  beforeAll(async () => {
    database = await openMemoryCatalog();
  });
  afterAll(() => database.close());

  test('such a clip is counted at its account and logged, and others are not', async () => {
    const { db } = database;
    await insertVideo(db, { id: 'video_1', account: 'air-1' });
    const counted: string[] = [];
    const logged: string[] = [];
    const log = { ...silentLog(), warn: (_fields: object, line: string) => void logged.push(line) };
    const countIncident = (kind: string, account: string) => void counted.push(`${kind} ${account}`);
    for (const durationMs of [8000, 12_000]) {
      await noteLength({ db, log, countIncident }, 'video_1', makeArchive({ durationMs }));
    }
    expect(counted).toEqual(['other_length air-1']);
    expect(logged).toEqual(['the clip is 12.0 s long, and 8 s were asked for']);
  });
});
