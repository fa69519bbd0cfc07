/** Clips over a described upstream: a made-up API that no code knows, from its documentation to the archive. */

import { setTimeout as wait } from 'node:timers/promises';
import { syncConfiguredModels } from '../src/catalog/models.ts';
import { DescribedUpstream } from './described-upstream.ts';
import { EXAMPLE } from './documented-example.ts';
import { CLIP_FACTS, makeClip } from './fixtures/make-clip.ts';
import { type Stack, startStack } from './stack.ts';

let upstream: DescribedUpstream;
let stack: Stack;

beforeAll(async () => {
  upstream = await new DescribedUpstream(EXAMPLE, await makeClip()).listen();
  stack = await startStack({
    provider: 'described',
    account: { api: 'kinora', baseUrl: upstream.origin },
    descriptions: { kinora: EXAMPLE },
  });
  await syncConfiguredModels(stack.db, [
    {
      id: 'kino-1',
      accounts: ['sandbox'],
      upstreamModel: 'oven-2',
      pricePerSecondMicroUsd: 10_000,
      durationsSeconds: null,
      minDurationSeconds: 1,
      maxDurationSeconds: 8,
      aspectRatios: ['16:9', '9:16'],
      qualities: [],
      modes: ['text', 'image'],
    },
  ]);
}, 120_000);

afterAll(async () => {
  await stack?.close();
  await upstream?.close();
});

const create = (prompt: string, body: object = {}) =>
  stack.create({ model: 'kino-1', prompt, duration_seconds: 2, ...body });

test('a clip is made, archived and settled at the price that the upstream tells', async () => {
  const video = await stack.ended(await create('a made-up clip', { aspect_ratio: '9:16' }));
  expect(video).toMatchObject({ state: 'completed', provider: 'described', account: 'sandbox', submissions: 1 });
  expect(video.archive).toMatchObject(CLIP_FACTS);
  const [task] = upstream.tasksOf('a made-up clip');
  expect(task?.body).toEqual({ engine: 'oven-2', text: 'a made-up clip', length: '2s', frame: { shape: 'tall' } });
  expect(upstream.refused).toEqual([]);
});

test('a create whose answer is lost is found in the list', async () => {
  upstream.plan('a lost answer', { records: 'at once', answer: 'cut' });
  const video = await stack.ended(await create('a lost answer'));
  expect(video).toMatchObject({ state: 'completed', submissions: 1 });
  expect(upstream.tasksOf('a lost answer')).toHaveLength(1);
});

test('a clip that is cancelled while it runs is stopped upstream', async () => {
  upstream.runningFor = 1_000;
  const id = await create('a long one');
  await stack.until(id, ({ state }) => state === 'generating');
  const url = `/clipyard/v1/videos/${id}/cancel`;
  await stack.app.inject({ method: 'POST', url, headers: stack.headers });
  expect((await stack.ended(id)).state).toBe('cancelled');
  upstream.runningFor = 1;
  const [task] = upstream.tasksOf('a long one');
  // The caller has the end at once; the upstream is told by the workflow.
  while (!upstream.cancelled.includes(task?.id ?? '')) await wait(50);
  expect(upstream.tasksOf('a long one')).toHaveLength(1);
});

test('a failure keeps the words of the upstream', async () => {
  upstream.plan('a burnt one', { records: 'at once', answer: 'started' });
  upstream.endsNext = 'failed';
  const video = await stack.ended(await create('a burnt one'));
  expect(video.failure).toMatchObject({ kind: 'upstream_failed', upstream: { message: 'it did not work out' } });
});

test('what the API has no words for is refused before anything is paid', async () => {
  const payload = {
    model: 'kino-1',
    prompt: 'from a picture',
    mode: 'image',
    input_images: [{ url: 'https://example.com/a.png' }],
  };
  const answer = await stack.app.inject({
    method: 'POST',
    url: '/airforce/v1/video/generations',
    headers: stack.headers,
    payload,
  });
  expect(answer.statusCode).toBe(400);
  expect(answer.body).toContain('which takes no images');
});

test('the account shows its description and what follows a lost answer', async () => {
  const answer = await stack.app.inject({ url: '/clipyard/v1/accounts', headers: stack.headers });
  expect(answer.json().items).toMatchObject([
    { provider: 'described', api: 'kinora', onLostAnswer: 'adopt', state: 'active' },
  ]);
});
