/** Ends of videos: what becomes of the money in each of them, once, and what a doubt about the task changes. */

import { asc, eq } from 'drizzle-orm';
import { createCaller } from '../../src/catalog/callers.ts';
import type { Db } from '../../src/catalog/database.ts';
import { inTransaction } from '../../src/catalog/database.ts';
import { endVideo, settleLateEnd, toEndedVideo } from '../../src/catalog/ends.ts';
import { hold } from '../../src/catalog/ledger.ts';
import { callers, events, ledger, submissions, videos } from '../../src/catalog/schema.ts';
import type { TaskEnd } from '../../src/catalog/submission-states.ts';
import { closeSubmission, findSubmission, markRunning, voidSubmission } from '../../src/catalog/submissions.ts';
import { findVideo, lockVideo } from '../../src/catalog/videos.ts';
import type { VideoFailure } from '../../src/domain/failure.ts';
import type { DialectName } from '../../src/domain/vendor.ts';
import type { EndState } from '../../src/domain/video.ts';
import { makeArchive } from '../builders.ts';
import { insertSubmission, insertVideo } from './rows.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

const ESTIMATE = 1_000_000;
const CREDIT = 10_000_000;

const SUCCEEDED: TaskEnd = {
  kind: 'succeeded',
  resultUrl: 'https://cdn.example/clip.mp4',
  needsKey: false,
  expiresAt: '2026-03-02T12:00:00.000Z',
};
const FAILED: TaskEnd = { kind: 'failed', upstream: { message: 'no' } };
const CANCELLED: VideoFailure = { kind: 'cancelled', message: 'by its caller', upstream: null };
const ANSWER_LOST: VideoFailure = { kind: 'answer_lost', message: 'nobody knows', upstream: null };

type Submission = Partial<typeof submissions.$inferInsert>;

interface Situation {
  readonly dialect?: DialectName;
  /** The video's submission; none when it never had a slot. */
  readonly submission?: Submission;
}

/** A held video of a caller with ten dollars. */
async function makeHeld(db: Db, { dialect = 'airforce', submission }: Situation = {}): Promise<string> {
  const { caller } = await createCaller(db, { name: 'studio', creditMicroUsd: CREDIT });
  await insertVideo(db, { id: 'video_1', callerId: caller.id, dialect, estimateMicroUsd: ESTIMATE });
  const money = { callerId: caller.id, videoId: 'video_1', amountMicroUsd: ESTIMATE };
  await inTransaction(db, (tx) => hold(tx, money));
  if (submission) await insertSubmission(db, { id: 'submission_1', videoId: 'video_1', ...submission });
  return caller.id;
}

function end(db: Db, state: EndState, failure: VideoFailure | null = null) {
  return endVideo(db, 'video_1', { state, failure, archive: state === 'completed' ? makeArchive() : null });
}

async function read(db: Db) {
  const video = await findVideo(db, 'video_1');
  if (!video) throw new Error('the video is gone');
  return video;
}

/** The effects on the caller's money by kind, after they were compared with the caller's columns. */
async function entries(db: Db): Promise<Record<string, number>> {
  const [caller] = await db.select().from(callers);
  const rows = await db.select().from(ledger).orderBy(asc(ledger.id));
  expect(caller?.availableMicroUsd).toBe(rows.reduce((sum, row) => sum + row.amountMicroUsd, 0));
  const own = rows.filter(({ kind }) => kind !== 'credit');
  return Object.fromEntries(own.map(({ kind, amountMicroUsd }) => [kind, amountMicroUsd]));
}

/** The task is over, as the poll that sees it records that. */
async function closeLate(db: Db, taskEnd: TaskEnd, costMicroUsd: number): Promise<void> {
  await inTransaction(db, async (tx) => {
    const video = await lockVideo(tx, 'video_1');
    const closed = await closeSubmission(tx, 'submission_1', { taskEnd, costMicroUsd });
    if (video && closed) await settleLateEnd(tx, video, closed);
  });
}

