/** An upstream that answers only when the clip is done, and then with the clip itself. */

import { eq } from 'drizzle-orm';
import { costs } from '../../src/catalog/costs.ts';
import { syncConfiguredModels } from '../../src/catalog/models.ts';
import { ledger } from '../../src/catalog/tables/callers.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { clipKeyOf } from '../../src/media/media-key.ts';
import { type Stack, startStack } from '../stack.ts';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ provider: 'a4f' });
  await syncConfiguredModels(stack.db, [
    {
      id: 'kling',
      accounts: ['sandbox'],
      upstreamModel: 'provider-2/kling-v2.1',
      pricePerSecondMicroUsd: 50_000,
      durationsSeconds: null,
      minDurationSeconds: 1,
      maxDurationSeconds: 5,
      aspectRatios: ['16:9'],
      qualities: ['720p'],
      modes: ['text'],
    },
  ]);
}, 300_000);

afterAll(async () => {
  await stack?.close();
});

afterEach(async () => {
  await stack.faults([]);
});

const create = (prompt: string) => stack.create({ model: 'kling', prompt });

async function kindsOf(id: string): Promise<readonly string[]> {
  const rows = await stack.db.select().from(ledger).where(eq(ledger.videoId, id));
  return rows.map(({ kind }) => kind).sort();
}

test('a clip in the answer is stored, read back and settled', async () => {
  const video = await stack.ended(await create('a synchronous fox'));
  expect(video).toMatchObject({ state: 'completed', provider: 'a4f', settledMicroUsd: 50_000, polls: 0 });
  expect(video.archive).toMatchObject({ durationMs: 1000, codec: 'avc' });
  expect(await stack.store.sizeBytes(video.archive?.clipKey ?? '')).toBe(video.archive?.sizeBytes);
});

test('four tasks run at once while six wait (AF-49)', async () => {
  const ids = await Promise.all(Array.from({ length: 6 }, (_, index) => create(`one of six ${index}`)));
  const videos = await Promise.all(ids.map((id) => stack.ended(id)));
  expect(videos.map(({ state }) => state)).toEqual(ids.map(() => 'completed'));
  const { peakConcurrent } = await stack.bill();
  expect(Math.max(...Object.values(peakConcurrent))).toBeLessThanOrEqual(4);
});

test('a task that the upstream says has failed costs nothing', async () => {
  await stack.faults([{ kind: 'failed_task', count: 1 }]);
  const id = await create('a failing fox');
  expect(await stack.ended(id)).toMatchObject({
    state: 'failed',
    failure: { kind: 'upstream_failed' },
    settledMicroUsd: 0,
  });
  expect(await kindsOf(id)).toEqual(['hold', 'release']);
});

test('bytes that are no clip fail the video and store nothing', async () => {
  await stack.faults([{ kind: 'html_result', count: 1 }]);
  const id = await create('a web page');
  expect(await stack.ended(id)).toMatchObject({
    state: 'failed',
    failure: { kind: 'result_invalid' },
    upstreamMicroUsd: 50_000,
  });
  expect(await stack.store.sizeBytes(clipKeyOf(id))).toBeNull();
});

test('an answer without a clip is no output', async () => {
  await stack.faults([{ kind: 'no_result', count: 1 }]);
  expect(await stack.ended(await create('nothing'))).toMatchObject({
    state: 'failed',
    failure: { kind: 'upstream_no_output' },
  });
});

test('a lost answer fails the video and is booked as lost', async () => {
  await stack.faults([{ kind: 'lost_create_answer', answer: 'reset', recorded: 'now', count: 1 }]);
  const id = await create('a lost fox');
  expect(await stack.ended(id)).toMatchObject({
    state: 'failed',
    failure: { kind: 'answer_lost' },
    settledMicroUsd: 0,
  });
  const rows = await stack.db.select().from(submissions).where(eq(submissions.videoId, id));
  expect(rows).toMatchObject([{ state: 'void', costMicroUsd: 50_000 }]);
});

test('a lost answer is sent again where the operator says so', async () => {
  Object.assign(stack.dependencies.accounts[0] ?? {}, { onLostAnswer: 'resubmit' });
  await stack.faults([{ kind: 'lost_create_answer', answer: 'reset', recorded: 'now', count: 1 }]);
  const id = await create('a fox twice');
  expect(await stack.ended(id)).toMatchObject({ state: 'completed', settledMicroUsd: 50_000, submissions: 2 });
  Object.assign(stack.dependencies.accounts[0] ?? {}, { onLostAnswer: 'fail' });
});

test('settled and lost together are the bill of the upstream', async () => {
  const [sums] = await costs(stack.db, { callerId: null, groupBy: [] });
  const { tasks } = await stack.bill();
  const billed = tasks.reduce((sum, { costMicroUsd }) => sum + costMicroUsd, 0);
  expect(sums).toMatchObject({ upstreamMicroUsd: billed });
  expect((sums?.settledMicroUsd ?? 0) + (sums?.lostMicroUsd ?? 0)).toBe(billed);
});
