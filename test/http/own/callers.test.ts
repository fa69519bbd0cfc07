/** Our own routes for callers, for root alone. */

import { type OwnApp, openOwnApp } from './own-app.ts';

describe('our own routes for callers', () => {
  let own: OwnApp;

  beforeAll(async () => {
    own = await openOwnApp();
  });
  beforeEach(() => own.reset());
  afterAll(() => own.close());

  test('are for root alone', async () => {
    const { key } = await own.join('studio');
    const routes = [
      ['GET', 'callers'],
      ['POST', 'callers'],
      ['PATCH', 'callers/x'],
      ['POST', 'callers/x/credit'],
    ] as const;
    for (const [method, path] of routes) {
      const answer = await own.ask({ method, url: `/clipyard/v1/${path}`, key });
      expect(answer).toMatchObject({ status: 403, body: { status: 403, code: 'forbidden' } });
    }
  });

  test('make a caller whose key works', async () => {
    const { ask } = own;
    const payload = { name: 'studio', creditMicroUsd: 500, maxRunningVideos: 2, models: ['a'], dialect: 'airforce' };
    const { status, body } = await ask({ method: 'POST', url: '/clipyard/v1/callers', payload });
    expect(status).toBe(201);
    expect(body).toMatchObject({ ...payload, id: expect.stringMatching(/^caller_/), overflow: 'queue', weight: 1 });
    const { key } = body as { key: string };
    expect((await ask({ url: '/clipyard/v1/balance', key })).body).toMatchObject({ availableMicroUsd: 500 });
    const listed = await ask({ url: '/clipyard/v1/callers' });
    expect(listed.body).toMatchObject({ items: [{ id: 'root', isRoot: true }, { name: 'studio' }] });
    expect(JSON.stringify(listed.body)).not.toContain(key);
  });

  test.each([
    {},
    { name: '' },
    { name: 'x', creditMicroUsd: -1 },
    { name: 'x', creditMicroUsd: 1.5 },
    { name: 'x', weight: 0 },
    { name: 'x', maxRunningVideos: 0 },
    { name: 'x', maxRequestsPerMinute: 0 },
    { name: 'x', overflow: 'drop' },
    { name: 'x', dialect: 'esperanto' },
    { name: 'x', models: 'a' },
    { name: 'x', models: [] },
    { name: 'x', retentionSeconds: 3e9 },
    { name: 'x', key: 'chosen' },
    [],
    'x',
  ])('refuse to make %j', async (payload) => {
    const headers = { 'content-type': 'application/json' };
    const request = { method: 'POST', url: '/clipyard/v1/callers', headers, payload: JSON.stringify(payload) } as const;
    expect(await own.ask(request)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  test('change a caller, its credit and its key', async () => {
    const { ask } = own;
    const { id, key } = await own.join('studio', 100);
    const patch = (payload: object, of = id) => ask({ method: 'PATCH', url: `/clipyard/v1/callers/${of}`, payload });
    expect(await patch({ maxRunningVideos: 9, weight: 0.5 })).toMatchObject({
      status: 200,
      body: { id, name: 'studio', maxRunningVideos: 9, weight: 0.5, creditMicroUsd: 100 },
    });
    expect(await patch({ maxRunningVideos: null })).toMatchObject({ body: { maxRunningVideos: 4 } });
    expect((await patch({ name: 'x' }, 'caller_none')).status).toBe(404);
    expect((await patch({ nickname: 'x' })).status).toBe(400);
    expect(await patch({ models: ['a'] })).toMatchObject({ status: 200, body: { models: ['a'] } });
    expect(await patch({ models: [] })).toMatchObject({ status: 400, body: { param: 'models' } });
    expect(await patch({ models: null })).toMatchObject({ status: 200, body: { models: null } });
    expect((await patch({ creditMicroUsd: 5 }, 'root')).status).toBe(409);
    expect((await patch({ disabled: true })).body).toMatchObject({ disabledAt: expect.any(String) });
    expect((await ask({ url: '/clipyard/v1/balance', key })).status).toBe(401);
    await patch({ disabled: false });
    expect((await ask({ url: '/clipyard/v1/balance', key })).status).toBe(200);
  });

  test('limit the requests of a caller, never those of root', async () => {
    const { ask } = own;
    const { id, key } = await own.join('studio');
    const limit = (maxRequestsPerMinute: number | null, of = id) =>
      ask({ method: 'PATCH', url: `/clipyard/v1/callers/${of}`, payload: { maxRequestsPerMinute } });
    expect(await limit(2)).toMatchObject({ status: 200, body: { maxRequestsPerMinute: 2 } });
    const balance = () => ask({ url: '/clipyard/v1/balance', key });
    expect(await balance()).toMatchObject({
      status: 200,
      headers: { 'ratelimit-policy': '"caller";q=2;w=60', ratelimit: expect.stringMatching(/^"caller";r=1;t=\d+$/) },
    });
    expect((await balance()).headers).toMatchObject({ ratelimit: expect.stringMatching(/^"caller";r=0;t=\d+$/) });
    const { status, body, headers } = await balance();
    expect({ status, body }).toMatchObject({ status: 429, body: { status: 429, code: 'rate_limited' } });
    expect(headers['ratelimit']).toBe(`"caller";r=0;t=${String(headers['retry-after'])}`);
    expect(await limit(null)).toMatchObject({ body: { maxRequestsPerMinute: null } });
    const unlimited = await balance();
    expect(unlimited.status).toBe(200);
    expect(unlimited.headers).not.toHaveProperty('ratelimit');
    await limit(1, 'root');
    for (let n = 0; n < 3; n++) expect((await ask({ url: '/clipyard/v1/balance' })).status).toBe(200);
  });

  test('add credit where there is a limit', async () => {
    const { ask } = own;
    const limited = await own.join('studio', 100);
    const unlimited = await own.join('studio');
    const add = (id: string, amountMicroUsd: unknown) =>
      ask({ method: 'POST', url: `/clipyard/v1/callers/${id}/credit`, payload: { amountMicroUsd } });
    expect(await add(limited.id, 50)).toMatchObject({
      status: 200,
      body: { creditMicroUsd: 150, availableMicroUsd: 150 },
    });
    expect((await add(unlimited.id, 50)).status).toBe(409);
    expect((await add('caller_none', 50)).status).toBe(404);
    for (const amount of [0, -5, 1.5, '5', null, Number.MAX_SAFE_INTEGER])
      expect((await add(limited.id, amount)).status).toBe(400);
  });
});
