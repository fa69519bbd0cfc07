/** `generateVideo` against a real Temporal server and the sandbox: each way a video can go. */

import { eq } from 'drizzle-orm';
import Long from 'long';
import { accounts } from '../../src/catalog/tables/accounts.ts';
import { ledger } from '../../src/catalog/tables/callers.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { videoQuery } from '../../workflows/messages.ts';
import { type ScriptedServer, startScriptedServer } from '../net/scripted-server.ts';
import { type Stack, startStack } from '../stack.ts';

let stack: Stack;
/** Where callers have clips delivered. */
let storage: ScriptedServer;

beforeAll(async () => {
  storage = await startScriptedServer();
  stack = await startStack({ trustedHosts: [storage.hostAndPort] });
}, 300_000);

afterAll(async () => {
  await stack?.close();
  await storage?.close();
});

afterEach(async () => {
  await stack.faults([], { speed: 20 });
});

/** The effects on the caller's money, by kind. */
async function entries(id: string): Promise<Record<string, number>> {
  const rows = await stack.db.select().from(ledger).where(eq(ledger.videoId, id));
  return Object.fromEntries(rows.map(({ kind, amountMicroUsd }) => [kind, amountMicroUsd]));
}

async function submissionStates(id: string): Promise<readonly string[]> {
  const rows = await stack.db.select().from(submissions).where(eq(submissions.videoId, id)).orderBy(submissions.n);
  return rows.map(({ state }) => state);
}

async function tasksOf(prompt: string) {
  const { tasks } = (await stack.bill()) as unknown as {
    tasks: { request: { prompt: string }; costMicroUsd: number }[];
  };
  return tasks.filter(({ request }) => request.prompt === prompt);
}

const RELEASED = { hold: -10_000, release: 10_000 };
const SETTLED = { ...RELEASED, settle: -10_000 };

/** The activities of a video's run, in the order in which they were scheduled. */
async function activitiesOf(id: string): Promise<readonly string[]> {
  const { events } = await stack.client.workflow.getHandle(id).fetchHistory();
  return (events ?? []).flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
}

test('a run that is told to look at its rows while it ends does so before it closes', async () => {
  await stack.faults([{ kind: 'slow_result', bytesPerSecond: 8000, count: 1 }]);
  const id = await stack.create({ prompt: 'told at its end' });
  await stack.until(id, ({ state }) => state === 'archiving');
  expect(await stack.workflows.signalReopen(id)).toBe(true);
  expect(await stack.ended(id)).toMatchObject({ state: 'completed', submissions: 1 });
  await stack.client.workflow.getHandle(id).result();
  expect((await activitiesOf(id)).slice(-3)).toEqual(['archiveVideo', 'endVideo', 'openVideo']);
  expect(await entries(id)).toEqual(SETTLED);
});

const METADATA_QUERY = '__temporal_workflow_metadata';

/** What the Temporal UI shows of a run in Markdown. */
async function detailsOf(id: string): Promise<string> {
  const metadata = await stack.client.workflow.getHandle(id).query<{ readonly currentDetails: string }>(METADATA_QUERY);
  return metadata.currentDetails;
}

test('a video that failed says in its story what to do, and how often it was polled', async () => {
  await stack.faults([{ kind: 'failed_task', count: 1, message: 'no foxes' }]);
  const id = await stack.create();
  const { polls } = await stack.ended(id);
  await stack.client.workflow
    .getHandle(id)
    .result()
    .catch(() => undefined);
  expect(await detailsOf(id)).toContain(`polls: ${polls}\n`);
  expect(await detailsOf(id)).toContain('failure: `upstream_failed` — no foxes\n- what to do: Ask for the clip again');
});

