/** `generateVideo` against a real Temporal server and the sandbox: each way a video can go. */

import { type Stack, startStack } from '../stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
}, 300_000);

afterAll(async () => {
  await stack?.close();
});

test('a video is generated, archived and settled', async () => {
  const id = await stack.create();
  const video = await stack.ended(id);
  expect(video).toMatchObject({ state: 'completed', progress: 100, settledMicroUsd: 10_000, upstreamMicroUsd: 10_000 });
  expect(video.archive).toMatchObject({ durationMs: 1000, codec: 'avc' });
});