const HELD = { hold: -ESTIMATE };
const RELEASED = { hold: -ESTIMATE, release: ESTIMATE };
const settledAt = (amount: number) => ({ hold: -ESTIMATE, release: ESTIMATE, settle: -amount });

const ended = (taskEnd: TaskEnd, costMicroUsd: number): Submission => ({
  state: 'ended',
  taskId: 'task_1',
  taskEnd,
  costMicroUsd,
});

interface MoneyRule extends Situation {
  readonly name: string;
  readonly state: EndState;
  readonly entries: Record<string, number>;
  readonly settled: number | null;
  readonly upstream: number | null;
}

const made = ended(SUCCEEDED, 800_000);

const RULES: readonly MoneyRule[] = [
  {
    name: 'a completed video pays the bill',
    state: 'completed',
    submission: made,
    entries: settledAt(800_000),
    settled: 800_000,
    upstream: 800_000,
  },
  {
    name: 'a completed video of a dialect that debits at creation pays the estimate',
    dialect: 'airforce-2024',
    state: 'completed',
    submission: made,
    entries: settledAt(ESTIMATE),
    settled: ESTIMATE,
    upstream: 800_000,
  },
  {
    name: 'a bill of three estimates is paid',
    state: 'completed',
    submission: ended(SUCCEEDED, 3 * ESTIMATE),
    entries: settledAt(3 * ESTIMATE),
    settled: 3 * ESTIMATE,
    upstream: 3 * ESTIMATE,
  },
  {
    name: 'a bill above three estimates waits for review',
    state: 'completed',
    submission: ended(SUCCEEDED, 3 * ESTIMATE + 1),
    entries: HELD,
    settled: null,
    upstream: 3 * ESTIMATE + 1,
  },
  {
    name: 'a failed video pays nothing whatever it cost',
    state: 'failed',
    submission: ended(FAILED, 500_000),
    entries: RELEASED,
    settled: 0,
    upstream: 500_000,
  },
  {
    name: 'a video that expires in the queue pays nothing',
    state: 'expired',
    entries: RELEASED,
    settled: 0,
    upstream: null,
  },
  {
    name: 'a video that expires while its task runs pays nothing',
    state: 'expired',
    submission: { state: 'running', taskId: 'task_1' },
    entries: RELEASED,
    settled: 0,
    upstream: null,
  },
  {
    name: 'a video cancelled in the queue pays nothing',
    state: 'cancelled',
    entries: RELEASED,
    settled: 0,
    upstream: null,
  },
  {
    name: 'a video cancelled before its create pays nothing',
    state: 'cancelled',
    submission: { state: 'granted' },
    entries: RELEASED,
    settled: 0,
    upstream: null,
  },
  {
    name: 'a video cancelled while its create is sent keeps its hold',
    state: 'cancelled',
    submission: { state: 'sending' },
    entries: HELD,
    settled: null,
    upstream: null,
  },
  {
    name: 'a video cancelled in doubt keeps its hold',
    state: 'cancelled',
    submission: { state: 'unconfirmed' },
    entries: HELD,
    settled: null,
    upstream: null,
  },
  {
    name: 'a video cancelled while its task runs keeps its hold',
    state: 'cancelled',
    submission: { state: 'running', taskId: 'task_1' },
    entries: HELD,
    settled: null,
    upstream: null,
  },
  {
    name: 'a video cancelled while it is archived pays the bill',
    state: 'cancelled',
    submission: made,
    entries: settledAt(800_000),
    settled: 800_000,
    upstream: 800_000,
  },
  {
    name: 'a video cancelled after its task failed pays nothing',
    state: 'cancelled',
    submission: ended(FAILED, 0),
    entries: RELEASED,
    settled: 0,
    upstream: 0,
  },
];