describe('a video that goes well', () => {
  test('is generated, archived and settled', async () => {
    const id = await stack.create();
    const video = await stack.ended(id);
    expect(video).toMatchObject({
      state: 'completed',
      progress: 100,
      settledMicroUsd: 10_000,
      upstreamMicroUsd: 10_000,
      submissions: 1,
      failure: null,
    });
    expect(video.archive).toMatchObject({ durationMs: 1000, codec: 'avc' });
    expect(await entries(id)).toEqual(SETTLED);
  });

  test('tells its story in the Temporal UI', async () => {
    const id = await stack.create({ prompt: 'a story to read' });
    await stack.ended(id);
    const handle = stack.client.workflow.getHandle(id);
    await handle.result();
    const description = await handle.describe();
    expect(await description.staticSummary()).toBe('sandbox-mini · text · 1 s');
    expect(await description.staticDetails()).toBe('a story to read');
    expect(description.searchAttributes).toMatchObject({
      VideoState: ['completed'],
      CallerId: ['root'],
      Provider: ['airforce'],
      Model: ['sandbox-mini'],
      Account: ['sandbox'],
    });
    expect(await handle.query(videoQuery)).toMatchObject({ id, state: 'completed', account: 'sandbox', progress: 100 });
  });

  test('whose bill is held for review says so where its story is read', async () => {
    await stack.faults([{ kind: 'overbilled', factor: 5, count: 1 }]);
    const id = await stack.create();
    await stack.ended(id);
    await stack.client.workflow.getHandle(id).result();
    expect(await detailsOf(id)).toMatch(/settled: held for review, until an operator says what it costs/);
  });

  test('closes its workflow with what was archived', async () => {
    const id = await stack.create();
    await stack.ended(id);
    const result = await stack.client.workflow.getHandle(id).result();
    const { archive } = await stack.video(id);
    expect(result).toEqual({
      id,
      state: 'completed',
      settledMicroUsd: 10_000,
      sha256: archive?.sha256,
      sizeBytes: archive?.sizeBytes,
    });
  });

  test('goes on where workers stopped and others started', async () => {
    await stack.faults([], { speed: 4 });
    const id = await stack.create({ prompt: 'across workers' });
    await stack.until(id, ({ state }) => state === 'generating');
    await stack.restartWorkers();
    expect(await stack.ended(id)).toMatchObject({ state: 'completed', submissions: 1 });
    expect(await tasksOf('across workers')).toHaveLength(1);
  });

  test('keeps to four tasks while ten wait (AF-49, AO-19)', async () => {
    // The first four last until all of them have begun, however slowly that goes.
    await stack.faults([{ kind: 'slow', factor: 10, count: 4 }], { speed: 4 });
    const ids = await Promise.all(Array.from({ length: 10 }, () => stack.create()));
    const videos = await Promise.all(ids.map((id) => stack.ended(id)));
    expect(videos.map(({ state }) => state)).toEqual(ids.map(() => 'completed'));
    const { peakConcurrent } = await stack.bill();
    expect(Object.values(peakConcurrent)).toEqual([4]);
  });
});

describe('a clip that its caller wants delivered', () => {
  const statuses = [200];
  beforeEach(() => {
    storage.received.splice(0);
    storage.script = (response) => void response.writeHead(statuses.shift() ?? 200).end();
  });
  const target = () => ({ url: `${storage.origin}/clip?signature=secret`, headers: { 'x-amz-acl': 'private' } });

  test('is put there once it is archived, and its end comes after that', async () => {
    statuses.splice(0, 1, 503, 200);
    const id = await stack.create({ deliver_to: target() });
    const video = await stack.ended(id);
    expect(video).toMatchObject({ state: 'completed', delivery: { state: 'delivered', message: null } });
    const sent = storage.received.map(({ method, path, headers }) => [method, path, headers['content-length']]);
    const put = ['PUT', '/clip?signature=secret', String(video.archive?.sizeBytes)];
    expect(sent).toEqual([put, put]);
    expect(storage.received[0]?.headers).toMatchObject({ 'content-type': 'video/mp4', 'x-amz-acl': 'private' });
    expect(await entries(id)).toEqual(SETTLED);
    const history = await stack.client.workflow.getHandle(id).fetchHistory();
    expect(JSON.stringify(history)).not.toContain('signature');
    const queues = (history.events ?? []).flatMap(({ activityTaskScheduledEventAttributes: asked }) =>
      asked ? [[asked.activityType?.name, asked.taskQueue?.name]] : [],
    );
    // Storage that takes nothing is not to keep others' clips from being archived.
    expect(queues).toContainEqual(['archiveVideo', 'media']);
    expect(queues).toContainEqual(['deliverClip', 'storage']);
    const [row] = await stack.db.select().from(videos).where(eq(videos.id, id));
    expect(row?.deliverTo).toBeNull();
  });

  test('says why it waits while its storage is away', async () => {
    let isAway = true;
    storage.script = (response) => void response.writeHead(isAway ? 503 : 200).end();
    const id = await stack.create({ deliver_to: target() });
    const waiting = await stack.until(id, ({ delivery }) => delivery?.message !== null);
    expect(waiting.delivery).toEqual({ state: 'waiting', at: null, message: 'the storage answered 503' });
    isAway = false;
    expect((await stack.ended(id)).delivery).toMatchObject({ state: 'delivered', message: null });
  });

  test('is made and kept where its storage refuses it', async () => {
    statuses.splice(0, 1, 403);
    const video = await stack.ended(await stack.create({ deliver_to: target() }));
    const delivery = { state: 'failed', message: 'the storage answered 403' };
    expect(video).toMatchObject({ state: 'completed', settledMicroUsd: 10_000, delivery });
    expect(storage.received).toHaveLength(1);
  });

  test('is not delivered where there is none', async () => {
    await stack.faults([{ kind: 'failed_task', count: 1 }]);
    const video = await stack.ended(await stack.create({ deliver_to: target() }));
    const delivery = { state: 'failed', message: 'the video ended without a clip' };
    expect(video).toMatchObject({ state: 'failed', delivery });
    expect(storage.received).toEqual([]);
  });
});

