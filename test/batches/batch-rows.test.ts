/** Batches as rows, from the lines of a manifest to their ends, on both kinds of catalog: what is counted, paid and told. */

import { asc, eq, sql } from 'drizzle-orm';
import { syncAccounts } from '../../src/catalog/accounts.ts';
import { balance } from '../../src/catalog/balance.ts';
import { endBatch, endUnvalidated } from '../../src/catalog/batch-ends.ts';
import { advanceBatch } from '../../src/catalog/batch-steps.ts';
import {
  type BatchRow,
  expectedMsLeft,
  findBatch,
  listLines,
  readProgress,
  wantsToKnow,
} from '../../src/catalog/batches.ts';
import { settleReviewed } from '../../src/catalog/corrections.ts';
import { type Db, inTransaction } from '../../src/catalog/driver/database.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { credit, setCredit } from '../../src/catalog/ledger.ts';
import { batchLines, batches as batchTable } from '../../src/catalog/tables/batches.ts';
import { inputImageUses } from '../../src/catalog/tables/input-images.ts';
import { waiting } from '../../src/catalog/tables/queue.ts';
import { events, videos } from '../../src/catalog/tables/videos.ts';
import { callbacks } from '../../src/catalog/tables/webhooks.ts';
import { wishWaitingCancelled } from '../../src/catalog/wishes.ts';
import type { LineState, ReadLine, StartFrom } from '../../src/domain/batch.ts';
import { type Batches, type BatchOrder, createBatches } from '../../src/gateway/batches.ts';
import type { MediaStore } from '../../src/media/media-store.ts';
import { endLostValidations } from '../../src/recovery/batches.ts';
import { removeOld } from '../../src/recovery/retention.ts';
import { makeArchive, makeCaller } from '../builders.ts';
import { insertSubmission, makeAccount } from '../catalog/rows.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { withClockAhead } from '../catalog/wrong-clock.ts';
import { type FakeWorkflows, fakeWorkflows } from '../fake-workflows.ts';
import { SUCCEEDED } from '../model/held-video.ts';
import { insertCaller, offerModel } from '../model/scene.ts';
import { silentLog } from '../temporal/silent-log.ts';

const CALLER = makeCaller();
/** Of a line of eight seconds. */
const ESTIMATE = 3_200_000;
const SLOTS = 4;

/** A create of this line. */
function good(line: number, startFrom: StartFrom | null = null, model = 'wan-2.6'): ReadLine {
  const draft = { model, prompt: `line ${line}`, durationSeconds: 8, images: [], extra: {} };
  const mode = startFrom === null ? ('text' as const) : ('image' as const);
  return {
    kind: 'create',
    create: { line, customId: `c${line}`, dialect: 'airforce', draft: { ...draft, mode }, startFrom },
  };
}

const bad = (line: number): ReadLine => ({
  kind: 'invalid',
  invalid: { line, code: 'invalid_json', message: 'the line is not valid JSON' },
  customId: null,
});

const goodLines = (count: number) => Array.from({ length: count }, (_, n) => good(n + 1));

/** The images are links alone, which nothing is stored of. */
const NO_STORE = {} as MediaStore;

