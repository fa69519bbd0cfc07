/** An upstream's push as a hint: it ends a wait early, and only a poll is believed. */

import type { ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { airforce } from '../../src/providers/airforce.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { json, type Script, type ScriptedServer, startScriptedServer } from '../net/scripted-server.ts';
import { type Stack, startStack } from '../stack.ts';

const SELDOM = { firstPollMs: 0, minPollMs: 3_600_000, maxPollMs: 3_600_000 };
const OFTEN = { firstPollMs: 0, minPollMs: 500, maxPollMs: 1000 };

/** Tasks of two seconds: running for certain when they are first polled. */
const SPEED = 2;

let stack: Stack;
let streams: ScriptedServer;
/** The account's own, which is read as a task begins to be watched. */
const timing = { ...SELDOM };

/** Where the streams are read: at the sandbox itself, or wherever a test lies in their stead. */
let streamsFrom: 'sandbox' | 'script' = 'sandbox';

beforeAll(async () => {
  streams = await startScriptedServer();
  const follow: typeof airforce.follow = async (taskId, call) =>
    airforce.follow?.(taskId, streamsFrom === 'sandbox' ? call : { ...call, baseUrl: streams.origin });
  const providers = { ...PROVIDERS_BY_NAME, airforce: { ...airforce, follow } };
  stack = await startStack({ speed: SPEED, account: { timing }, dependencies: { providers } });
}, 300_000);

afterAll(async () => {
  await stack?.close();
  await streams?.close();
});

beforeEach(() => {
  streams.received.length = 0;
});

function open(response: ServerResponse): ServerResponse {
  return response.writeHead(200, { 'content-type': 'text/event-stream' });
}

const state = (status: string) => `event: state\ndata: ${JSON.stringify({ status })}\n\n`;

async function hintsOf(videoId: string): Promise<number> {
  const { events } = await stack.client.workflow.getHandle(videoId).fetchHistory();
  const signals = events?.flatMap(({ workflowExecutionSignaledEventAttributes: signal }) => signal?.signalName ?? []);
  return signals?.filter((name) => name === 'upstreamEvent').length ?? 0;
}

test('the end is seen although the next poll is an hour away', async () => {
  Object.assign(timing, SELDOM);
  streamsFrom = 'sandbox';
  const id = await stack.create({ prompt: 'seen at once' });
  expect(await stack.ended(id)).toMatchObject({ state: 'completed', polls: 2, submissions: 1 });
  expect(await hintsOf(id)).toBe(1);
}, 60_000);

test('a failure is seen as well', async () => {
  Object.assign(timing, SELDOM);
  streamsFrom = 'sandbox';
  await stack.faults([{ kind: 'failed_task', message: 'no foxes', count: 1 }]);
  const video = await stack.ended(await stack.create({ prompt: 'refused' }));
  expect(video).toMatchObject({ state: 'failed', failure: { kind: 'upstream_failed', message: 'no foxes' } });
  // One where the task had failed before the first.
  expect(video.polls).toBeLessThanOrEqual(2);
}, 60_000);

test.each<[string, Script]>([
  ['is cut', (response) => void open(response).write(state('processing'), () => response.socket?.destroy())],
  ['is not there', json(404, { error: 'no such route' })],
  ['pushes rubbish', (response) => void open(response).end('event: state\ndata: {"status":\n\n\u0000\n\n')],
  ['floods', (response) => void open(response).end(state('processing').repeat(60_000))],
  ['says nothing', (response) => open(response).flushHeaders()],
  ['answers nothing', () => undefined],
])(
  'a stream that %s costs nothing but three tries',
  async (_name, script) => {
    Object.assign(timing, OFTEN);
    streamsFrom = 'script';
    streams.script = script;
    const id = await stack.create({ prompt: 'polled' });
    expect(await stack.ended(id)).toMatchObject({ state: 'completed', submissions: 1 });
    expect(await hintsOf(id)).toBe(0);
    expect(streams.received.length).toBeGreaterThanOrEqual(1);
    expect(streams.received.length).toBeLessThanOrEqual(3);
  },
  60_000,
);

test('a stream that says completed too early causes one poll and no end', async () => {
  Object.assign(timing, SELDOM);
  streamsFrom = 'script';
  streams.script = (response) => void open(response).end(`${state('completed')}event: done\ndata: [DONE]\n\n`);
  const id = await stack.create({ prompt: 'lied about' });
  await until(async () => (await stack.video(id)).polls === 2);
  expect(await stack.video(id)).toMatchObject({ state: 'generating' });
  await until(async () => (await stack.bill()).tasks.some(isLiedAboutAndDone));
  expect(await stack.video(id)).toMatchObject({ state: 'generating', polls: 2 });
  await stack.workflows.signalNews(id);
  expect(await stack.ended(id)).toMatchObject({ state: 'completed', polls: 3 });
  expect(streams.received).toHaveLength(1);
}, 60_000);

/** For what is not told to anybody when it changes. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await wait(50);
}

function isLiedAboutAndDone({ request, state: word }: { request: Record<string, unknown>; state: string }): boolean {
  return request['prompt'] === 'lied about' && word === 'completed';
}