describe('a create whose answer is lost', () => {
  test.each(['reset', '5xx', 'garbage', 'timeout'])('is adopted after %s', async (answer) => {
    await stack.faults([{ kind: 'lost_create_answer', answer, recorded: 'now', count: 1 }]);
    const prompt = `lost by ${answer}`;
    const id = await stack.create({ prompt });
    expect(await stack.ended(id)).toMatchObject({ state: 'completed', settledMicroUsd: 10_000 });
    expect(await tasksOf(prompt)).toHaveLength(1);
    expect(await submissionStates(id)).toEqual(['ended']);
  });

  test('is sent again when no task was made', async () => {
    await stack.faults([{ kind: 'lost_create_answer', answer: '5xx', recorded: 'never', count: 1 }]);
    const id = await stack.create({ prompt: 'never recorded' });
    await stack.until(id, ({ state }) => state === 'unconfirmed');
    expect(await stack.ended(id)).toMatchObject({ state: 'completed', submissions: 2 });
    expect(await tasksOf('never recorded')).toHaveLength(1);
    expect(await submissionStates(id)).toEqual(['void', 'ended']);
  });

  test('is adopted when the task is recorded late', async () => {
    await stack.faults([{ kind: 'lost_create_answer', answer: '5xx', recorded: { afterMs: 2000 }, count: 1 }]);
    const id = await stack.create({ prompt: 'recorded late' });
    expect(await stack.ended(id)).toMatchObject({ state: 'completed', submissions: 1 });
    expect(await tasksOf('recorded late')).toHaveLength(1);
  });

  test('fails where others use the account too', async () => {
    await stack.db.update(accounts).set({ readsList: false });
    await stack.faults([{ kind: 'lost_create_answer', answer: 'reset', recorded: 'now', count: 1 }]);
    const id = await stack.create({ prompt: 'lost at a shared account' });
    expect(await stack.ended(id)).toMatchObject({ state: 'failed', failure: { kind: 'answer_lost' } });
    expect(await entries(id)).toEqual(RELEASED);
    await stack.db.update(accounts).set({ readsList: true });
  });
});

describe('an upstream that refuses', () => {
  test('a request ends the video with its words (OV-23)', async () => {
    await stack.faults([{ kind: 'http_error', on: 'create', status: 422, count: 1 }]);
    const id = await stack.create();
    expect(await stack.ended(id)).toMatchObject({
      state: 'failed',
      failure: { kind: 'upstream_refused', upstream: { status: 422 } },
    });
    expect(await entries(id)).toEqual(RELEASED);
    await expect(stack.client.workflow.getHandle(id).result()).rejects.toMatchObject({
      cause: { type: 'upstream_refused', message: 'upstream_refused: the sandbox was told to answer 422 here' },
    });
  });

  test('by a rate limit pauses the account until its hint', async () => {
    await stack.faults([{ kind: 'http_error', on: 'create', status: 429, retryAfterSeconds: 1, count: 1 }]);
    const id = await stack.create();
    expect(await stack.ended(id)).toMatchObject({ state: 'completed', submissions: 2 });
    expect(await submissionStates(id)).toEqual(['void', 'ended']);
  });

  test('a failed poll is not a failed video', async () => {
    await stack.faults([{ kind: 'http_error', on: 'task', status: 503, count: 3 }]);
    expect(await stack.ended(await stack.create())).toMatchObject({ state: 'completed' });
  });

  test('a task unknown at first is waited for', async () => {
    await stack.faults([{ kind: 'missing_at_first', forMs: 300, count: 1 }]);
    expect(await stack.ended(await stack.create())).toMatchObject({ state: 'completed' });
  });

  test('an unknown status word keeps the state', async () => {
    await stack.faults([{ kind: 'unknown_status', count: 1 }]);
    expect(await stack.ended(await stack.create())).toMatchObject({ state: 'completed' });
  });
});

