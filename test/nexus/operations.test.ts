/** The Nexus operations, asked for from another namespace by the example that shows how: whose clips they are, and what is refused. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import type { OperationContext } from 'nexus-rpc';
import { type CallerRecord, createCaller, readCaller, setCallerDisabled } from '../../src/catalog/callers.ts';
import { createNexusEndpoint } from '../../src/nexus/operations.ts';
import { openWorkers } from '../../src/process/workers.ts';
import { setUpNamespace } from '../../src/temporal/setup.ts';
import type { RunningWorkers } from '../../src/temporal/worker.ts';
import type { BatchEnd, VideoEnd } from '../../workflows/messages.ts';
import { type Stack, startStack } from '../stack.ts';
import { silentLog } from '../temporal/silent-log.ts';
import type { Asked } from './asking-workflows.ts';

const NAMESPACE = 'marketing';
const TASK_QUEUE = 'trailers';
/** Temporal's number for queues of Nexus tasks. */
const NEXUS_TASKS = 3;
const MINI = { model: 'sandbox-mini', prompt: 'a door opens' };

let stack: Stack;
let caller: CallerRecord;
let key: string;
let answering: RunningWorkers;
let asking: Worker;
let askingRuns: Promise<void>;
let client: Client;
/** Before the setting was on. */
let pollersBefore: number;

async function countPollers(): Promise<number> {
  const { pollers } = await stack.connection.workflowService.describeTaskQueue({
    namespace: 'default',
    taskQueue: { name: `nexus-${caller.id}` },
    taskQueueType: NEXUS_TASKS,
  });
  return pollers?.length ?? 0;
}

async function createEndpoint(name: string, callerId: string): Promise<void> {
  await stack.connection.operatorService.createNexusEndpoint({
    spec: { name, target: { worker: { namespace: 'default', taskQueue: `nexus-${callerId}` } } },
  });
}

beforeAll(async () => {
  stack = await startStack();
  const { parts, link, dependencies, native, connection, db } = stack;
  await setUpNamespace(connection, NAMESPACE, silentLog());
  ({ caller, key } = await createCaller(db, { name: 'marketing', creditMicroUsd: 10_000_000 }));
  pollersBefore = await countPollers();
  await createEndpoint('clipyard', caller.id);
  await createEndpoint('nobody', 'caller_nobody');
  await stack.stopWorkers();
  answering = await openWorkers({
    parts: { ...parts, config: { ...parts.config, nexusCallers: [caller.id, 'caller_nobody'] } },
    link,
    dependencies,
    connection: native,
    workflowBundlePath: process.env['CLIPYARD_TEST_WORKFLOW_BUNDLE'] ?? '',
  });
  asking = await Worker.create({
    connection: native,
    namespace: NAMESPACE,
    taskQueue: TASK_QUEUE,
    workflowsPath: require.resolve('./asking-workflows.ts'),
  });
  askingRuns = asking.run();
  client = new Client({ connection, namespace: NAMESPACE });
}, 120_000);

afterAll(async () => {
  asking?.shutdown();
  await Promise.all([askingRuns, answering?.shutdown()]);
  await stack?.close();
});

let asked = 0;

async function startAsking({ operation, input, endpoint = 'clipyard' }: Asked) {
  asked += 1;
  const args: [Asked] = [{ operation, input, endpoint }];
  return await client.workflow.start('ask', { workflowId: `ask-${asked}`, taskQueue: TASK_QUEUE, args });
}

async function ask<End = VideoEnd>(operation: Asked['operation'], input: unknown, endpoint?: string): Promise<End> {
  const handle = await startAsking({ operation, input, ...(endpoint && { endpoint }) });
  return (await handle.result()) as End;
}

/** The workflow's failure, the operation's and the handler's. */
const refusedAs = (type: string, kind: string) => ({
  cause: { cause: { type, retryable: false, cause: { type: kind } } },
});

async function createBatch(as: string): Promise<string> {
  const answer = await stack.app.inject({
    method: 'POST',
    url: '/clipyard/v1/batches',
    headers: { authorization: `Bearer ${as}`, 'content-type': 'application/jsonl' },
    payload: JSON.stringify({ ...MINI, duration_seconds: 1 }),
  });
  return (answer.json() as { readonly id: string }).id;
}

/** Resolves with the token of the operation when it has been started: what it names is the workflow's id. */
async function startedToken(asker: WorkflowHandle): Promise<string> {
  for (;;) {
    const { events } = await asker.fetchHistory();
    const started = events?.find(({ nexusOperationStartedEventAttributes: started }) => started);
    const token = started?.nexusOperationStartedEventAttributes?.operationToken;
    if (token) return token;
    await sleep(50);
  }
}

const workflowIdIn = (token: string): string => JSON.parse(Buffer.from(token, 'base64url').toString()).wid;

