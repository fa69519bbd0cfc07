/** Parts that are away for a while: what was accepted runs when they are back. */

import { setTimeout as sleep } from 'node:timers/promises';
import { eq } from 'drizzle-orm';
import { videos } from '../../src/catalog/tables/videos.ts';
import { type Stack, startStack } from '../stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
}, 300_000);

afterAll(async () => {
  await stack?.close();
});

test('creates are accepted while Temporal is stopped and run when it is back', async () => {
  await stack.stopTemporal();
  const ids = await Promise.all(Array.from({ length: 5 }, (_, index) => stack.create({ seed: index })));
  const waiting = await Promise.all(ids.map((id) => stack.video(id)));
  expect(waiting.map(({ state }) => state)).toEqual(ids.map(() => 'queued'));
  await stack.startTemporal();
  const videos = await Promise.all(ids.map((id) => stack.ended(id)));
  expect(videos.map(({ state }) => state)).toEqual(ids.map(() => 'completed'));
  expect((await stack.bill()).tasks).toHaveLength(5);
}, 120_000);

test('videos that run while Temporal is stopped end when it is back', async () => {
  await stack.faults([], { speed: 4 });
  const id = await stack.create({ prompt: 'through an outage' });
  await stack.until(id, ({ state }) => state === 'generating');
  await stack.stopTemporal();
  await stack.startTemporal();
  expect(await stack.ended(id)).toMatchObject({ state: 'completed', submissions: 1 });
}, 120_000);

test('a video that is granted a slot while Temporal is stopped goes on when it is back', async () => {
  const operate = (act: string) =>
    stack.app.inject({ method: 'POST', url: `/clipyard/v1/accounts/sandbox/${act}`, headers: stack.headers });
  await operate('pause');
  const id = await stack.create({ prompt: 'granted during an outage' });
  const history = () => stack.client.workflow.getHandle(id).fetchHistory();
  const isWaiting = async () => (await history()).events?.some((event) => event.timerStartedEventAttributes != null);
  while (!(await isWaiting().catch(() => false))) await sleep(50);
  await stack.stopTemporal();
  expect((await operate('resume')).statusCode).toBe(200);
  await stack.startTemporal();
  expect(await stack.ended(id)).toMatchObject({ state: 'completed', submissions: 1 });
}, 120_000);

test('videos wait while no worker runs', async () => {
  await stack.stopWorkers();
  const id = await stack.create();
  expect(await stack.video(id)).toMatchObject({ state: 'queued', submissions: 0 });
  await stack.startWorkers();
  expect(await stack.ended(id)).toMatchObject({ state: 'completed' });
}, 120_000);

test('a video whose workflow is terminated before its first step is not made', async () => {
  await stack.stopWorkers();
  const id = await stack.create({ prompt: 'never begun' });
  while ((await stack.workflows.standing(id)) !== 'running') await sleep(50);
  await stack.client.workflow.getHandle(id).terminate('by an operator');
  const longAgo = new Date(Date.now() - 120_000);
  await stack.db.update(videos).set({ createdAt: longAgo }).where(eq(videos.id, id));
  await stack.startWorkers();
  expect(await stack.whileSweeping(() => stack.ended(id))).toMatchObject({
    state: 'cancelled',
    settledMicroUsd: 0,
    submissions: 0,
  });
  const prompts = (await stack.bill()).tasks.map(({ request }) => request['prompt']);
  expect(prompts).not.toContain('never begun');
}, 120_000);
