/** A task that cannot be told from another, through everything: the video fails, and the bill is accounted for. */

import { listAccounts } from '../../src/catalog/account-views.ts';
import { costs } from '../../src/catalog/costs.ts';
import { type Stack, startStack } from '../stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ dependencies: { createTimeoutMs: 4000 } });
});
afterAll(() => stack.close());

const PROMPT = 'made twice';

async function billWhen(holds: (tasks: Awaited<ReturnType<Stack['bill']>>['tasks']) => boolean) {
  for (;;) {
    const { tasks } = await stack.bill();
    if (holds(tasks)) return tasks;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A stranger's create with our key, in our words. */
async function createBesides(): Promise<void> {
  const answer = await fetch(`${stack.sandbox.url}/airforce/v1/video/generations`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-air-tests', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'sandbox-mini', prompt: PROMPT, duration_seconds: 1 }),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

test('an account with two candidates for a lost create loses both, and settled plus lost is the bill', async () => {
  expect(await stack.ended(await stack.create({ prompt: 'an ordinary one' }))).toMatchObject({ state: 'completed' });
  await stack.faults([
    { kind: 'lost_create_answer', answer: 'timeout', recorded: 'now', count: 1 },
    { kind: 'overbilled', factor: 2, count: 1 },
  ]);
  const id = await stack.create({ prompt: PROMPT });
  await billWhen(({ length }) => length === 2);
  await createBesides();
  expect(await stack.ended(id)).toMatchObject({
    state: 'failed',
    failure: { kind: 'answer_lost' },
    settledMicroUsd: 0,
  });

  await stack.sweep();
  const tasks = await billWhen((all) => all.every(({ state }) => state === 'completed'));
  await stack.sweep();

  const [account] = await listAccounts(stack.db);
  const twins = tasks.filter(({ request }) => request['prompt'] === PROMPT).map(({ id: taskId }) => taskId);
  expect(account?.orphans.map(({ taskId }) => taskId).toSorted()).toEqual(twins.toSorted());
  expect(account?.orphans.map(({ costMicroUsd }) => costMicroUsd).toSorted()).toEqual([10_000, 20_000]);
  const [sum] = await costs(stack.db, { callerId: null, groupBy: [] });
  const billed = tasks.reduce((all, { costMicroUsd }) => all + costMicroUsd, 0);
  expect(sum).toEqual({ videos: 2, settledMicroUsd: 10_000, upstreamMicroUsd: billed, lostMicroUsd: 30_000 });
  expect(billed).toBe(40_000);
});
