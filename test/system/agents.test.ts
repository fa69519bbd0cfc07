/** A gateway killed under an agent's task: the same task ends with the clip, and the repeated call is the same one. */

import { setTimeout as sleep } from 'node:timers/promises';
import { agentAt } from '../mcp/raw-agent.ts';
import { ENDED_TRIES, ROOT_KEY, untilVideos } from './clipyard-process.ts';
import { type ClipyardUp, startClipyardUp } from './clipyard-up.ts';

const BETWEEN_TRIES_MS = 100;
const ORDER = {
  model: 'sandbox-mini',
  prompt: 'a lighthouse at dusk',
  durationSeconds: 2,
  idempotencyKey: 'lighthouse',
};

let clipyard: ClipyardUp;

beforeAll(async () => {
  clipyard = await startClipyardUp();
}, 300_000);
afterAll(() => clipyard?.close());

test('a task survives SIGKILL of everything and ends with a clip, a link and a picture', async () => {
  const { ask, url } = clipyard;
  const agent = agentAt(url, ROOT_KEY);
  const task = { takesTasks: true } as const;
  const made = await agent.call('create_video', ORDER, task);
  const id: string = made.taskId;
  await untilVideos(ask, [id], ([video]) => video?.['state'] !== 'queued');
  await clipyard.running()?.killTree();

  await clipyard.start();
  expect(await agent.call('create_video', ORDER, task)).toMatchObject({ taskId: id });
  const get = { method: 'tasks/get', params: { taskId: id }, ...task };
  let { result: seen } = await agent.ask(get);
  for (let tries = 0; tries < ENDED_TRIES && seen.status === 'working'; tries++) {
    await sleep(BETWEEN_TRIES_MS);
    ({ result: seen } = await agent.ask(get));
  }
  expect(seen).toMatchObject({ status: 'completed', taskId: id });
  const { structuredContent, content } = seen.result;
  expect(structuredContent).toMatchObject({ id, state: 'completed', failure: null, next: null });
  expect(content).toMatchObject([
    { type: 'text' },
    { type: 'resource_link', uri: structuredContent.url },
    { type: 'image', mimeType: 'image/jpeg' },
  ]);
  const clip = await fetch(structuredContent.url);
  expect({ status: clip.status, type: clip.headers.get('content-type') }).toEqual({ status: 200, type: 'video/mp4' });
  await clip.body?.cancel();
  const { items } = (await ask('/clipyard/v1/videos')) as { items: unknown[] };
  expect(items).toHaveLength(1);
}, 400_000);
