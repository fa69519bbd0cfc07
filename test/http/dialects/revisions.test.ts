/** Both revisions of one API at the same paths: who is answered by which, and its stream to the end. */

import { makeCaller, makeCompletedVideo, makeVideo } from '../../builders.ts';
import { KEY } from '../fake-gateway.ts';
import { AUTHORIZATION, makeApp, type TestApp } from '../test-app.ts';

const TASK = '/v1/video/tasks/video_1';

function get({ app }: TestApp, url: string) {
  return app.inject({ url, headers: AUTHORIZATION });
}

test.each([
  ['nothing says otherwise', null, TASK, 'processing'],
  ['the caller speaks it', 'airforce-2024', TASK, 'running'],
  ['the prefix says so', null, `/airforce-2024${TASK}`, 'running'],
  ['the prefix is the other’s', 'airforce-2024', `/airforce${TASK}`, 'processing'],
] as const)('a task is told as %s (AO-01, X2)', async (_, dialect, url, status) => {
  const made = makeApp();
  made.gateway.callers.set(KEY, makeCaller({ dialect }));
  made.gateway.put(makeVideo({ state: 'generating', progress: 12 }));
  expect((await get(made, url)).json()).toMatchObject({ task_id: 'video_1', status, progress: 12 });
});

test('only the older revision reads limit and status (AO-16, AO-17, X2)', async () => {
  const made = makeApp();
  await get(made, '/airforce-2024/v1/video/tasks?limit=20&status=completed');
  await get(made, '/airforce/v1/video/tasks?limit=20&status=completed');
  expect(made.gateway.filters).toEqual([
    { callerId: 'caller_1', limit: 20, states: ['completed'] },
    { callerId: 'caller_1', limit: 100 },
  ]);
  expect((await get(made, '/airforce-2024/v1/video/tasks?limit=201')).json()).toEqual({
    error: { type: 'invalid_request', message: expect.stringContaining('200') },
  });
});

/** The names of a stream's events, in order. */
async function eventsOf({ app }: TestApp): Promise<readonly (string | undefined)[]> {
  const address = await app.listen({ host: '127.0.0.1', port: 0 });
  const answer = await fetch(`${address}/airforce-2024${TASK}/stream`, { headers: AUTHORIZATION });
  return [...(await answer.text()).matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
}

test.each([
  ['completed', 'completed'],
  ['failed', 'failed'],
  ['cancelled', 'failed'],
  ['expired', 'expired'],
] as const)('a stream ends with the event of %s, without a done (AO-15, X5, X24)', async (state, event) => {
  const made = makeApp();
  made.gateway.put(makeVideo({ state: 'generating', progress: 12 }));
  const read = made.gateway.read.bind(made.gateway);
  // The end comes after the first read.
  jest.spyOn(made.gateway, 'read').mockImplementationOnce(async (caller, id) => {
    const before = await read(caller, id);
    made.gateway.put(makeCompletedVideo({ state }));
    return before;
  });
  expect(await eventsOf(made)).toEqual(['progress', event]);
  await made.app.close();
});

test('a delete takes the clip, and says so to everybody (AO-18)', async () => {
  const made = makeApp();
  made.gateway.put(makeVideo({ state: 'generating' }));
  for (const id of ['video_1', 'video_9']) {
    const url = `/airforce-2024/v1/video/tasks/${id}`;
    const answer = await made.app.inject({ method: 'DELETE', url, headers: AUTHORIZATION });
    expect(answer.json()).toEqual({ deleted: true });
  }
  expect(made.gateway.removals).toEqual([{ id: 'video_1', purgesMedia: true }]);
  expect(made.gateway.cancels).toEqual([]);
});