describe('a task that goes wrong', () => {
  test.each([
    ['failed_task', 'upstream_failed', 0],
    ['no_result', 'upstream_no_output', 10_000],
    ['html_result', 'result_expired', 10_000],
    ['truncated_result', 'result_invalid', 10_000],
  ])('by %s ends as %s and costs the caller nothing (AF-48)', async (fault, kind, billed) => {
    await stack.faults([{ kind: fault, count: 1 }]);
    const id = await stack.create();
    const video = await stack.ended(id);
    expect(video).toMatchObject({
      state: 'failed',
      failure: { kind },
      settledMicroUsd: 0,
      upstreamMicroUsd: billed,
      archive: null,
    });
    expect(await entries(id)).toEqual(RELEASED);
    expect(await stack.store.sizeBytes(`videos/${id}/clip.mp4`)).toBeNull();
  });

  test.each([403, 404, 410])('by a link answered %d ends as result_expired', async (status) => {
    await stack.faults([{ kind: 'expired_result', status, count: 1 }]);
    const id = await stack.create();
    expect(await stack.ended(id)).toMatchObject({
      state: 'failed',
      failure: { kind: 'result_expired' },
      settledMicroUsd: 0,
    });
  });

  test('a download cut in the middle goes on', async () => {
    await stack.faults([{ kind: 'cut_result', atFraction: 0.4, count: 1 }]);
    expect(await stack.ended(await stack.create())).toMatchObject({ state: 'completed' });
  });

  test('a bill above three estimates waits for review', async () => {
    await stack.faults([{ kind: 'overbilled', factor: 4, count: 1 }]);
    const id = await stack.create();
    expect(await stack.ended(id)).toMatchObject({
      state: 'completed',
      settledMicroUsd: null,
      upstreamMicroUsd: 40_000,
    });
    expect(await entries(id)).toEqual({ hold: -10_000 });
  });
});

