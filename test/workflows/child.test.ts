/** `generateVideo` as a child of another team's workflow, made by the example that shows how. */

import { Worker } from '@temporalio/worker';
import { TASK_QUEUES, WORKFLOW_TYPES } from '../../workflows/messages.ts';
import { type Stack, startStack } from '../stack.ts';
import { compile } from '../system/clipyard-process.ts';

const TASK_QUEUE = 'storyboards';

let stack: Stack;
let worker: Worker;
let working: Promise<void>;

beforeAll(async () => {
  compile();
  stack = await startStack();
  worker = await Worker.create({
    connection: stack.native,
    taskQueue: TASK_QUEUE,
    workflowsPath: require.resolve('../../examples/storyboard/workflows.ts'),
  });
  working = worker.run();
}, 300_000);

afterAll(async () => {
  worker?.shutdown();
  await working;
  await stack?.close();
});

function startStoryboard(workflowId: string, scenes: readonly string[], model = 'sandbox-mini') {
  return stack.client.workflow.start('storyboard', { workflowId, taskQueue: TASK_QUEUE, args: [{ model, scenes }] });
}

function run(workflowId: string, args: readonly unknown[]) {
  const { generateVideo } = WORKFLOW_TYPES;
  return stack.client.workflow.execute(generateVideo, {
    workflowId,
    taskQueue: TASK_QUEUES.workflows,
    args: [...args],
  });
}

test('a parent gets the ends of its clips, paid by root', async () => {
  const handle = await startStoryboard('two-scenes', ['a door opens', 'a door closes']);
  const ends = (await handle.result()) as { id: string; state: string; settledMicroUsd: number }[];
  expect(ends.map(({ state }) => state)).toEqual(['completed', 'completed']);
  for (const { id } of ends) {
    expect(await stack.video(id)).toMatchObject({
      state: 'completed',
      callerId: 'root',
      request: { durationSeconds: 1 },
    });
    const { priority } = await stack.client.workflow.getHandle(id).describe();
    expect(priority).toMatchObject({ fairnessKey: 'root' });
  }
});

test('a parent that is cancelled cancels its clips', async () => {
  await stack.faults([], { speed: 1 });
  const handle = await startStoryboard('cancelled', ['a long walk']);
  const [id] = await stack.childrenOf('cancelled');
  if (!id) throw new Error('the parent has no child');
  await stack.until(id, ({ state }) => state === 'generating');
  await handle.cancel();
  expect(await stack.ended(id)).toMatchObject({ state: 'cancelled' });
  await stack.faults([], { speed: 20 });
});

test('a model that is not on offer fails the child with its kind', async () => {
  const handle = await startStoryboard('unknown-model', ['nothing'], 'no-such-model');
  await expect(handle.result()).rejects.toMatchObject({ cause: { cause: { type: 'unknown_model' } } });
});

test.each([
  ['holds a NUL', { prompt: 'a\u0000b' }, 'invalid_request'],
  ['forwards more than fits', { extra: { words: 'x'.repeat(1_000_000) } }, 'too_large'],
  ['lasts no whole seconds', { durationSeconds: 'eight' }, 'invalid_request'],
  ['has an image that is none', { images: [null] }, 'invalid_request'],
  ['has more images than any upstream takes', { images: Array(20).fill('https://a.example/1.png') }, 'invalid_request'],
])('a request that %s fails its run for good', async (_name, part, kind) => {
  const request = { model: 'sandbox-mini', prompt: 'a door', ...part };
  await expect(run(`refused-${kind}-${Object.keys(part)}`, [{ request }])).rejects.toMatchObject({
    cause: { type: kind },
  });
});

test('a run that is given nothing fails for good', async () => {
  await expect(run('given-nothing', [])).rejects.toMatchObject({ cause: { type: 'invalid_request' } });
});
