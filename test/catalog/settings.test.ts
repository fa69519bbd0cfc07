/** Settings: values that all processes share. */

import { ensureSetting, readSetting, writeSetting } from '../../src/catalog/settings.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

describeOnBothCatalogs('settings', (catalog) => {
  test('keep the value of the first who asks', async () => {
    const { db } = catalog.database;
    const values = await Promise.all(['a', 'b', 'c'].map((value) => ensureSetting(db, 'key', () => value)));
    expect(new Set(values).size).toBe(1);
    expect(await readSetting(db, 'key')).toBe(values[0]);
    expect(await ensureSetting(db, 'key', () => 'd')).toBe(values[0]);
  });

  test('are replaced by what an operator sets', async () => {
    const { db } = catalog.database;
    expect(await readSetting(db, 'key')).toBeNull();
    await writeSetting(db, 'key', 'a');
    await writeSetting(db, 'key', 'b');
    expect(await ensureSetting(db, 'key', () => 'c')).toBe('b');
  });
});
