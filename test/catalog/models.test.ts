/** Models on offer: published by upstreams, configured by the operator, in the order they are tried. */

import { syncAccounts } from '../../src/catalog/accounts.ts';
import { latestOffers, listOffers, replacePublishedModels, syncConfiguredModels } from '../../src/catalog/models.ts';
import { accountModels } from '../../src/catalog/tables/accounts.ts';
import type { ModelConfig } from '../../src/domain/models.ts';
import { makeOffer } from '../builders.ts';
import { makeAccount } from './rows.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

function publish(upstreamModel: string, pricePerSecondMicroUsd = 400_000) {
  return { upstreamModel, pricePerSecondMicroUsd, capabilities: makeOffer().capabilities };
}

function configure(id: string, accounts: readonly string[]): ModelConfig {
  return {
    id,
    accounts,
    upstreamModel: `${id}-upstream`,
    pricePerSecondMicroUsd: 100_000,
    durationsSeconds: [4, 8],
    minDurationSeconds: 4,
    maxDurationSeconds: 8,
    aspectRatios: ['16:9'],
    qualities: [],
    modes: ['text'],
  };
}

describeOnBothCatalogs('models on offer', (catalog) => {
  beforeEach(async () => {
    await syncAccounts(catalog.database.db, [makeAccount(), makeAccount({ id: 'airforce-2' })]);
  });

  async function offered(model?: string) {
    return (await listOffers(catalog.database.db, model)).map((offer) => `${offer.model} at ${offer.account}`);
  }

  test('follow what an upstream publishes', async () => {
    const { db } = catalog.database;
    await replacePublishedModels(db, 'airforce-1', [publish('a'), publish('b'), publish('b', 500_000)]);
    await replacePublishedModels(db, 'airforce-2', [publish('a')]);
    expect(await offered()).toEqual(['a at airforce-1', 'a at airforce-2', 'b at airforce-1']);
    expect(await listOffers(db, 'b')).toEqual([
      makeOffer({ model: 'b', upstreamModel: 'b', pricePerSecondMicroUsd: 500_000, mostImages: null }),
    ]);
    await replacePublishedModels(db, 'airforce-1', [publish('c')]);
    expect(await offered()).toEqual(['a at airforce-2', 'c at airforce-1']);
    await replacePublishedModels(db, 'airforce-1', []);
    expect(await offered()).toEqual(['a at airforce-2']);
  });

  test('are kept for a second, and no longer than until this process changes them', async () => {
    const { db } = catalog.database;
    const latest = async () => (await latestOffers(db)).map(({ model }) => model);
    await replacePublishedModels(db, 'airforce-1', [publish('a')]);
    expect(await latest()).toEqual(['a']);
    await replacePublishedModels(db, 'airforce-1', [publish('b')]);
    expect(await latest()).toEqual(['b']);
    await db.update(accountModels).set({ model: 'changed elsewhere' });
    expect(await latest()).toEqual(['b']);
    const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 1001);
    expect(await latest()).toEqual(['changed elsewhere']);
    now.mockRestore();
  });

  test('come first from where the operator wants them', async () => {
    const { db } = catalog.database;
    await syncConfiguredModels(db, [configure('sora-2', ['airforce-2', 'airforce-1'])]);
    expect(await offered()).toEqual(['sora-2 at airforce-2', 'sora-2 at airforce-1']);
    expect(await listOffers(db, 'sora-2')).toMatchObject([
      { upstreamModel: 'sora-2-upstream', capabilities: { durationsSeconds: [4, 8], qualities: [], modes: ['text'] } },
      {},
    ]);
  });

  test('are the configured ones where both exist', async () => {
    const { db } = catalog.database;
    await replacePublishedModels(db, 'airforce-1', [publish('a')]);
    await replacePublishedModels(db, 'airforce-2', [publish('a')]);
    await syncConfiguredModels(db, [configure('a', ['airforce-2'])]);
    await replacePublishedModels(db, 'airforce-2', [publish('a', 900_000)]);
    await replacePublishedModels(db, 'airforce-2', []);
    expect(await listOffers(db, 'a')).toMatchObject([
      { account: 'airforce-2', upstreamModel: 'a-upstream', pricePerSecondMicroUsd: 100_000 },
      { account: 'airforce-1', upstreamModel: 'a', pricePerSecondMicroUsd: 400_000 },
    ]);
    await syncConfiguredModels(db, []);
    expect(await offered()).toEqual(['a at airforce-1']);
  });

  test('leave out accounts that are not configured any more', async () => {
    const { db } = catalog.database;
    await replacePublishedModels(db, 'airforce-1', [publish('a')]);
    await replacePublishedModels(db, 'airforce-2', [publish('a')]);
    await syncAccounts(db, [makeAccount({ id: 'airforce-2' })]);
    expect(await offered()).toEqual(['a at airforce-2']);
    expect(await offered('b')).toEqual([]);
  });

  test('survive many processes that refresh them at once', async () => {
    const { db } = catalog.database;
    const models = ['a', 'b', 'c', 'd'].map((model) => publish(model));
    await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        replacePublishedModels(db, 'airforce-1', index % 2 ? models : models.toReversed()),
      ),
    );
    expect(await offered()).toHaveLength(4);
  });
});
