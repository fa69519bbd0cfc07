/** Callers: keys that are found by their hash, settings with defaults, and the caller root. */

import { eq } from 'drizzle-orm';
import {
  createCaller,
  ensureRootCaller,
  findCallerByKey,
  listCallers,
  readCaller,
  setCallerDisabled,
  updateCaller,
} from '../../src/catalog/callers.ts';
import { callers, ledger } from '../../src/catalog/tables/callers.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

describeOnBothCatalogs('callers', (catalog) => {
  test('are found by their key, which is not stored', async () => {
    const { db } = catalog.database;
    const { caller, key } = await createCaller(db, { name: 'studio' });
    expect(key).toMatch(/^cy_[A-Za-z0-9_-]{43}$/);
    expect(caller.id).toMatch(/^caller_[0-9a-f-]{36}$/);
    expect(await findCallerByKey(db, key)).toEqual(caller);
    expect(await findCallerByKey(db, `${key}x`)).toBeNull();
    const [row] = await db.select().from(callers);
    expect(JSON.stringify(row)).not.toContain(key);
    expect(row?.keyHash).toMatch(/^[0-9a-f]{64}$/);
  });

  test('have defaults for what is not chosen', async () => {
    const { db } = catalog.database;
    const { caller } = await createCaller(db, { name: 'studio', weight: null });
    expect(caller).toMatchObject({
      name: 'studio',
      isRoot: false,
      creditMicroUsd: null,
      maxQueuedVideos: 10_000,
      maxRunningVideos: 4,
      overflow: 'queue',
      weight: 1,
      models: null,
      dialect: null,
      retentionSeconds: null,
      disabledAt: null,
    });
  });

  test('start with the credit that is entered', async () => {
    const { db } = catalog.database;
    const { caller } = await createCaller(db, { name: 'studio', creditMicroUsd: 5_000_000 });
    expect(caller).toMatchObject({ creditMicroUsd: 5_000_000, availableMicroUsd: 5_000_000 });
    expect(await db.select().from(ledger)).toMatchObject([{ kind: 'credit', amountMicroUsd: 5_000_000 }]);
    expect((await createCaller(db, { name: 'poor', creditMicroUsd: 0 })).caller.creditMicroUsd).toBe(0);
  });

  test('change at once for the next read', async () => {
    const { db } = catalog.database;
    const { caller, key } = await createCaller(db, { name: 'studio', maxRunningVideos: 9, models: ['a'] });
    await findCallerByKey(db, key);
    const changed = await updateCaller(db, caller.id, { name: 'other', maxRunningVideos: null, creditMicroUsd: 7 });
    expect(changed).toMatchObject({ name: 'other', maxRunningVideos: 4, models: ['a'], creditMicroUsd: 7 });
    expect(await findCallerByKey(db, key)).toEqual(changed);
    expect(await updateCaller(db, caller.id, {})).toEqual(changed);
    await expect(updateCaller(db, 'caller_none', { name: 'x' })).rejects.toMatchObject({ kind: 'not_found' });
  });

  test('are not found while they are disabled', async () => {
    const { db } = catalog.database;
    const { caller, key } = await createCaller(db, { name: 'studio' });
    await findCallerByKey(db, key);
    expect((await setCallerDisabled(db, caller.id, true)).disabledAt).toBeInstanceOf(Date);
    expect(await findCallerByKey(db, key)).toBeNull();
    await setCallerDisabled(db, caller.id, false);
    expect(await findCallerByKey(db, key)).toEqual(caller);
  });

  test('are read from the catalog again before long', async () => {
    const { db } = catalog.database;
    const { caller, key } = await createCaller(db, { name: 'studio' });
    await findCallerByKey(db, key);
    await db.update(callers).set({ name: 'changed elsewhere' }).where(eq(callers.id, caller.id));
    expect((await findCallerByKey(db, key))?.name).toBe('studio');
    const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 1001);
    expect((await findCallerByKey(db, key))?.name).toBe('changed elsewhere');
    now.mockRestore();
  });

  test('include root, with a generated key shown once', async () => {
    const { db } = catalog.database;
    const outcomes = await Promise.all([1, 2, 3].map(() => ensureRootCaller(db, null)));
    const keys = outcomes.flatMap(({ generatedKey }) => generatedKey ?? []);
    expect(keys).toHaveLength(1);
    expect(await findCallerByKey(db, keys[0] ?? '')).toMatchObject({ id: 'root', isRoot: true, creditMicroUsd: null });
    expect((await listCallers(db)).map(({ id }) => id)).toEqual(['root']);
  });

  test('let a given root key replace the stored one', async () => {
    const { db } = catalog.database;
    const { generatedKey } = await ensureRootCaller(db, null);
    await findCallerByKey(db, generatedKey ?? '');
    expect(await ensureRootCaller(db, 'chosen')).toEqual({ generatedKey: null });
    expect(await findCallerByKey(db, 'chosen')).toMatchObject({ id: 'root' });
    expect(await findCallerByKey(db, generatedKey ?? '')).toBeNull();
    expect(await ensureRootCaller(db, null)).toEqual({ generatedKey: null });
    expect(await findCallerByKey(db, 'chosen')).toMatchObject({ id: 'root' });
  });

  test('keep their keys apart from root', async () => {
    const { db } = catalog.database;
    const { key } = await createCaller(db, { name: 'studio' });
    await expect(ensureRootCaller(db, key)).rejects.toThrow('CLIPYARD_ROOT_KEY is the key of another caller');
    await ensureRootCaller(db, 'chosen');
    await expect(ensureRootCaller(db, key)).rejects.toThrow('CLIPYARD_ROOT_KEY is the key of another caller');
  });

  test('leave root without a limit and enabled', async () => {
    const { db } = catalog.database;
    await ensureRootCaller(db, 'chosen');
    await expect(updateCaller(db, 'root', { creditMicroUsd: 1 })).rejects.toMatchObject({ kind: 'conflict' });
    await expect(setCallerDisabled(db, 'root', true)).rejects.toMatchObject({ kind: 'conflict' });
    expect(await readCaller(db, 'root')).toMatchObject({ creditMicroUsd: null, disabledAt: null });
  });
});
