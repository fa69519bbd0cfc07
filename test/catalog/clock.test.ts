/** The catalog's clock, as a process with a clock of its own tells it. */

import { syncAccounts } from '../../src/catalog/accounts.ts';
import { readClock, readClockLately } from '../../src/catalog/clock.ts';
import { createSecretBox } from '../../src/catalog/secret-box.ts';
import { NO_TRACES } from '../../src/domain/trace.ts';
import { type CreateOrder, prepareVideo } from '../../src/gateway/orders.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { makeCaller } from '../builders.ts';
import { offerModel } from '../model/scene.ts';
import { makeAccount } from './rows.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';
import { withClockAhead } from './wrong-clock.ts';

const DAY_MS = 86_400_000;
const NO_STORE = {} as MediaStore;
/** For how long a difference is taken for granted, and more. */
const MINUTES_MS = 120_000;

describeOnBothCatalogs('the clock that is not asked each time', (catalog) => {
  test.each([
    ['right', 0],
    ['a day behind', -DAY_MS],
    ['a day ahead', DAY_MS],
  ])('tells the time of the catalog where the own one is %s, and once that is put right', async (_name, aheadMs) => {
    if (catalog.databaseUrl === null) return;
    const { db } = catalog.database;
    const isRight = async () => {
      const before = await readClock(db);
      const told = await readClockLately(db);
      const after = await readClock(db);
      expect(told.getTime()).toBeGreaterThanOrEqual(before.getTime() - MINUTES_MS / 2);
      expect(told.getTime()).toBeLessThanOrEqual(after.getTime() + MINUTES_MS / 2);
    };
    await withClockAhead(aheadMs, isRight);
    await withClockAhead(aheadMs, isRight);
    await isRight();
  });

  test('is that by which a gateway accepts clips and tells how long they are kept', async () => {
    if (catalog.databaseUrl === null) return;
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount()]);
    await offerModel(db, 'wan-2.6', ['airforce-1']);
    const order: CreateOrder = {
      ...{ caller: makeCaller({ retentionSeconds: null }), dialect: 'airforce', retentionSeconds: 3600 },
      idempotency: null,
      draft: { model: 'wan-2.6', mode: 'text', prompt: 'a fox', images: [], extra: {} },
    };
    const parts = { db, store: NO_STORE, secrets: createSecretBox(''), traces: NO_TRACES };
    const { createdAt, expiresAt, queueDeadlineAt } = await withClockAhead(-DAY_MS, () => prepareVideo(parts, order));
    expect(createdAt.getTime()).toBeGreaterThan(Date.now() - MINUTES_MS);
    for (const at of [expiresAt, queueDeadlineAt]) expect(at.getTime()).toBeGreaterThan(Date.now());
  });

  test('is asked once in a while', async () => {
    const { db } = catalog.database;
    await readClockLately(db);
    const asked = jest.spyOn(db, 'execute');
    await readClockLately(db);
    expect(asked).not.toHaveBeenCalled();
    await withClockAhead(MINUTES_MS, () => readClockLately(db));
    expect(asked).toHaveBeenCalledTimes(1);
    asked.mockRestore();
  });
});
