/** Every list filter that docs/temporal-ui.md prints, run where there is a clip of each kind. */

import { setTimeout as sleep } from 'node:timers/promises';
import { deliverTest } from '../../src/catalog/delivery-views.ts';
import { videoIdOfLine } from '../../src/domain/batch.ts';
import { readProjectFile } from '../source-files.ts';
import { Ways } from '../workflows/ways.ts';

const PAGE = readProjectFile('docs/temporal-ui.md');
const LINK = 'http://127.0.0.1:8233/namespaces/default/workflows?query=';

const matches = (pattern: RegExp) =>
  [...PAGE.matchAll(pattern)].map(([, name = '', text = '']) => [name, text] as const);
/** The filters that answer a question, by its number. */
const FILTERS = new Map(matches(/^## (\d+)\. .+\n\n```text\n(.+)\n```$/gm));
const [[, WITHOUT_SWEEPS] = ['', '']] = matches(/^()```text\n(.+)\n```$/gm);
const LINKS = matches(/^\[(\d+)\]: (.+)$/gm);

let ways: Ways;
/** The workflows that each filter is to find, and the words that stand for what is in the scene. */
let answers: Readonly<Record<string, readonly string[]>>;
let words: Readonly<Record<string, string>>;

/** A batch of one line. */
async function createBatch(): Promise<string> {
  const line = JSON.stringify({ model: 'sandbox-mini', prompt: 'a red fox', duration_seconds: 1 });
  const answer = await ways.stack.app.inject({
    method: 'POST',
    url: '/clipyard/v1/batches',
    headers: { ...ways.stack.headers, 'content-type': 'application/jsonl' },
    payload: line,
  });
  return (answer.json() as { readonly id: string }).id;
}

/** Runs for longer than the test. */
async function runs(): Promise<string> {
  await ways.stack.faults([{ kind: 'stuck_progress', count: 1 }]);
  const id = await ways.create();
  await ways.reached(id, 'generating');
  return id;
}

/** Waits for its second attempt. */
async function retried(): Promise<string> {
  const told = { callerId: 'root', endpointId: 'we_removed', type: 'video.completed' } as const;
  const deliveryId = await deliverTest(ways.stack.db, told);
  await ways.stack.workflows.startDelivery({ id: deliveryId, callerId: told.callerId }, 3_600_000);
  return `delivery:${deliveryId}`;
}

/** The schedule's sweep would end what was terminated: it has swept once, and sweeps no more. */
async function sweepNoMore(): Promise<void> {
  const { client } = ways.stack;
  const schedule = client.schedule.getHandle('clipyard-sweep');
  let taken: string | undefined;
  while (taken === undefined) {
    // The server may skip one that comes while it starts another; beside an open run it starts none.
    await schedule.trigger();
    await sleep(200);
    const action = (await schedule.describe()).info.recentActions.at(-1)?.action;
    if (action?.type === 'startWorkflow') taken = action.workflow.workflowId;
  }
  await schedule.delete();
  await client.workflow.getHandle(taken).terminate('swept enough');
}

beforeAll(async () => {
  ways = await Ways.open({ account: { maxConcurrentTasks: 8, list: false, lostAnswerHoldMs: 3_600_000 } });
  const { client, faults, ended } = ways.stack;
  await sweepNoMore();
  await faults([{ kind: 'failed_task', count: 1 }]);
  const batch = await createBatch();
  await client.workflow.getHandle(batch).result();
  const failed = videoIdOfLine(batch, 1);
  const completed = await ways.create();
  await ended(completed);
  const running = await runs();
  const followed = await runs();
  await ways.cancel(followed);
  await ways.reached(followed, 'cancelled');
  const terminated = await runs();
  await client.workflow.getHandle(terminated).terminate('by an operator');
  const retrying = await retried();
  const doubtful = await ways.inDoubt('now');
  const waiting = await ways.waiting();
  const open = await createBatch();
  const lines = [videoIdOfLine(open, 1)];
  const clips = [failed, completed, running, followed, terminated, doubtful, waiting, ...lines];
  answers = {
    1: [running, doubtful],
    2: [waiting, ...lines],
    3: [doubtful],
    4: [failed],
    5: clips,
    6: [open],
    7: [failed],
    8: [retrying],
    9: [followed],
    10: [terminated],
  };
  words = { ACCOUNT: 'sandbox', CALLER: 'root', BATCH: batch };
}, 180_000);

afterAll(() => ways?.stack.close());

/** The filter as an operator writes it today. */
function filled(filter: string): string {
  const dated = filter.replace(/\d{4}-\d\d-\d\d(?=T00:00:00Z)/, new Date().toISOString().slice(0, 10));
  return dated.replace(/"([A-Z]{5,})"/g, (_, word: string) => JSON.stringify(words[word]));
}

async function found(filter: string): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of ways.stack.client.workflow.list({ query: filled(filter) })) ids.push(workflowId);
  return ids.toSorted();
}

/** Asked until visibility has heard of all. */
async function expectFound(filter: string, expected: readonly string[]): Promise<void> {
  const sorted = expected.toSorted().join();
  for (let tries = 0; tries < 100 && (await found(filter)).join() !== sorted; tries++) await sleep(100);
  expect((await found(filter)).join()).toBe(sorted);
}

test('the page asks ten questions, each with a link that has its filter', () => {
  expect([...FILTERS.keys()]).toEqual(Array.from({ length: 10 }, (_, index) => String(index + 1)));
  expect(LINKS).toEqual([...FILTERS].map(([n, filter]) => [n, LINK + encodeURIComponent(filter)]));
});

test.each([...FILTERS])('filter %s finds what it should: %s', async (number, filter) => {
  await expectFound(filter, answers[number] ?? []);
});

test('the list without sweeps has all others', async () => {
  const all = await found('');
  expect(all.filter((id) => !id.includes('sweep'))).toEqual(await found(WITHOUT_SWEEPS));
});

test('a failed run opens with the kind and the upstream’s words, and has no stack of ours', async () => {
  const [id = ''] = answers['4'] ?? [];
  const { events } = await ways.stack.client.workflow.getHandle(id).fetchHistory();
  const failure = events?.at(-1)?.workflowExecutionFailedEventAttributes?.failure;
  expect(failure?.message).toBe('upstream_failed: the sandbox was told to fail this task');
  expect(failure?.stackTrace).toBe('');
});
