/** What api.airforce's older revision documents otherwise, held against its dialect. */

import { airforce } from '../../src/dialects/airforce.ts';
import { airforce2024 } from '../../src/dialects/airforce-2024.ts';
import { Refusal } from '../../src/domain/failure.ts';
import { VIDEO_STATES, type Video } from '../../src/domain/video.ts';
import { makeCompletedVideo, makeOffer, makeVideo } from '../builders.ts';
import { refusalOf, requestOf, routeOf, viewOf } from './dialect-routes.ts';

const MINIMAL = { model: 'wan-2.6', prompt: 'a fox' };

function taskOf(video: Video) {
  return routeOf(airforce2024, 'read').render(viewOf(video)).body;
}

function parse(body: unknown) {
  return routeOf(airforce2024, 'create').parse(requestOf({ body })).draft;
}

describe('a create', () => {
  test('stands at the paths of the current revision (AO-01)', () => {
    const pathsOf = (routes: typeof airforce.routes) => routes.map(({ method, path }) => `${method} ${path}`);
    expect(pathsOf(airforce2024.routes)).toEqual(pathsOf(airforce.routes));
  });

  test('forwards seed, sound and every other key (AO-03, AO-04, AO-05)', () => {
    const extra = { seed: 7, sound: true, camera: 'pan' };
    expect(parse({ ...MINIMAL, ...extra })).toEqual({ ...MINIMAL, mode: 'text', images: [], extra });
    expect(parse({ ...MINIMAL, seed: null })).toMatchObject(MINIMAL);
  });

  test.each([
    ['seed', { seed: 1.5 }],
    ['seed', { seed: '7' }],
    ['sound', { sound: 'yes' }],
    ['sound', { sound: 1 }],
  ])('checks its named parameter %s in case %# (AO-03, AO-04)', (param, more) => {
    expect(refusalOf(() => parse({ ...MINIMAL, ...more }))).toMatchObject({ kind: 'invalid_request', param });
  });

  test('answers with exactly the documented keys (AO-02, AO-07, AO-08)', () => {
    const video = makeVideo({ createdAt: new Date(1_715_000_000_999) });
    expect(routeOf(airforce2024, 'create').render(viewOf(video))).toEqual({
      status: 200,
      body: {
        task_id: 'video_1',
        status: 'queued',
        model: 'wan-2.6',
        created: 1_715_000_000,
        expires_at: 1_715_086_400,
        cost_cents: 320,
      },
    });
  });
});

describe('a task', () => {
  test('has their word for each state (AO-09, X3)', () => {
    expect(Object.fromEntries(VIDEO_STATES.map((state) => [state, taskOf(makeVideo({ state }))['status']]))).toEqual({
      queued: 'queued',
      submitting: 'running',
      unconfirmed: 'running',
      generating: 'running',
      archiving: 'running',
      completed: 'completed',
      failed: 'failed',
      cancelled: 'failed',
      expired: 'expired',
    });
  });

  test('has no progress while it is queued (AO-10)', () => {
    expect(taskOf(makeVideo())).not.toHaveProperty('progress');
    expect(taskOf(makeVideo({ state: 'submitting' }))).toMatchObject({ progress: 0 });
    expect(taskOf(makeVideo({ state: 'archiving', progress: 100 }))).toMatchObject({ progress: 99 });
  });

  test('that completed looks as documented (AO-06, AO-11, AO-12, AO-14)', () => {
    expect(taskOf(makeCompletedVideo())).toEqual({
      task_id: 'video_1',
      status: 'completed',
      progress: 100,
      result_url: 'https://clips.example/clip.mp4',
      thumbnail_url: 'https://clips.example/poster.jpg',
      model: 'wan-2.6',
      duration_seconds: 8,
      created: 1_715_000_000,
      expires_at: 1_715_086_400,
      cost_cents: 320,
    });
  });

  test('has links only when completed and kept (AO-11)', () => {
    for (const video of [{ purgedAt: new Date() }, { state: 'archiving' }, { state: 'cancelled' }] as const) {
      const task = taskOf(makeCompletedVideo(video));
      expect(task).not.toHaveProperty('result_url');
      expect(task).not.toHaveProperty('thumbnail_url');
    }
  });

  test('has an error object in failed ends alone (AO-13, AO-20)', () => {
    const failure = { kind: 'upstream_failed', message: 'blocked by the filter', upstream: null } as const;
    expect(taskOf(makeVideo({ state: 'failed', failure }))['error']).toEqual({
      type: 'upstream_failed',
      message: 'blocked by the filter',
    });
    expect(taskOf(makeVideo({ state: 'cancelled' }))['error']).toMatchObject({ type: 'cancelled' });
    expect(taskOf(makeVideo({ state: 'expired' }))['error']).toMatchObject({ type: 'deadline_exceeded' });
    for (const state of ['queued', 'generating', 'completed'] as const) {
      expect(taskOf(makeVideo({ state }))).not.toHaveProperty('error');
    }
  });

  test.each([
    ['what was debited while it runs', makeVideo({ state: 'generating' }), 320],
    ['the same when it completed', makeCompletedVideo(), 320],
    ['nothing when it failed', makeVideo({ state: 'failed' }), 0],
    ['nothing when it expired', makeVideo({ state: 'expired' }), 0],
  ])('costs %s (AO-02, X6)', (_, video, cents) => {
    expect(taskOf(video)).toMatchObject({ cost_cents: cents });
  });
});

