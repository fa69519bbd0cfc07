/** What is wished while Temporal is away: obeyed when it is back, by the poll that comes next. */

import { syncConfiguredModels } from '../../src/catalog/models.ts';
import { type Stack, startStack } from '../stack.ts';

let stack: Stack;

beforeAll(async () => {
  // Polls so rare that what a wish makes happen cannot be taken for one of them.
  stack = await startStack({
    provider: 'infrai',
    speed: 0.1,
    account: { timing: { firstPollMs: 100, minPollMs: 100, maxPollMs: 2000, resultRetryMs: 3000 } },
  });
  await syncConfiguredModels(stack.db, [
    {
      id: 'clip',
      accounts: ['sandbox'],
      upstreamModel: 'cheapest',
      pricePerSecondMicroUsd: 10_000,
      durationsSeconds: null,
      minDurationSeconds: 1,
      maxDurationSeconds: 8,
      aspectRatios: ['16:9'],
      qualities: ['720p'],
      modes: ['text'],
    },
  ]);
}, 300_000);

afterAll(async () => {
  await stack?.close();
});

async function generating(prompt: string): Promise<string> {
  const id = await stack.create({ model: 'clip', prompt });
  await stack.until(id, ({ state }) => state === 'generating');
  return id;
}

async function ask(method: 'POST' | 'DELETE', url: string): Promise<number> {
  return (await stack.app.inject({ method, url, headers: stack.headers })).statusCode;
}

test('a cancel, a removal and a recheck are obeyed once Temporal is back, at the next poll', async () => {
  const [cancelled, removed, rechecked] = [
    await generating('cancelled'),
    await generating('removed'),
    await generating('rechecked'),
  ];
  await stack.stopTemporal();
  expect(await ask('POST', `/clipyard/v1/videos/${cancelled}/cancel`)).toBe(200);
  expect(await ask('DELETE', `/infrai/v1/video/delete/${removed}`)).toBe(200);
  expect(await ask('POST', `/clipyard/v1/videos/${rechecked}/recheck`)).toBe(200);
  const polls = await Promise.all([cancelled, removed, rechecked].map(async (id) => (await stack.video(id)).polls));
  await stack.startTemporal();
  const [first, second] = await Promise.all([cancelled, removed].map((id) => stack.ended(id)));
  expect([first?.state, second?.state]).toEqual(['cancelled', 'cancelled']);
  // One for each that was under way when Temporal went, and one that obeys.
  expect((first?.polls ?? 0) - (polls[0] ?? 0)).toBeLessThanOrEqual(2);
  await stack.until(rechecked, (video) => video.polls > (polls[2] ?? 0));
  const states = new Map((await stack.bill()).tasks.map(({ request, state }) => [request['prompt'], state]));
  expect([states.get('cancelled'), states.get('removed')]).toEqual(['cancelled', 'cancelled']);
}, 170_000);
