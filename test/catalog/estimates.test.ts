/** Estimates: what a create would cost, with a model or with a wish. */

import { syncAccounts } from '../../src/catalog/accounts.ts';
import { estimatePrice } from '../../src/catalog/estimates.ts';
import { makeOffer } from '../builders.ts';
import { makeAccount } from './rows.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

const OFFERS = [
  makeOffer({ model: 'dear', pricePerSecondMicroUsd: 900_000 }),
  makeOffer({ model: 'plain', pricePerSecondMicroUsd: 200_000 }),
  makeOffer({ model: 'cheap', pricePerSecondMicroUsd: 100_000 }),
  makeOffer({ model: 'cheap', pricePerSecondMicroUsd: 50_000, account: 'airforce-2' }),
];

describeOnBothCatalogs('estimates', (catalog) => {
  beforeEach(async () => {
    await syncAccounts(catalog.database.db, [makeAccount(), makeAccount({ id: 'airforce-2' })]);
  });

  test('price a named model with its defaults', async () => {
    const { db } = catalog.database;
    expect(await estimatePrice(db, { model: 'cheap' }, OFFERS)).toEqual({
      estimateMicroUsd: 500_000,
      model: 'cheap',
      provider: 'airforce',
      account: 'airforce-1',
    });
    expect(await estimatePrice(db, { model: 'dear', durationSeconds: 8 }, OFFERS)).toMatchObject({
      estimateMicroUsd: 7_200_000,
    });
  });

  test.each([
    ['cheapest', 'cheap'],
    ['balanced', 'plain'],
    ['smartest', 'dear'],
  ] as const)('choose for %s among the models', async (prefer, model) => {
    const { db } = catalog.database;
    expect(await estimatePrice(db, { prefer }, OFFERS)).toMatchObject({ model });
  });

  test('refuse what nothing on offer takes', async () => {
    const { db } = catalog.database;
    const estimate = (order: Parameters<typeof estimatePrice>[1]) => estimatePrice(db, order, OFFERS);
    await expect(estimate({ model: 'none' })).rejects.toMatchObject({ kind: 'unknown_model' });
    await expect(estimate({ model: 'cheap', durationSeconds: 99 })).rejects.toMatchObject({
      param: 'duration_seconds',
    });
    await expect(estimate({ durationSeconds: 99 })).rejects.toMatchObject({ kind: 'invalid_request' });
  });
});
