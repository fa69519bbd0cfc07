/** Our own route for models: what is on offer to a caller, and how long it took lately. */

import { syncAccounts } from '../../../src/catalog/accounts.ts';
import { replacePublishedModels } from '../../../src/catalog/models.ts';
import { makeOffer } from '../../builders.ts';
import { insertVideo, makeAccount } from '../../catalog/rows.ts';
import { type OwnApp, openOwnApp } from './own-app.ts';

const NOON_MS = Date.parse('2026-03-01T12:00:00.000Z');

describe('our own route for models', () => {
  let own: OwnApp;

  beforeAll(async () => {
    own = await openOwnApp();
  });
  beforeEach(async () => {
    await own.reset();
    const { db } = own.database;
    await syncAccounts(db, [makeAccount()]);
    const { capabilities } = makeOffer();
    const priced = { pricePerSecondMicroUsd: 400_000, capabilities };
    await replacePublishedModels(db, 'airforce-1', [
      { upstreamModel: 'wan-2.6', ...priced },
      { upstreamModel: 'kling', ...priced },
    ]);
  });
  afterAll(() => own.close());

  /** Clips of a model that took so many seconds, one after the other. */
  async function insertCompleted(model: string, seconds: readonly number[]): Promise<void> {
    for (const [index, took] of seconds.entries()) {
      const endedAt = new Date(NOON_MS + index * 60_000);
      const submittedAt = new Date(endedAt.getTime() - took * 1000);
      await insertVideo(own.database.db, {
        id: `video_${model}_${index}`,
        model,
        state: 'completed',
        account: 'airforce-1',
        submittedAt,
        endedAt,
      });
    }
  }

  test('shows what each can do and costs, and how long its latest clips took', async () => {
    await insertCompleted('wan-2.6', [1000, ...Array(10).fill(10), ...Array(8).fill(20), 40, 60]);
    const { capabilities } = makeOffer();
    expect((await own.ask({ url: '/clipyard/v1/models' })).body).toEqual({
      items: expect.arrayContaining([
        {
          id: 'wan-2.6',
          accounts: ['airforce-1'],
          provider: 'airforce',
          ...capabilities,
          pricePerSecondMicroUsd: 400_000,
          lately: { clips: 20, p50Ms: 10_000, p90Ms: 20_000 },
        },
        expect.objectContaining({ id: 'kling', lately: null }),
      ]),
    });
  });

  test('leaves out clips of which nothing tells when they were submitted', async () => {
    await insertCompleted('wan-2.6', [10]);
    const untold = {
      state: 'completed',
      account: 'airforce-1',
      submittedAt: null,
      endedAt: new Date(NOON_MS),
    } as const;
    for (const model of ['wan-2.6', 'kling']) {
      await insertVideo(own.database.db, { id: `video_untold_${model}`, model, ...untold });
    }
    expect((await own.ask({ url: '/clipyard/v1/models' })).body).toMatchObject({
      items: expect.arrayContaining([
        expect.objectContaining({ id: 'wan-2.6', lately: { clips: 1, p50Ms: 10_000, p90Ms: 10_000 } }),
        expect.objectContaining({ id: 'kling', lately: null }),
      ]),
    });
  });

  test('shows a caller its own models alone', async () => {
    const made = await own.ask({
      method: 'POST',
      url: '/clipyard/v1/callers',
      payload: { name: 'studio', models: ['kling'] },
    });
    const { key } = made.body as { readonly key: string };
    expect((await own.ask({ url: '/clipyard/v1/models', key })).body).toMatchObject({ items: [{ id: 'kling' }] });
    expect((await own.ask({ url: '/clipyard/v1/models', key: null })).status).toBe(401);
  });
});
