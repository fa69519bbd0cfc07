/** Our own routes for upstream accounts, for root alone. */

import { syncAccounts } from '../../../src/catalog/accounts.ts';
import { makeAccount } from '../../catalog/rows.ts';
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
    const { database, ask, resumed } = own;
    await syncAccounts(database.db, [makeAccount()]);
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
    expect(resumed).toEqual([]);
    expect(await act('airforce-1/resume')).toMatchObject({ status: 200, body: account });
    expect(resumed).toEqual(['airforce-1']);
    expect((await act('none/pause')).status).toBe(404);
    expect((await act('none/resume')).status).toBe(404);
  });
});