describeOnBothCatalogs('the money of an end', (catalog) => {
  test.each(RULES)('$name', async ({ state, entries: expected, settled, upstream, ...situation }) => {
    const { db } = catalog.database;
    await makeHeld(db, situation);
    await end(db, state, state === 'cancelled' ? CANCELLED : null);
    expect(await read(db)).toMatchObject({ state, settledMicroUsd: settled, upstreamMicroUsd: upstream });
    expect(await entries(db)).toEqual(expected);
  });

  const running = { submission: { state: 'running', taskId: 'task_1' } } as const;

  test('of a cancelled video follows its task that completes', async () => {
    const { db } = catalog.database;
    await makeHeld(db, running);
    await end(db, 'cancelled', CANCELLED);
    await closeLate(db, SUCCEEDED, 700_000);
    expect(await entries(db)).toEqual(settledAt(700_000));
    expect(await read(db)).toMatchObject({ state: 'cancelled', settledMicroUsd: 700_000 });
  });

  test('of a cancelled video comes back when its task fails', async () => {
    const { db } = catalog.database;
    await makeHeld(db, running);
    await end(db, 'cancelled', CANCELLED);
    await closeLate(db, FAILED, 700_000);
    expect(await entries(db)).toEqual(RELEASED);
    expect(await read(db)).toMatchObject({ settledMicroUsd: 0, upstreamMicroUsd: 700_000 });
  });

  test('of a cancelled video waits for review when overbilled', async () => {
    const { db } = catalog.database;
    await makeHeld(db, running);
    await end(db, 'cancelled', CANCELLED);
    await closeLate(db, SUCCEEDED, 4 * ESTIMATE);
    expect(await entries(db)).toEqual(HELD);
  });

  test('of a video made twice is the cost of what was delivered', async () => {
    const { db } = catalog.database;
    await makeHeld(db, { submission: { state: 'void', costMicroUsd: ESTIMATE } });
    await insertSubmission(db, { id: 'submission_2', videoId: 'video_1', n: 2, ...made });
    await end(db, 'completed');
    expect(await entries(db)).toEqual(settledAt(800_000));
    expect(await read(db)).toMatchObject({ settledMicroUsd: 800_000, upstreamMicroUsd: ESTIMATE + 800_000 });
  });

  test('of an expired video stays released when a bill comes late', async () => {
    const { db } = catalog.database;
    await makeHeld(db, running);
    await end(db, 'expired');
    await closeLate(db, SUCCEEDED, 900_000);
    expect(await entries(db)).toEqual(RELEASED);
    expect(await read(db)).toMatchObject({ state: 'expired', settledMicroUsd: 0, upstreamMicroUsd: 900_000 });
  });

  test('of a video cancelled in doubt comes back when no task was made', async () => {
    const { db } = catalog.database;
    await makeHeld(db, { submission: { state: 'unconfirmed' } });
    await end(db, 'cancelled', CANCELLED);
    await inTransaction(db, async (tx) => {
      const video = await lockVideo(tx, 'video_1');
      const voided = await voidSubmission(tx, 'submission_1', null);
      if (video && voided) await settleLateEnd(tx, video, voided);
    });
    expect(await entries(db)).toEqual(RELEASED);
    expect(await read(db)).toMatchObject({ state: 'cancelled', settledMicroUsd: 0 });
  });

  test('of a video cancelled in doubt follows the task that is found', async () => {
    const { db } = catalog.database;
    await makeHeld(db, { submission: { state: 'unconfirmed' } });
    await end(db, 'cancelled', CANCELLED);
    await markRunning(db, 'submission_1', 'task_1');
    await closeLate(db, SUCCEEDED, 600_000);
    expect(await entries(db)).toEqual(settledAt(600_000));
  });
});

