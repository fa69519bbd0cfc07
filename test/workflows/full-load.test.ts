/** Four tasks at a key of four and more videos waiting: operators act, and there is never a fifth task, none paid twice. */

import { setTimeout as sleep } from 'node:timers/promises';
import { asc } from 'drizzle-orm';
import Long from 'long';
import { type ConfiguredAccount, syncAccounts } from '../../src/catalog/accounts.ts';
import { waiting as waitingRows } from '../../src/catalog/tables/queue.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { withFacts } from '../../src/process/parts.ts';
import { type Stack, startStack } from '../stack.ts';

let stack: Stack;

beforeEach(async () => {
  stack = await startStack({ speed: 1 });
}, 300_000);

afterEach(async () => {
  await stack?.close();
}, 60_000);

/** Four videos whose tasks run, long enough for all of them to have begun, and four that wait. */
async function loaded(): Promise<{ readonly running: readonly string[]; readonly waiting: readonly string[] }> {
  await stack.faults([{ kind: 'slow', factor: 4, count: 4 }]);
  const make = (i: number) => stack.create({ prompt: `clip ${i}`, duration_seconds: 2 });
  const running = await Promise.all([0, 1, 2, 3].map(make));
  await Promise.all(running.map((id) => stack.until(id, ({ state }) => state === 'generating')));
  const waiting = await Promise.all([4, 5, 6, 7].map(make));
  while ((await stack.db.select().from(waitingRows)).length < waiting.length) await sleep(50);
  return { running, waiting };
}

async function configure(change: Partial<ConfiguredAccount>): Promise<void> {
  await syncAccounts(
    stack.db,
    stack.dependencies.accounts.map((account) => ({ ...withFacts(account), ...change })),
  );
}

async function isPaidOnceEach(prompts: readonly number[]): Promise<void> {
  const { tasks, peakConcurrent } = await stack.bill();
  expect(tasks.map(({ request }) => request['prompt']).toSorted()).toEqual(prompts.map((i) => `clip ${i}`));
  expect(Object.values(peakConcurrent)).toEqual([4]);
}

async function reset(id: string): Promise<void> {
  const { runId } = await stack.client.workflow.getHandle(id).describe();
  await stack.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: id, runId },
    reason: 'by an operator',
    workflowTaskFinishEventId: Long.fromNumber(3),
    requestId: `reset-${id}`,
  });
}

test('videos are terminated and reset', async () => {
  const { running, waiting } = await loaded();
  const [terminated = '', alsoTerminated = '', ...reset1] = running;
  const [neverSent = '', resetInQueue = '', ...untouched] = waiting;
  for (const id of [terminated, alsoTerminated, neverSent]) {
    await stack.client.workflow.getHandle(id).terminate('by an operator');
  }
  for (const id of [...reset1, resetInQueue]) await reset(id);
  const settled = (id: string) => stack.until(id, ({ settledMicroUsd }) => settledMicroUsd !== null);
  await stack.whileSweeping(() => Promise.all([...running, ...waiting].map(settled)));
  for (const id of [terminated, alsoTerminated]) {
    expect(await settled(id)).toMatchObject({ state: 'cancelled', settledMicroUsd: 20_000, submissions: 1 });
  }
  for (const id of [...reset1, resetInQueue, ...untouched]) {
    expect(await settled(id)).toMatchObject({ state: 'completed', settledMicroUsd: 20_000, submissions: 1 });
  }
  expect(await settled(neverSent)).toMatchObject({ state: 'cancelled', settledMicroUsd: 0 });
  await isPaidOnceEach([0, 1, 2, 3, 5, 6, 7]);
}, 240_000);

test('the limit of the account is lowered to two', async () => {
  const { running, waiting } = await loaded();
  await configure({ maxConcurrentTasks: 2 });
  for (const id of [...running, ...waiting]) expect(await stack.ended(id)).toMatchObject({ state: 'completed' });
  const rows = await stack.db.select().from(submissions).orderBy(asc(submissions.grantedAt));
  // At each grant after the first four fewer than two of those before it run.
  for (const [i, { grantedAt }] of rows.entries()) {
    const open = rows.slice(0, i).filter(({ endedAt }) => endedAt === null || endedAt > grantedAt);
    if (i >= 4) expect(open.length).toBeLessThan(2);
  }
  await isPaidOnceEach([0, 1, 2, 3, 4, 5, 6, 7]);
}, 240_000);

test('the account is moved to another pool', async () => {
  const { running, waiting } = await loaded();
  await configure({ pool: 'other' });
  await stack.sweep();
  for (const id of [...running, ...waiting]) {
    expect(await stack.ended(id)).toMatchObject({ state: 'completed', submissions: 1 });
  }
  await isPaidOnceEach([0, 1, 2, 3, 4, 5, 6, 7]);
}, 240_000);