describe('the list', () => {
  const parseList = (query: Record<string, string>) => routeOf(airforce2024, 'list').parse(requestOf({ query }));

  test.each([
    [{}, 50],
    [{ limit: '' }, 50],
    [{ limit: '1' }, 1],
    [{ limit: '200' }, 200],
  ])('takes the limit of %j as %d (AO-16)', (query, limit) => {
    expect(parseList(query)).toEqual({ limit });
  });

  test.each(['0', '201', '-1', '1.5', 'x', '1e2', '٣', '9'.repeat(400)])('refuses limit %s (AO-16)', (limit) => {
    expect(refusalOf(() => parseList({ limit }))).toMatchObject({ httpStatus: 400, param: 'limit' });
  });

  test.each([
    ['queued', ['queued']],
    ['running', ['submitting', 'unconfirmed', 'generating', 'archiving']],
    ['completed', ['completed']],
    ['failed', ['failed', 'cancelled']],
    ['expired', ['expired']],
  ])('filters by %s (AO-17)', (status, states) => {
    expect(parseList({ limit: '20', status })).toEqual({ limit: 20, states });
  });

  test.each(['processing', 'cancelled', 'RUNNING', '__proto__'])('refuses the unknown status %s (AO-17)', (status) => {
    expect(refusalOf(() => parseList({ status }))).toMatchObject({ httpStatus: 400, param: 'status' });
  });
});

test.each([
  ['queued', 'progress'],
  ['archiving', 'progress'],
  ['completed', 'completed'],
  ['failed', 'failed'],
  ['cancelled', 'failed'],
  ['expired', 'expired'],
] as const)('a stream tells of %s as %s, without a done (AO-15, X5)', (state, event) => {
  const { renderChange, closing } = routeOf(airforce2024, 'stream');
  const video = makeVideo({ state });
  expect(renderChange(viewOf(video))).toEqual({ event, data: JSON.stringify(taskOf(video)) });
  expect(closing).toEqual([]);
});

test('a delete takes the clip with it (AO-18)', () => {
  expect(routeOf(airforce2024, 'delete')).toMatchObject({ purgesMedia: true, unknownId: 'success' });
});

test('the models are the current revision’s', () => {
  const offers = [makeOffer()];
  expect(routeOf(airforce2024, 'models').render(offers)).toEqual(routeOf(airforce, 'models').render(offers));
});

test('errors are an object of type and message (X4, X17)', () => {
  expect(airforce2024.renderRefusal(new Refusal('not_found', 'there is no such task'))).toEqual({
    status: 404,
    body: { error: { type: 'not_found', message: 'there is no such task' } },
  });
  const tooMany = airforce2024.renderRefusal(new Refusal('too_many_videos', 'four already'));
  expect(tooMany.body).toMatchObject({ error: { type: 'concurrency_limit_exceeded' } });
});