describeOnBothCatalogs('an end', (catalog) => {
  test('stands, with one event, whatever comes second', async () => {
    const { db } = catalog.database;
    await makeHeld(db, { submission: made });
    const first = await end(db, 'completed');
    const second = await end(db, 'cancelled', CANCELLED);
    expect(second).toEqual({ end: first.end, grants: [] });
    expect(await read(db)).toMatchObject({ state: 'completed', progress: 100, failure: null });
    expect(await db.select().from(events)).toMatchObject([{ videoId: 'video_1', type: 'video.completed' }]);
    expect(await entries(db)).toEqual(settledAt(800_000));
  });

  test('comes once when twenty come at the same time', async () => {
    const { db } = catalog.database;
    await makeHeld(db, { submission: made });
    const states: readonly EndState[] = ['completed', 'failed', 'cancelled', 'expired'];
    const ends = await Promise.all(Array.from({ length: 20 }, (_, i) => end(db, states[i % 4] ?? 'failed')));
    expect(new Set(ends.map((one) => JSON.stringify(one.end))).size).toBe(1);
    expect(await db.select().from(events)).toHaveLength(1);
    await entries(db);
  });

  test.each([
    ['completed', 'video.completed'],
    ['failed', 'video.failed'],
    ['expired', 'video.failed'],
    ['cancelled', 'video.cancelled'],
  ] as const)('%s is the event %s', async (state, type) => {
    const { db } = catalog.database;
    const callerId = await makeHeld(db);
    await end(db, state);
    expect(await db.select().from(events)).toMatchObject([{ type, callerId }]);
  });

  test('needs a video that is in the catalog', async () => {
    const { db } = catalog.database;
    await expect(end(db, 'failed')).rejects.toThrow('video video_1 is not in the catalog');
  });

  test('shows what workflows need of it', async () => {
    const { db } = catalog.database;
    await makeHeld(db, { submission: made });
    await end(db, 'completed');
    const [row] = await db.select().from(videos);
    if (!row) throw new Error('the video is gone');
    const { sha256, sizeBytes } = makeArchive();
    expect(toEndedVideo(row)).toMatchObject({ state: 'completed', settledMicroUsd: 800_000, sha256, sizeBytes });
    expect(() => toEndedVideo({ ...row, endedAt: null })).toThrow('has not ended');
  });

  test('leaves a create alone that may be on its way', async () => {
    const { db } = catalog.database;
    await makeHeld(db, { submission: { state: 'sending' } });
    await end(db, 'cancelled', CANCELLED);
    expect(await findSubmission(db, 'submission_1')).toMatchObject({ state: 'sending' });
  });
});

describeOnBothCatalogs('an end for a lost answer', (catalog) => {
  test.each(['sending', 'unconfirmed'] as const)('takes the slot of a create that is %s', async (state) => {
    const { db } = catalog.database;
    await makeHeld(db, { submission: { state } });
    expect((await end(db, 'failed', ANSWER_LOST)).end).toMatchObject({ state: 'failed' });
    expect(await findSubmission(db, 'submission_1')).toMatchObject({ state: 'void' });
    expect(await entries(db)).toEqual(RELEASED);
  });

  test.each([{ state: 'running', taskId: 'task_1' }, { state: 'granted' }, { state: 'void' }] as const)(
    'is none when the doubt is over: $state',
    async (submission) => {
      const { db } = catalog.database;
      await makeHeld(db, { submission });
      expect(await end(db, 'failed', ANSWER_LOST)).toEqual({ end: null, grants: [] });
      expect(await read(db)).toMatchObject({ state: 'queued', endedAt: null });
      expect(await findSubmission(db, 'submission_1')).toMatchObject({ state: submission.state });
      expect(await entries(db)).toEqual(HELD);
    },
  );

  test('frees what a video cancelled before still held', async () => {
    const { db } = catalog.database;
    await makeHeld(db, { submission: { state: 'unconfirmed' } });
    const first = await end(db, 'cancelled', CANCELLED);
    const second = await end(db, 'failed', ANSWER_LOST);
    expect(second.end).toEqual(first.end);
    expect(await read(db)).toMatchObject({ state: 'cancelled', settledMicroUsd: 0 });
    const [row] = await db.select().from(submissions).where(eq(submissions.id, 'submission_1'));
    expect(row?.state).toBe('void');
    expect(await entries(db)).toEqual(RELEASED);
  });
});