test('no worker asks for Nexus tasks unless the setting is on', async () => {
  expect(pollersBefore).toBe(0);
  expect(await countPollers()).toBeGreaterThan(0);
});

test('the example has its clips made, each paid once by the caller of the endpoint', async () => {
  const scenes = ['a door opens', 'a door closes'];
  const args = [{ model: 'sandbox-mini', scenes }];
  const ids: string[] = await client.workflow.execute('trailer', { workflowId: 'two', taskQueue: TASK_QUEUE, args });
  const videos = await Promise.all(ids.map((id) => stack.video(id)));
  expect(videos.map(({ request }) => request.prompt)).toEqual(scenes);
  for (const video of videos) expect(video).toMatchObject({ state: 'completed', callerId: caller.id, submissions: 1 });
  const { tasks } = await stack.bill();
  expect(tasks).toHaveLength(2);
  const costMicroUsd = tasks.reduce((sum, task) => sum + task.costMicroUsd, 0);
  expect(await readCaller(stack.db, caller.id)).toMatchObject({ spentMicroUsd: costMicroUsd, heldMicroUsd: 0 });
});

test('a caller in the input changes nothing, and a key is one clip', async () => {
  const input = { request: MINI, callerId: 'root', videoId: 'mine', idempotencyKey: 'opening' };
  const [first, second] = await Promise.all([ask('generateVideo', input), ask('generateVideo', input)]);
  expect(second).toEqual(first);
  expect(await ask('generateVideo', input)).toEqual(first);
  expect(await stack.video(first.id)).toMatchObject({ callerId: caller.id, submissions: 1 });
});

test.each([
  ['is none', undefined, 'invalid_request'],
  ['has no request', { request: null }, 'invalid_request'],
  ['has a prompt with a NUL', { request: { ...MINI, prompt: 'a\u0000b' } }, 'invalid_request'],
  ['has a key that is no text', { request: MINI, idempotencyKey: 7 }, 'invalid_request'],
  ['names a model that is not on offer', { request: { ...MINI, model: 'none-such' } }, 'unknown_model'],
  ['forwards more than fits', { request: { ...MINI, extra: { words: 'x'.repeat(100_000) } } }, 'too_large'],
])('input that %s is refused for good', async (_name, input, kind) => {
  await expect(ask('generateVideo', input)).rejects.toMatchObject(refusedAs('BAD_REQUEST', kind));
});

test('an endpoint whose caller is unknown or disabled is refused for good', async () => {
  const input = { request: MINI };
  const refused = refusedAs('UNAUTHENTICATED', 'unauthenticated');
  await expect(ask('generateVideo', input, 'nobody')).rejects.toMatchObject(refused);
  await setCallerDisabled(stack.db, caller.id, true);
  await expect(ask('generateVideo', input)).rejects.toMatchObject(refused);
  await setCallerDisabled(stack.db, caller.id, false);
});

test('a batch of the caller gives its end, and another one is not found', async () => {
  const batchId = await createBatch(key);
  expect(await ask<BatchEnd>('runBatch', { batchId })).toMatchObject({ state: 'completed', counts: { completed: 1 } });
  // It has ended, and its end is given again.
  expect(await ask<BatchEnd>('runBatch', { batchId })).toMatchObject({ state: 'completed', counts: { completed: 1 } });
  const { authorization } = stack.headers;
  const others = await createBatch(authorization.replace('Bearer ', ''));
  const notFound = refusedAs('NOT_FOUND', 'not_found');
  await expect(ask('runBatch', { batchId: others })).rejects.toMatchObject(notFound);
  await expect(ask('runBatch', null)).rejects.toMatchObject(notFound);
});

test('a cancel of the calling workflow cancels its clip', async () => {
  await stack.faults([], { speed: 1 });
  const asker = await startAsking({ operation: 'generateVideo', input: { request: MINI } });
  const token = await startedToken(asker);
  const id = workflowIdIn(token);
  await stack.until(id, ({ state }) => state === 'generating');
  // A token that comes to another caller's endpoint reaches nothing.
  const { service } = createNexusEndpoint(stack.dependencies, 'root');
  const context = { abortSignal: new AbortController().signal } as OperationContext;
  const cancel = service.getOperationHandler('generateVideo').cancel(context, token);
  await expect(cancel).rejects.toMatchObject({ type: 'NOT_FOUND' });
  await asker.cancel();
  expect(await stack.ended(id)).toMatchObject({ state: 'cancelled' });
  await expect(asker.result()).rejects.toThrow('cancelled');
});

test('a cancel of the calling workflow cancels its batch, whose end is told', async () => {
  const batchId = await createBatch(key);
  const asker = await startAsking({ operation: 'runBatch', input: { batchId } });
  expect(workflowIdIn(await startedToken(asker))).toBe(batchId);
  await asker.cancel();
  expect(await asker.result()).toMatchObject({ state: 'cancelled' });
  await stack.faults([], { speed: 20 });
});
