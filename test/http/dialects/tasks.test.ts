/** Reading, listing and deleting over HTTP. */

import { setImmediate } from 'node:timers/promises';
import { makeCaller, makeCompletedVideo, makeVideo } from '../../builders.ts';
import { AUTHORIZATION, makeApp, type TestApp } from '../test-app.ts';

const TASKS = '/v1/video/tasks';

function request({ app }: TestApp, method: 'GET' | 'HEAD' | 'DELETE', url: string) {
  return app.inject({ method, url, headers: AUTHORIZATION });
}

test('a running task is shown with a wait (AF-27, AF-28)', async () => {
  const made = makeApp();
  made.gateway.put(makeVideo({ state: 'generating', progress: 12 }));
  const answer = await request(made, 'GET', `${TASKS}/video_1`);
  expect(answer.headers).toMatchObject({ 'retry-after': '5', 'cache-control': 'no-store' });
  expect(answer.json()).toMatchObject({ task_id: 'video_1', status: 'processing', progress: 12 });
});

test('a completed task has its signed link (X10)', async () => {
  const made = makeApp();
  made.gateway.put(makeCompletedVideo());
  const answer = await request(made, 'GET', `/airforce${TASKS}/video_1`);
  expect(answer.json()).toMatchObject({ result_url: 'https://clips.example/video_1.mp4?exp=1' });
  expect(answer.headers).not.toHaveProperty('retry-after');
});

test('HEAD answers as GET without the body', async () => {
  const made = makeApp();
  made.gateway.put(makeVideo());
  const [head, get] = [await request(made, 'HEAD', `${TASKS}/video_1`), await request(made, 'GET', `${TASKS}/video_1`)];
  expect(head.statusCode).toBe(200);
  expect(head.body).toBe('');
  expect(head.headers['content-length']).toBe(get.headers['content-length']);
});

test('unknown and foreign tasks are both unknown (AF-28)', async () => {
  const made = makeApp();
  made.gateway.put(makeVideo({ callerId: 'caller_2' }));
  const foreign = await request(made, 'GET', `${TASKS}/video_1`);
  const unknown = await request(made, 'GET', `${TASKS}/video_9`);
  expect(foreign.statusCode).toBe(404);
  expect(foreign.json()).toEqual(unknown.json());
});

test('what cannot be an id is unknown at once (X23)', async () => {
  const made = makeApp();
  for (const id of ['a%20b', '%2e%2e%2f', '%00', '%C3%A9', 'x'.repeat(65), 'x'.repeat(5000), '%F0%9F%A6%8A']) {
    const answer = await request(made, 'GET', `${TASKS}/${id}`);
    expect({ id, status: answer.statusCode }).toEqual({ id, status: 404 });
  }
  expect(made.gateway.reads).toBe(0);
});

test.each([TASKS, '/v1/videos', '/infrai/v1/video/list'])(
  'two lists of a caller are read at %s at once',
  async (url) => {
    const made = makeApp();
    const readers: (() => void)[] = [];
    jest.spyOn(made.gateway, 'list').mockImplementation(async () => {
      await new Promise<void>((resolve) => readers.push(resolve));
      return { videos: [], nextCursor: null };
    });
    const lists = [1, 2, 3].map(() => request(made, 'GET', url));
    while (readers.length < 2) await setImmediate();
    for (let turns = 0; turns < 20; turns++) await setImmediate();
    expect(readers).toHaveLength(2);
    readers[0]?.();
    while (readers.length < 3) await setImmediate();
    for (const read of readers) read();
    for (const list of lists) expect((await list).statusCode).toBe(200);
  },
);

test('the list shows own tasks for any query (AF-40)', async () => {
  const made = makeApp();
  made.gateway.callers.set('ck_root', makeCaller({ id: 'root', isRoot: true }));
  made.gateway.put(makeVideo());
  made.gateway.put(makeVideo({ id: 'video_2', callerId: 'root' }));
  const answer = await request(made, 'GET', `${TASKS}?limit=0&status=nonsense&limit=x&cursor=%00`);
  expect(answer.json()['data']).toMatchObject([{ task_id: 'video_1' }]);
  const ofRoot = await made.app.inject({ url: TASKS, headers: { authorization: 'bearer ck_root' } });
  expect(ofRoot.json()['data']).toMatchObject([{ task_id: 'video_2' }]);
  expect(made.gateway.filters[0]).toEqual({ callerId: 'caller_1', limit: 100 });
});

test.each(['video_1', 'video_9', 'foreign', 'a%20b', 'x'.repeat(5000)])(
  'DELETE of %s always says deleted (AF-42)',
  async (id) => {
    const made = makeApp();
    made.gateway.put(makeVideo());
    made.gateway.put(makeVideo({ id: 'foreign', callerId: 'caller_2' }));
    const answer = await request(made, 'DELETE', `${TASKS}/${id}`);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ deleted: true });
    expect(made.gateway.removals).toEqual(id === 'video_1' ? [{ id, purgesMedia: false }] : []);
  },
);

test('DELETE may announce JSON without sending any', async () => {
  const { app } = makeApp();
  const headers = { ...AUTHORIZATION, 'content-type': 'application/json' };
  const answer = await app.inject({ method: 'DELETE', url: `${TASKS}/video_1`, headers });
  expect(answer.json()).toEqual({ deleted: true });
});

test('DELETE does not hide other failures', async () => {
  const made = makeApp();
  made.gateway.failure = new Error('catalog away');
  expect((await request(made, 'DELETE', `${TASKS}/video_1`)).statusCode).toBe(500);
});

test('the models are listed (AF-02)', async () => {
  const answer = await request(makeApp(), 'GET', '/v1/models');
  const { data } = answer.json<{ data: { id: string; output_modalities: string[] }[] }>();
  expect(data.filter((model) => model.output_modalities.includes('video')).map(({ id }) => id)).toEqual(['wan-2.6']);
});
