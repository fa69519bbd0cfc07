/** Our own routes for videos: snapshots, lists, actions and estimates. */

import { pauseAccount } from '../../../src/catalog/account-health.ts';
import { syncAccounts } from '../../../src/catalog/accounts.ts';
import { replacePublishedModels } from '../../../src/catalog/models.ts';
import { submissions } from '../../../src/catalog/tables/submissions.ts';
import { videos } from '../../../src/catalog/tables/videos.ts';
import type { TaskEnd } from '../../../src/domain/submission.ts';
import { makeArchive, makeCompletedVideo, makeOffer } from '../../builders.ts';
import { insertSubmission, insertVideo, makeAccount } from '../../catalog/rows.ts';
import { type OwnApp, openOwnApp } from './own-app.ts';

const CREATED = new Date('2026-03-01T12:00:00.000Z');

describe('our own routes for videos', () => {
  let own: OwnApp;

  beforeAll(async () => {
    own = await openOwnApp();
  });
  beforeEach(() => own.reset());
  afterAll(() => own.close());

  test('show the snapshot of a completed video', async () => {
    const { database, ask } = own;
    const { id: callerId, key } = await own.join('studio');
    await insertVideo(database.db, {
      id: 'video_1',
      callerId,
      state: 'completed',
      provider: 'airforce',
      account: 'airforce-1',
      taskId: 'task_9',
      progress: 100,
      settledMicroUsd: 3_000_000,
      upstreamMicroUsd: 3_000_000,
      archive: makeArchive(),
      submissions: 1,
      polls: 7,
      pollOffsetsMs: [],
      createdAt: CREATED,
      expiresAt: new Date('2026-03-02T12:00:00.000Z'),
      submittedAt: CREATED,
      generatedAt: CREATED,
      endedAt: CREATED,
    });
    const { status, body, headers } = await ask({ url: '/clipyard/v1/videos/video_1', key });
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect(body).toEqual({
      caller: callerId,
      id: 'video_1',
      state: 'completed',
      dialect: 'airforce',
      provider: 'airforce',
      account: 'airforce-1',
      model: 'wan-2.6',
      taskId: 'task_9',
      progress: 100,
      upstreamWord: null,
      queuePosition: null,
      batchId: null,
      againOf: null,
      request: expect.objectContaining({ prompt: 'A red fox darting across snowy hills at dawn' }),
      createdAt: '2026-03-01T12:00:00.000Z',
      sentAt: null,
      submittedAt: '2026-03-01T12:00:00.000Z',
      generatedAt: '2026-03-01T12:00:00.000Z',
      endedAt: '2026-03-01T12:00:00.000Z',
      expiresAt: '2026-03-02T12:00:00.000Z',
      cost: { estimateMicroUsd: 3_200_000, settledMicroUsd: 3_000_000, upstreamMicroUsd: 3_000_000 },
      archive: {
        sha256: 'a'.repeat(64),
        sizeBytes: 1_234_567,
        durationMs: 8000,
        width: 1280,
        height: 720,
        codec: 'avc',
        warning: null,
        url: 'https://clips.example/video_1.mp4?exp=1',
        posterUrl: null,
      },
      delivery: null,
      failure: null,
      waitingFor: null,
      submissions: 1,
      polls: 7,
      pollOffsetsMs: [],
      workflowUrl: 'https://temporal.example/video_1',
    });
  });

  test('show the word that the upstream last told, and a clip of another length than was asked for', async () => {
    const { db } = own.database;
    await insertVideo(db, { id: 'video_1', state: 'generating', lastWord: 'polishing' });
    await insertVideo(db, { ...makeCompletedVideo({ id: 'video_2' }), archive: makeArchive({ durationMs: 10_001 }) });
    await insertVideo(db, { ...makeCompletedVideo({ id: 'video_3' }), archive: makeArchive({ durationMs: 7000 }) });
    const shown = async (id: string) => (await own.ask({ url: `/clipyard/v1/videos/${id}` })).body;
    expect(await shown('video_1')).toMatchObject({ upstreamWord: 'polishing', archive: null });
    const warning = 'the clip is 10.0 s long, and 8 s were asked for';
    expect(await shown('video_2')).toMatchObject({ request: { durationSeconds: 8 }, archive: { warning } });
    expect(await shown('video_3')).toMatchObject({ archive: { durationMs: 7000, warning: null } });
  });

  test('show absent things as null and the failure', async () => {
    const failure = { kind: 'answer_lost', message: 'no answer', upstream: { status: 500 } } as const;
    await insertVideo(own.database.db, { id: 'video_1', state: 'failed', failure, endedAt: CREATED });
    const { body } = await own.ask({ url: '/clipyard/v1/videos/video_1' });
    expect(body).toMatchObject({ archive: null, taskId: null, submittedAt: null, provider: null, failure });
  });

  test('hide what belongs to others and what is unknown', async () => {
    const { ask } = own;
    const { key } = await own.join('studio');
    await insertVideo(own.database.db, { id: 'video_1', callerId: 'someone' });
    for (const id of ['video_1', 'video_2', 'x'.repeat(500), '%00', 'video_1%00']) {
      const { status, body, headers } = await ask({ url: `/clipyard/v1/videos/${id}`, key });
      expect(status).toBe(404);
      expect(headers['content-type']).toMatch('application/problem+json');
      expect(body).toMatchObject({ status: 404, code: 'not_found', title: expect.any(String) });
    }
    expect((await ask({ url: '/clipyard/v1/videos/video_1' })).status).toBe(200);
  });

  test('know nothing with a NUL in its id, at any route', async () => {
    const routes = [
      ['POST', 'videos/%00/cancel'],
      ['POST', 'videos/%00/recheck'],
      ['POST', 'videos/%00/rearchive'],
      ['POST', 'videos/%00/refund'],
      ['POST', 'videos/%00/settle', { amountMicroUsd: 1 }],
      ['PATCH', 'callers/%00', { weight: 2 }],
      ['POST', 'callers/%00/credit', { amountMicroUsd: 1 }],
      ['POST', 'accounts/%00/pause'],
      ['POST', 'accounts/%00/resume'],
    ] as const;
    for (const [method, path, payload] of routes) {
      const answer = await own.ask({ method, url: `/clipyard/v1/${path}`, ...(payload && { payload }) });
      expect(answer).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });

  test('ask for a key before anything else', async () => {
    for (const url of ['/clipyard/v1/videos', '/clipyard/v1/balance', '/clipyard/v1/callers']) {
      expect(await own.ask({ url, key: null })).toMatchObject({
        status: 401,
        body: { code: 'unauthenticated' },
      });
      expect((await own.ask({ url, key: 'wrong' })).status).toBe(401);
    }
  });

  test('list videos newest first, page by page', async () => {
    const { database, ask } = own;
    const { id: callerId, key } = await own.join('studio');
    for (let n = 1; n <= 3; n++) {
      const createdAt = new Date(CREATED.getTime() + n);
      await insertVideo(database.db, { id: `video_${n}`, callerId, createdAt });
    }
    await insertVideo(database.db, { id: 'video_other', callerId: 'someone', batchId: 'batch_1', state: 'archiving' });
    const idsAt = async (query: string, as: string) => {
      const { body } = await ask({ url: `/clipyard/v1/videos${query}`, key: as });
      const { items, nextCursor } = body as { items: { id: string }[]; nextCursor: string | null };
      return { ids: items.map(({ id }) => id), nextCursor };
    };
    const first = await idsAt('?limit=2', key);
    expect(first.ids).toEqual(['video_3', 'video_2']);
    expect(await idsAt(`?limit=2&cursor=${first.nextCursor}`, key)).toEqual({ ids: ['video_1'], nextCursor: null });
    expect((await idsAt('', 'root-key')).ids).toHaveLength(4);
    expect((await idsAt(`?caller=${callerId}`, 'root-key')).ids).toHaveLength(3);
    expect((await idsAt('?batchId=batch_1', 'root-key')).ids).toEqual(['video_other']);
    expect((await idsAt('?state=archiving,failed', 'root-key')).ids).toEqual(['video_other']);
    expect((await idsAt('?state=archiving&state=failed', 'root-key')).ids).toEqual(['video_other']);
    expect((await idsAt('?state=&model=none', 'root-key')).ids).toEqual([]);
    expect((await idsAt('?state=&limit=&cursor=&model=&batchId=', key)).ids).toHaveLength(3);
    expect((await idsAt(`?caller=${callerId}`, key)).ids).toHaveLength(3);
    expect((await ask({ url: '/clipyard/v1/videos?caller=someone', key })).status).toBe(403);
  });

  test.each([
    'limit=0',
    'limit=201',
    'limit=1.5',
    'state=running',
    'cursor=zzz',
    'order=asc',
    'limit=1&limit=2',
    'cursor=%00',
    'cursor=a%00b&limit=1',
    'model=%00',
    'batchId=x%00',
    'caller=%00',
  ])('refuse the query %s', async (query) => {
    const { status, body } = await own.ask({ url: `/clipyard/v1/videos?${query}` });
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'invalid_request', status: 400 });
  });

  test('pass actions on and show the video', async () => {
    const { database, ask, told } = own;
    await insertVideo(database.db, { id: 'video_1', callerId: 'root' });
    const act = (name: string) => ask({ method: 'POST', url: `/clipyard/v1/videos/video_1/${name}` });
    expect(await act('recheck')).toMatchObject({ status: 200, body: { id: 'video_1', state: 'queued' } });
    expect(await act('cancel')).toMatchObject({ status: 200, body: { id: 'video_1', state: 'cancelled' } });
    expect(told).toEqual(['recheck video_1', 'cancel video_1']);
    expect((await act('explode')).status).toBe(404);
  });

  test('are not asked about sooner where no task is known', async () => {
    const { database, ask, told } = own;
    await insertVideo(database.db, { id: 'video_1', callerId: 'root', state: 'unconfirmed' });
    await insertSubmission(database.db, { id: 'video_1-s1', videoId: 'video_1', state: 'unconfirmed' });
    expect((await ask({ method: 'POST', url: '/clipyard/v1/videos/video_1/recheck' })).status).toBe(200);
    expect(told).toEqual([]);
  });

  describe('decide a lost answer', () => {
    const resolve = (payload: object, key?: string) =>
      own.ask({ method: 'POST', url: '/clipyard/v1/videos/video_1/resolve', payload, ...(key && { key }) });

    const read = async () => {
      const [row] = await own.database.db.select().from(submissions);
      return row;
    };

    beforeEach(async () => {
      const { db } = own.database;
      await syncAccounts(db, [makeAccount()]);
      const { capabilities, pricePerSecondMicroUsd } = makeOffer();
      const published = { upstreamModel: 'wan-2.6', pricePerSecondMicroUsd, capabilities };
      await replacePublishedModels(db, 'airforce-1', [published]);
      await insertVideo(db, { id: 'video_1', callerId: 'root', state: 'unconfirmed', account: 'airforce-1' });
      const doubt = { state: 'unconfirmed', answered: false, sentAt: new Date() } as const;
      await insertSubmission(db, { id: 's1', videoId: 'video_1', ...doubt });
    });

    test('without a task: the submission is void, and the video waits for another', async () => {
      await pauseAccount(own.database.db, 'airforce-1');
      expect(await resolve({ made: false })).toMatchObject({
        status: 200,
        body: { state: 'queued', taskId: null, account: null, queuePosition: 1 },
      });
      expect(await read()).toMatchObject({ state: 'void', taskId: null, costMicroUsd: null });
    });

    test('with a task: the submission runs it, and the workflow is told', async () => {
      expect(await resolve({ made: true, taskId: 'task_9' })).toMatchObject({
        status: 200,
        body: { state: 'generating', taskId: 'task_9' },
      });
      expect(await read()).toMatchObject({ state: 'running', taskId: 'task_9' });
      expect(own.told).toEqual(['recheck video_1']);
    });

    test('for root alone', async () => {
      const { id: callerId, key } = await own.join('studio');
      await own.database.db.update(videos).set({ callerId });
      expect(await resolve({ made: false }, key)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
      expect(await read()).toMatchObject({ state: 'unconfirmed' });
    });
  });

  describe('are archived again', () => {
    const HOUR_MS = 3_600_000;
    const alive = () => new Date(Date.now() + HOUR_MS);
    const LINK = { kind: 'succeeded', resultUrl: 'https://clips.example/1.mp4', needsKey: false } as const;

    async function rearchive(video: Partial<typeof videos.$inferInsert>, taskEnd: TaskEnd) {
      const { database, ask } = own;
      const row = { callerId: 'root', state: 'completed', archive: makeArchive(), endedAt: new Date() } as const;
      await insertVideo(database.db, { id: 'video_1', ...row, expiresAt: alive(), ...video });
      await insertSubmission(database.db, { id: 's1', videoId: 'video_1', state: 'ended', taskEnd });
      return await ask({ method: 'POST', url: '/clipyard/v1/videos/video_1/rearchive' });
    }

    test('where the file is missing and the link lives', async () => {
      const answer = await rearchive({}, { ...LINK, expiresAt: alive().toISOString() });
      expect(answer).toMatchObject({ status: 200, body: { id: 'video_1', state: 'completed' } });
      expect(own.told).toEqual(['rearchive video_1']);
    });

    test.each<[string, Partial<typeof videos.$inferInsert>, Partial<TaskEnd>, string]>([
      [
        'a video that has not ended',
        { state: 'archiving', archive: null, endedAt: null },
        {},
        'the video is archiving',
      ],
      ['a failed one, since ends are final', { state: 'failed', archive: null }, {}, 'the video is failed'],
      ['purged media', { purgedAt: new Date() }, {}, 'have been purged'],
      ['media that have expired', { expiresAt: new Date(Date.now() - 1) }, {}, 'have been purged'],
      ['a link that has died', {}, { expiresAt: '2024-01-01T00:00:00.000Z' }, 'link died at 2024-01-01'],
      ['a clip that came without a link', {}, { resultUrl: null }, 'there is no link'],
    ])('but not %s', async (_what, video, taskEnd, problem) => {
      const answer = await rearchive(video, { ...LINK, expiresAt: alive().toISOString(), ...taskEnd } as TaskEnd);
      expect(answer).toMatchObject({
        status: 409,
        body: { code: 'conflict', detail: expect.stringContaining(problem) },
      });
      expect(own.told).toEqual([]);
    });
  });

  test('tell the price of a create and make nothing', async () => {
    const { database, ask } = own;
    const { capabilities } = makeOffer();
    await syncAccounts(database.db, [makeAccount()]);
    const published = { upstreamModel: 'wan-2.6', pricePerSecondMicroUsd: 400_000, capabilities };
    await replacePublishedModels(database.db, 'airforce-1', [published]);
    const estimate = (payload: object) => ask({ method: 'POST', url: '/clipyard/v1/estimates', payload });
    const priced = { estimateMicroUsd: 3_200_000, model: 'wan-2.6', provider: 'airforce', account: 'airforce-1' };
    expect(await estimate({ model: 'wan-2.6', durationSeconds: 8 })).toMatchObject({ status: 200, body: priced });
    expect(await estimate({ durationSeconds: 8, model: null, prefer: 'cheapest' })).toMatchObject({ body: priced });
    expect((await estimate({ model: 'none' })).status).toBe(400);
    expect((await estimate({ durationSeconds: 99 })).status).toBe(400);
    for (const durationSeconds of [5.5, 0, -5, '5']) {
      const refused = { status: 400, body: { code: 'invalid_request', param: 'durationSeconds' } };
      expect(await estimate({ model: 'wan-2.6', durationSeconds })).toMatchObject(refused);
    }
    expect(await estimate({ model: 'wan-2.6', duration: 8 })).toMatchObject({
      status: 400,
      body: { param: 'duration' },
    });
    expect((await ask({ url: '/clipyard/v1/videos' })).body).toMatchObject({ items: [] });
  });
});