describeOnBothCatalogs('a batch', (catalog) => {
  let db: Db;
  let batches: Batches;
  let workflows: FakeWorkflows;

  beforeEach(async () => {
    db = catalog.database.db;
    workflows = fakeWorkflows();
    batches = createBatches({ db, store: NO_STORE, workflows, log: silentLog() });
    await syncAccounts(db, [
      makeAccount({ maxConcurrentTasks: SLOTS }),
      makeAccount({ id: 'airforce-2', pool: 'other', maxConcurrentTasks: 1 }),
    ]);
    await offerModel(db, 'wan-2.6', ['airforce-1']);
    await offerModel(db, 'kling-1', ['airforce-2']);
    await insertCaller(db, CALLER.id);
  });

  function create(lines: readonly ReadLine[], order: Partial<BatchOrder> = {}) {
    return batches.create({
      caller: CALLER,
      name: null,
      window: '24h',
      repeatKey: null,
      hasKey: true,
      bodyHash: 'a hash',
      onInvalidLine: 'fail',
      lines: async function* () {
        yield* lines;
      },
      ...order,
    });
  }

  async function begun(lines: readonly ReadLine[], order: Partial<BatchOrder> = {}): Promise<string> {
    const { batch } = await create(lines, order);
    if (!batch) throw new Error('the batch was refused');
    return batch.id;
  }

  async function read(id: string): Promise<BatchRow> {
    const batch = await findBatch(db, id);
    if (!batch) throw new Error(`no batch ${id}`);
    return batch;
  }

  async function advance(id: string) {
    const advanced = await advanceBatch(db, id);
    if (!advanced) throw new Error(`batch ${id} is not to be advanced`);
    return advanced;
  }

  /** The clip is made and costs so much, or its task fails. */
  async function finish(videoId: string, costMicroUsd: number | null): Promise<void> {
    const taskEnd = costMicroUsd === null ? { kind: 'failed' as const, upstream: { message: 'no' } } : SUCCEEDED;
    const ended = { state: 'ended', taskId: `task of ${videoId}`, taskEnd, costMicroUsd } as const;
    await insertSubmission(db, { id: `submission of ${videoId}`, videoId, ...ended });
    await db.update(videos).set({ submittedAt: new Date() }).where(eq(videos.id, videoId));
    const failure = { kind: 'upstream_failed', message: 'the task failed', upstream: null } as const;
    await (costMicroUsd === null
      ? endVideo(db, videoId, { state: 'failed', failure, archive: null })
      : endVideo(db, videoId, { state: 'completed', failure: null, archive: makeArchive() }));
  }

  const started = (lines: readonly { readonly id: string }[]) => lines.map(({ id }) => id);

  /** Advances it until it is to be written, each of its clips made at this cost, and ends it. */
  async function runToItsEnd(id: string, costMicroUsd: number | null = 1_000_000): Promise<void> {
    for (;;) {
      const { next, accepted } = await advance(id);
      if (next.step === 'write') break;
      for (const videoId of started(accepted)) await finish(videoId, costMicroUsd);
    }
    await endBatch(db, id, { outputFileId: null, errorFileId: null });
  }

  async function linesOf(id: string) {
    const rows = await listLines(db, id, { after: 0, limit: 1000 });
    return rows.map(({ line }) => line);
  }

  /** States of its lines, after they were compared with what the batch counts. */
  async function statesOf(id: string): Promise<Partial<Record<LineState, number>>> {
    const states = (await linesOf(id)).map(({ state }) => state);
    const counted: Partial<Record<LineState, number>> = {};
    for (const state of states) counted[state] = (counted[state] ?? 0) + 1;
    const { counts } = (await readProgress(db, [id]))(id);
    const positive = Object.fromEntries(Object.entries(counts).filter(([, lines]) => lines > 0));
    expect(positive).toEqual(counted);
    return counted;
  }

  const toldOf = async (id: string) => {
    const rows = await db.select().from(events).where(eq(events.videoId, id)).orderBy(asc(events.id));
    return rows.map(({ callerId, type }) => `${type} to ${callerId}`);
  };

  test('is counted line by line, costs what its clips settle, and is told of once', async () => {
    const id = await begun(goodLines(16));
    expect(workflows.told).toEqual([`start batch ${id}`]);
    expect(await statesOf(id)).toEqual({ queued: 16 });
    const { accepted, next } = await advance(id);
    expect([accepted.length, next.step]).toEqual([3 * SLOTS, 'wait']);
    expect(await statesOf(id)).toEqual({ queued: 4, running: 12 });
    const [first, second, third] = started(accepted);
    await finish(first ?? '', 900_000);
    await finish(second ?? '', null);
    // Three times the estimate is paid without asking; this waits for an operator.
    await finish(third ?? '', 3 * ESTIMATE + 1);
    await advance(id);
    expect(await statesOf(id)).toEqual({ queued: 1, running: 12, completed: 2, failed: 1 });
    expect((await read(id)).costMicroUsd).toBe(900_000);
    await settleReviewed(db, third ?? '', 2_000_000);
    expect((await read(id)).costMicroUsd).toBe(2_900_000);
    for (const { videoId, state } of await linesOf(id)) {
      if (state === 'running' && videoId) await finish(videoId, 1_000_000);
    }
    expect(await toldOf(id)).toEqual([]);
    await runToItsEnd(id);
    expect(await endBatch(db, id, { outputFileId: 'file-late', errorFileId: null })).toBe('completed');
    expect(await read(id)).toMatchObject({ state: 'completed', outputFileId: null, costMicroUsd: 15_900_000 });
    expect(await statesOf(id)).toEqual({ completed: 15, failed: 1 });
    expect(await toldOf(id)).toEqual(['batch.completed to caller_1']);
    expect((await balance(db, CALLER.id)).spentMicroUsd).toBe(15_900_000);
  });

  test('is told of the end of a clip where that gives it something to do', async () => {
    const id = await begun([...goodLines(12), good(13, { line: 2 })]);
    const clips = started((await advance(id)).accepted);
    expect(clips).toHaveLength(12);
    const wants: number[] = [];
    for (const [index, videoId] of clips.entries()) {
      await finish(videoId, 1_000_000);
      if (await wantsToKnow(db, id, videoId)) wants.push(index + 1);
    }
    // The second is what the thirteenth line starts from; with the fourth a third of them has ended.
    expect(wants).toEqual([2, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const last = await begun(goodLines(3));
    const begunLast = started((await advance(last)).accepted);
    const isTold: boolean[] = [];
    for (const videoId of begunLast) {
      await finish(videoId, 1_000_000);
      isTold.push(await wantsToKnow(db, last, videoId));
    }
    expect(isTold).toEqual([false, false, true]);
  });

  test('knows how long it still takes by what its model took lately', async () => {
    const id = await begun(goodLines(16));
    expect(await expectedMsLeft(db, id)).toBeNull();
    const { accepted } = await advance(id);
    for (const videoId of started(accepted)) await finish(videoId, 1);
    await db.update(videos).set({ submittedAt: sql`ended_at - interval '8 seconds'` });
    await advance(id);
    expect(await expectedMsLeft(db, id)).toBe((4 * 8000) / SLOTS);
  });

  test('that is refused is one that failed, told of, where that is wanted; else nothing of it is kept', async () => {
    const lines = [good(1), bad(2), good(3)];
    const kept = await create(lines, { keepsRefused: true });
    expect(kept).toMatchObject({ isRefused: true, total: 2, invalid: [{ line: 2 }] });
    const id = kept.batch?.id ?? '';
    expect(await read(id)).toMatchObject({ state: 'failed', total: 2, failed: 0, invalid: [{ line: 2 }] });
    expect(await linesOf(id)).toEqual([]);
    expect(await toldOf(id)).toEqual(['batch.failed to caller_1']);
    const callbackUrl = 'https://studio.example/hook';
    const forgotten = await create(lines, { callbackUrl });
    expect(forgotten).toMatchObject({ isRefused: true, batch: null, invalid: [{ line: 2 }] });
    expect(await db.$count(batchTable)).toBe(1);
    expect(await db.$count(batchLines)).toBe(0);
    expect(await db.$count(callbacks)).toBe(0);
    expect(workflows.told).toEqual([]);
    const skipping = await begun(lines, { onInvalidLine: 'skip' });
    expect(await statesOf(skipping)).toEqual({ queued: 2, failed: 1 });
  });

  test('whose manifest cannot be read to its end is refused, also where bad lines are to be skipped', async () => {
    const unreadable: ReadLine = { kind: 'unreadable', invalid: { line: 3, code: 'invalid_line', message: 'a quote' } };
    const lines = [good(1), good(2), unreadable];
    const refused = { isRefused: true, total: 0, estimateMicroUsd: 0, invalid: [{ line: 3 }] };
    expect(await create(lines, { onInvalidLine: 'skip' })).toMatchObject({ ...refused, batch: null });
    const kept = await create(lines, { onInvalidLine: 'skip', keepsRefused: true });
    expect(kept).toMatchObject({ ...refused, batch: { state: 'failed' } });
    expect(workflows.told).toEqual([]);
  });

  test('goes on with the lines of one model where those of another wait', async () => {
    const modelOf = (line: number) => (line % 2 === 0 ? 'kling-1' : 'wan-2.6');
    const id = await begun(Array.from({ length: 60 }, (_, n) => good(n + 1, null, modelOf(n + 1))));
    const begunOf = async () => (await linesOf(id)).filter(({ state }) => state === 'running').map(({ line }) => line);
    await advance(id);
    expect(await begunOf()).toEqual([1, 2, 3, 4, 5, 6, 7, 9, 11, 13, 15, 17, 19, 21, 23]);
    // Clips of the one come and go, and none of the other.
    for (let step = 0; step < 3; step += 1) {
      for (const { line, state, videoId } of await linesOf(id)) {
        if (state === 'running' && videoId && modelOf(line) === 'wan-2.6') await finish(videoId, 1_000_000);
      }
      await advance(id);
    }
    expect(await statesOf(id)).toEqual({ queued: 27, running: 3, completed: 30 });
  });

  test('whose estimate is more than the credit is refused before anything is held', async () => {
    await setCredit(db, { callerId: CALLER.id, creditMicroUsd: 2 * ESTIMATE });
    const kept = await create(goodLines(3), { keepsRefused: true });
    expect(kept.batch).toMatchObject({ state: 'failed', invalid: [{ line: 0, code: 'insufficient_credit' }] });
    await expect(create(goodLines(3))).rejects.toMatchObject({ kind: 'insufficient_credit' });
    expect(await balance(db, CALLER.id)).toMatchObject({ heldMicroUsd: 0, availableMicroUsd: 2 * ESTIMATE });
    expect(await db.$count(batchTable)).toBe(1);
  });

  test('whose credit is spent by others meanwhile goes on when there is some again', async () => {
    await setCredit(db, { callerId: CALLER.id, creditMicroUsd: 3 * ESTIMATE });
    const id = await begun(goodLines(3));
    await setCredit(db, { callerId: CALLER.id, creditMicroUsd: ESTIMATE });
    expect((await advance(id)).accepted).toHaveLength(1);
    expect(await statesOf(id)).toEqual({ queued: 2, running: 1 });
    await inTransaction(db, (tx) => credit(tx, { callerId: CALLER.id, amountMicroUsd: 2 * ESTIMATE }));
    expect((await advance(id)).accepted).toHaveLength(2);
    expect(await balance(db, CALLER.id)).toMatchObject({ heldMicroUsd: 3 * ESTIMATE, availableMicroUsd: 0 });
  });

  test('whose validation was lost with its process has failed, and its key is free', async () => {
    const stuck = { repeatKey: 'key k', lines: () => ({ [Symbol.asyncIterator]: () => ({ next: () => never }) }) };
    let lose: (reason: Error) => void = () => undefined;
    const never = new Promise<IteratorResult<ReadLine>>((_, reject) => {
      lose = reject;
    });
    const creating = create([], stuck);
    const isEntered = async () => (await db.$count(batchTable)) === 1;
    while (!(await isEntered())) await new Promise((resolve) => setTimeout(resolve, 5));
    const [lost] = await db.select().from(batchTable);
    // A worker that takes its own time for the catalog's would end it.
    if (catalog.databaseUrl !== null) await withClockAhead(3_600_000, () => endLostValidations({ db }));
    expect(await read(lost?.id ?? '')).toMatchObject({ state: 'validating' });
    await endUnvalidated(db, new Date(Date.now() + 1000), 10);
    expect(await read(lost?.id ?? '')).toMatchObject({ state: 'failed', invalid: [{ code: 'interrupted' }] });
    expect(await toldOf(lost?.id ?? '')).toEqual(['batch.failed to caller_1']);
    lose(new Error('the process is gone'));
    await expect(creating).rejects.toThrow('the process is gone');
    expect(await read(lost?.id ?? '')).toMatchObject({ state: 'failed' });
    expect(await begun(goodLines(1), { repeatKey: 'key k' })).not.toBe(lost?.id);
  });

  test('has its time by the clock of the catalog, whatever that of the gateway says', async () => {
    if (catalog.databaseUrl === null) return;
    const batch = await read(await withClockAhead(-86_400_000, () => begun(goodLines(1), { window: '1h' })));
    for (const at of [batch.createdAt, batch.startedAt]) expect(Number(at)).toBeGreaterThan(Date.now() - 600_000);
    expect(batch.expiresAt.getTime()).toBeGreaterThan(Date.now());
  });

  test('that comes again while it is validated is the same, or refused like it; one that was lost is made anew', async () => {
    const isLost = { createdAt: new Date(0) };
    let goOn: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    async function* held() {
      await gate;
      yield* [...goodLines(2), bad(3)];
    }
    const isEntered = async () => (await db.$count(batchTable)) > 0;
    const lost = create([], { repeatKey: 'key k', lines: held }).catch((error: unknown) => error);
    while (!(await isEntered())) await new Promise((resolve) => setTimeout(resolve, 5));
    const [first] = await db.select().from(batchTable);
    // The same create twice more, of which one stands in for the first and the other waits for it.
    const again = [1, 2].map(() => create(goodLines(2), { repeatKey: 'key k' }));
    await db.update(batchTable).set(isLost);
    const [one, other] = await Promise.all(again);
    expect(one).toMatchObject({ total: 2, isRefused: false });
    expect(other).toMatchObject({ total: 2, batch: { id: one?.batch?.id ?? '', state: 'in_progress' } });
    expect(one?.batch?.id).not.toBe(first?.id);
    // It was not lost after all: what it goes on with belongs to nothing.
    goOn();
    expect(await lost).toMatchObject({ kind: 'unavailable' });
    expect(await read(first?.id ?? '')).toMatchObject({ state: 'failed', invalid: [{ code: 'interrupted' }] });
    expect(await linesOf(first?.id ?? '')).toEqual([]);
    const refused = await Promise.all([1, 2].map(() => create([bad(1)], { repeatKey: 'key of a bad one' })));
    expect(refused).toMatchObject([1, 2].map(() => ({ isRefused: true, batch: null, invalid: [{ line: 1 }] })));
  });

  test('that is cancelled while it is validated begins nothing', async () => {
    const lines = async function* () {
      yield good(1);
      const [validating] = await db.select().from(batchTable);
      await batches.cancel(CALLER, validating?.id ?? '');
      expect(await read(validating?.id ?? '')).toMatchObject({ state: 'validating' });
      yield good(2);
    };
    const id = await begun([], { lines });
    expect(await read(id)).toMatchObject({ state: 'cancelling', queued: 2 });
    await runToItsEnd(id);
    expect(await statesOf(id)).toEqual({ cancelled: 2 });
    expect(await toldOf(id)).toEqual(['batch.cancelled to caller_1']);
  });

  test('is the same for the same key, also at the same time, and refused with another manifest', async () => {
    const key = { repeatKey: 'key k' };
    const ids = await Promise.all([1, 2, 3].map(() => begun(goodLines(2), key)));
    expect(new Set(ids).size).toBe(1);
    await expect(create(goodLines(3), { ...key, bodyHash: 'another' })).rejects.toMatchObject({
      kind: 'idempotency_mismatch',
    });
    await runToItsEnd(ids[0] ?? '');
    expect(await begun(goodLines(2), key)).toBe(ids[0]);
    // A create without a key is the same as long as its batch has not ended.
    const file = { repeatKey: 'file f', hasKey: false };
    const first = await begun(goodLines(1), { ...file, bodyHash: 'one' });
    expect(await begun(goodLines(1), { ...file, bodyHash: 'two' })).toBe(first);
    await runToItsEnd(first);
    expect(await begun(goodLines(1), file)).not.toBe(first);
  });

  test('is made again once, however often that is asked for, as the same lines', async () => {
    const id = await begun([good(1), good(2), good(3, { line: 2 }), bad(4)], { onInvalidLine: 'skip' });
    await expect(batches.retry(CALLER, id)).rejects.toMatchObject({ kind: 'conflict' });
    const [first, second] = started((await advance(id)).accepted);
    await finish(first ?? '', 1_000_000);
    await finish(second ?? '', null);
    await runToItsEnd(id);
    expect((await linesOf(id)).map(({ state, code }) => [state, code])).toEqual([
      ['completed', null],
      ['failed', null],
      ['failed', 'start_failed'],
      ['failed', 'invalid_line'],
    ]);
    const image = sql`jsonb_set(request, '{images}', '[{"kind": "stored", "sha256": "abc"}]')`;
    await db.update(batchLines).set({ request: image }).where(eq(batchLines.line, 2));
    const again = await Promise.all([1, 2, 3].map(() => batches.retry(CALLER, id)));
    const [newId = ''] = again.map((batch) => batch.id);
    expect(again.map((batch) => batch.id)).toEqual([newId, newId, newId]);
    expect(await read(newId)).toMatchObject({ state: 'in_progress', retryOf: id, total: 2, models: { 'wan-2.6': 2 } });
    expect(await statesOf(newId)).toEqual({ queued: 2 });
    expect((await linesOf(newId)).map((each) => [each.line, each.customId, each.startFromLine])).toEqual([
      [2, 'c2', null],
      [3, 'c3', 2],
    ]);
    const clipOf = (line: number) => `video_${newId.slice('batch_'.length)}-${line}`;
    expect((await linesOf(newId))[1]?.startFromVideo).toBe(clipOf(2));
    expect(await db.select({ id: inputImageUses.videoId }).from(inputImageUses)).toEqual([{ id: clipOf(2) }]);
    expect(workflows.told.filter((told) => told.endsWith(newId))).toEqual([`start batch ${newId}`]);
  });

  test('whose lines all completed cannot be made again', async () => {
    const id = await begun(goodLines(1));
    await runToItsEnd(id);
    await expect(batches.retry(CALLER, id)).rejects.toMatchObject({ kind: 'conflict' });
    expect(await db.$count(batchTable)).toBe(1);
  });

  test('ends as expired when its window is over before all of its lines began', async () => {
    const id = await begun(goodLines(14));
    const { accepted } = await advance(id);
    await db.insert(inputImageUses).values({ sha256: 'abc', videoId: `video_${id.slice('batch_'.length)}-14` });
    await db.update(batchTable).set({ expiresAt: new Date(Date.now() - 1) });
    await advance(id);
    expect(await statesOf(id)).toEqual({ running: 12, expired: 2 });
    const [waits, ...others] = started(accepted);
    const failure = { kind: 'deadline_exceeded', message: 'no slot in time', upstream: null } as const;
    await endVideo(db, waits ?? '', { state: 'expired', failure, archive: null });
    for (const videoId of others) await finish(videoId, 1_000_000);
    await runToItsEnd(id);
    expect(await statesOf(id)).toEqual({ completed: 11, expired: 3 });
    const codes = (await linesOf(id)).filter(({ state }) => state === 'expired').map(({ code }) => code);
    expect(codes).toEqual(['batch_expired', 'batch_expired', 'batch_expired']);
    expect(await toldOf(id)).toEqual(['batch.expired to caller_1']);
    const uses = await db.select().from(inputImageUses);
    expect(uses.map(({ endedAt }) => endedAt !== null)).toEqual([true]);
    expect(await balance(db, CALLER.id)).toMatchObject({ heldMicroUsd: 0, spentMicroUsd: 11_000_000 });
  });

  test('that is cancelled at half finishes what was submitted, and pays that alone', async () => {
    const id = await begun(goodLines(24));
    const { accepted } = await advance(id);
    for (const videoId of started(accepted)) await finish(videoId, 1_000_000);
    const running = started((await advance(id)).accepted);
    // Four of twelve have been submitted.
    for (const videoId of running.slice(0, SLOTS)) await db.delete(waiting).where(eq(waiting.videoId, videoId));
    await batches.cancel(CALLER, id);
    const { toCancel } = await advance(id);
    expect(toCancel.toSorted()).toEqual(running.slice(SLOTS).toSorted());
    // One more is granted its slot before it is its turn to be cancelled.
    await db.delete(waiting).where(eq(waiting.videoId, toCancel.at(-1) ?? ''));
    const cancelled: string[] = [];
    for (const videoId of toCancel) if (await wishWaitingCancelled(db, videoId)) cancelled.push(videoId);
    expect(cancelled).toEqual(toCancel.slice(0, -1));
    const failure = { kind: 'cancelled', message: 'its batch was cancelled', upstream: null } as const;
    for (const videoId of cancelled) await endVideo(db, videoId, { state: 'cancelled', failure, archive: null });
    for (const videoId of running.filter((each) => !cancelled.includes(each))) await finish(videoId, 1_000_000);
    await runToItsEnd(id);
    expect(await statesOf(id)).toEqual({ completed: 17, cancelled: 7 });
    expect(await toldOf(id)).toEqual(['batch.cancelled to caller_1']);
    expect(await balance(db, CALLER.id)).toMatchObject({ heldMicroUsd: 0, spentMicroUsd: 17_000_000 });
    await batches.cancel(CALLER, id);
    expect(await read(id)).toMatchObject({ state: 'cancelled', costMicroUsd: 17_000_000 });
  });

  test('fails what starts from a clip that failed, through the whole chain', async () => {
    const id = await begun([good(1), good(2, { line: 1 }), good(3, { line: 2 }), good(4)]);
    const [first, other] = started((await advance(id)).accepted);
    await finish(first ?? '', null);
    await finish(other ?? '', 1_000_000);
    await runToItsEnd(id);
    expect((await linesOf(id)).map(({ state, code, message }) => [state, code, message])).toEqual([
      ['failed', null, null],
      ['failed', 'start_failed', 'the clip that it starts from ended as failed'],
      ['failed', 'start_failed', 'the clip that it starts from ended as failed'],
      ['completed', null, null],
    ]);
    expect(await statesOf(id)).toEqual({ completed: 1, failed: 3 });
  });

  test('goes with its lines and what was told of it when it ended long ago', async () => {
    const old = await begun(goodLines(3));
    await runToItsEnd(old);
    const young = await begun(goodLines(2));
    await runToItsEnd(young);
    const endedAt = new Date(Date.now() - 40 * 86_400_000);
    await db.update(batchTable).set({ endedAt }).where(eq(batchTable.id, old));
    expect(await removeOld({ db, keepDays: 30 })).toBe(4);
    expect(await findBatch(db, old)).toBeNull();
    expect([await toldOf(old), await linesOf(old)]).toEqual([[], []]);
    expect(await statesOf(young)).toEqual({ completed: 2 });
    expect(await toldOf(young)).toEqual(['batch.completed to caller_1']);
  });
});
