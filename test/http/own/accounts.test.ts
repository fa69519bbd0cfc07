/** Our own routes for upstream accounts, for root alone. */

import { syncAccounts } from '../../../src/catalog/accounts.ts';
import { replacePublishedModels } from '../../../src/catalog/models.ts';
import { enterQueue } from '../../../src/catalog/slots.ts';
import { findVideoRow } from '../../../src/catalog/videos.ts';
import { makeOffer } from '../../builders.ts';
import { insertVideo, makeAccount } from '../../catalog/rows.ts';
import { type OwnApp, openOwnApp } from './own-app.ts';

describe('our own routes for accounts', () => {
  let own: OwnApp;

  beforeAll(async () => {
    own = await openOwnApp();
  });
  beforeEach(() => own.reset());
  afterAll(() => own.close());

  test('are for root alone', async () => {
    const { key } = await own.join('studio');
    const routes = [
      ['GET', 'accounts'],
      ['POST', 'accounts/x/pause'],
      ['POST', 'accounts/x/resume'],
    ] as const;
    for (const [method, path] of routes) {
      const answer = await own.ask({ method, url: `/clipyard/v1/${path}`, key });
      expect(answer).toMatchObject({ status: 403, body: { status: 403, code: 'forbidden' } });
    }
  });

  test('show, pause and resume accounts', async () => {
    const { ask, told } = own;
    const { db } = own.database;
    await syncAccounts(db, [makeAccount()]);
    await replacePublishedModels(db, 'airforce-1', [makeOffer()]);
    const { id: callerId } = await own.join('studio');
    const account = {
      id: 'airforce-1',
      provider: 'airforce',
      state: 'active',
      reasons: [],
      limit: 4,
      inUse: 0,
      slots: [],
      waiting: 0,
      pausedUntil: null,
      lastError: null,
      orphans: [],
      api: null,
      onLostAnswer: null,
    };
    expect((await ask({ url: '/clipyard/v1/accounts' })).body).toEqual({ items: [account] });
    const act = (path: string) => ask({ method: 'POST', url: `/clipyard/v1/accounts/${path}` });
    expect(await act('airforce-1/pause')).toMatchObject({
      status: 200,
      body: { ...account, state: 'paused', reasons: ['paused'] },
    });
    await insertVideo(db, { id: 'video_1', callerId });
    const waiting = await findVideoRow(db, 'video_1');
    expect(waiting && (await enterQueue(db, waiting))).toBe(true);
    const slots = [{ videoId: 'video_1', state: 'granted' }];
    expect(await act('airforce-1/resume')).toMatchObject({ status: 200, body: { ...account, inUse: 1, slots } });
    expect(told).toEqual(['granted video_1']);
    expect((await act('none/pause')).status).toBe(404);
    expect((await act('none/resume')).status).toBe(404);
  });
});