describe('a cancel', () => {
  const root = async () => {
    const caller = await stack.gateway.authenticate(stack.headers.authorization.slice('Bearer '.length));
    if (!caller) throw new Error('root is unknown');
    return caller;
  };

  test('while the video waits releases everything', async () => {
    await stack.faults([], { speed: 2 });
    const running = await Promise.all(Array.from({ length: 4 }, () => stack.create()));
    const id = await stack.create({ prompt: 'cancelled in the queue' });
    expect(await stack.gateway.cancel(await root(), id)).toMatchObject({ state: 'cancelled', settledMicroUsd: 0 });
    expect(await entries(id)).toEqual(RELEASED);
    await expect(stack.client.workflow.getHandle(id).result()).rejects.toMatchObject({
      cause: { name: 'CancelledFailure' },
    });
    expect(await tasksOf('cancelled in the queue')).toEqual([]);
    for (const one of running) expect(await stack.ended(one)).toMatchObject({ state: 'completed' });
  });

  test('while the task runs keeps slot and hold until it ends, then charges', async () => {
    await stack.faults([], { speed: 4 });
    const id = await stack.create({ prompt: 'cancelled while it runs' });
    await stack.until(id, ({ state }) => state === 'generating');
    expect(await stack.gateway.cancel(await root(), id)).toMatchObject({ state: 'cancelled', settledMicroUsd: null });
    expect(await entries(id)).toEqual({ hold: -10_000 });
    expect(await submissionStates(id)).toEqual(['running']);
    const details: string[] = [];
    while (!details.at(-1)?.includes('following its task')) details.push(await detailsOf(id));
    expect(details.at(-1)).toMatch(/^\*\*cancelled\*\* .*\n\n.*\n- account: `sandbox` \(airforce\)/);
    const { searchAttributes } = await stack.client.workflow.getHandle(id).describe();
    expect(searchAttributes).toMatchObject({ VideoState: ['cancelled'], FailureKind: ['cancelled'] });
    const video = await stack.until(id, ({ settledMicroUsd }) => settledMicroUsd !== null);
    expect(video).toMatchObject({ state: 'cancelled', settledMicroUsd: 10_000, archive: null });
    expect(await entries(id)).toEqual(SETTLED);
  });

  test('while the task runs costs nothing if it fails', async () => {
    await stack.faults([{ kind: 'failed_task', count: 1 }], { speed: 4 });
    const id = await stack.create();
    await stack.until(id, ({ state }) => state === 'generating');
    await stack.gateway.cancel(await root(), id);
    await stack.until(id, ({ settledMicroUsd }) => settledMicroUsd !== null);
    expect(await entries(id)).toEqual(RELEASED);
  });

  test('while the create is unconfirmed waits for what became of it', async () => {
    await stack.faults([{ kind: 'lost_create_answer', answer: '5xx', recorded: { afterMs: 2000 }, count: 1 }]);
    const id = await stack.create({ prompt: 'cancelled in doubt' });
    await stack.until(id, ({ state }) => state === 'unconfirmed');
    await stack.gateway.cancel(await root(), id);
    const video = await stack.until(id, ({ settledMicroUsd }) => settledMicroUsd !== null);
    expect(video).toMatchObject({ state: 'cancelled', settledMicroUsd: 10_000 });
    expect(await tasksOf('cancelled in doubt')).toHaveLength(1);
  });

  test('while the clip is archived charges what the task cost', async () => {
    await stack.faults([{ kind: 'slow_result', bytesPerSecond: 2000, count: 5 }]);
    const id = await stack.create();
    await stack.until(id, ({ state }) => state === 'archiving');
    expect(await stack.gateway.cancel(await root(), id)).toMatchObject({ state: 'cancelled', settledMicroUsd: 10_000 });
    await expect(stack.client.workflow.getHandle(id).result()).rejects.toMatchObject({
      cause: { name: 'CancelledFailure' },
    });
    expect(await stack.store.sizeBytes(`videos/${id}/clip.mp4`)).toBeNull();
  });

  test('after the end changes nothing', async () => {
    const id = await stack.create();
    const before = await stack.ended(id);
    expect(await stack.gateway.cancel(await root(), id)).toEqual(before);
  });

  test('from the Temporal UI is a cancel', async () => {
    await stack.faults([], { speed: 4 });
    const id = await stack.create();
    await stack.until(id, ({ state }) => state === 'generating');
    await stack.client.workflow.getHandle(id).cancel();
    const video = await stack.until(id, ({ settledMicroUsd }) => settledMicroUsd !== null);
    expect(video).toMatchObject({ state: 'cancelled', settledMicroUsd: 10_000 });
    const { status } = await stack.client.workflow.getHandle(id).describe();
    expect(['CANCELLED', 'RUNNING']).toContain(status.name);
  });
});

describe('an operator in the Temporal UI', () => {
  test('who terminates a running video finds it cancelled and paid once', async () => {
    await stack.faults([], { speed: 2 });
    const id = await stack.create({ prompt: 'terminated' });
    await stack.until(id, ({ state }) => state === 'generating');
    await stack.client.workflow.getHandle(id).terminate('by an operator');
    const video = await stack.whileSweeping(() => stack.until(id, ({ settledMicroUsd }) => settledMicroUsd !== null));
    expect(video).toMatchObject({ state: 'cancelled', settledMicroUsd: 10_000 });
    expect(await tasksOf('terminated')).toHaveLength(1);
    expect(await submissionStates(id)).toEqual(['ended']);
  });

  test('who resets a video to its first event finds it completed and paid once', async () => {
    await stack.faults([], { speed: 2 });
    const id = await stack.create({ prompt: 'reset' });
    await stack.until(id, ({ state }) => state === 'generating');
    const handle = stack.client.workflow.getHandle(id);
    const { runId } = await handle.describe();
    await stack.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: id, runId },
      reason: 'by an operator',
      workflowTaskFinishEventId: Long.fromNumber(3),
      requestId: `reset-${id}`,
    });
    expect(await stack.ended(id)).toMatchObject({ state: 'completed', settledMicroUsd: 10_000, submissions: 1 });
    expect(await tasksOf('reset')).toHaveLength(1);
  });
});
