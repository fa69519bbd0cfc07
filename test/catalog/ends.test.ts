/** Ends of videos: what becomes of the money in each of them, at once or when the task is over. */

import { costs } from '../../src/catalog/costs.ts';
import { inTransaction } from '../../src/catalog/driver/database.ts';
import { settleLateEnd } from '../../src/catalog/ends.ts';
import { markRunning, voidSubmission } from '../../src/catalog/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { lockVideo } from '../../src/catalog/videos.ts';
import { deliveredAt } from '../../src/domain/clip-delivery.ts';
import { VIDEO_FAILURES, type VideoFailureKind } from '../../src/domain/failure.ts';
import type { EndState } from '../../src/domain/video.ts';
import {
  CANCELLED,
  closeLate,
  ESTIMATE,
  end,
  ended,
  entries,
  FAILED,
  HELD,
  makeHeld,
  RELEASED,
  read,
  type Situation,
  SUCCEEDED,
  settledAt,
} from '../model/held-video.ts';
import { insertSubmission } from './rows.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

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
    name: 'a failed video pays nothing though it cost something',
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

  // A lost answer is no end once the task is known.
  test.each(Object.entries(VIDEO_FAILURES).filter(([kind]) => kind !== 'answer_lost'))(
    'is what the failure %s charges',
    async (kind, { charge }) => {
      const { db } = catalog.database;
      await makeHeld(db, { submission: made });
      const state = kind === 'cancelled' ? 'cancelled' : 'failed';
      await end(db, state, { kind: kind as VideoFailureKind, message: 'no', upstream: null });
      expect(await entries(db)).toEqual(charge === 'none' ? RELEASED : settledAt(800_000));
    },
  );

  test.each([
    [-1000, null, 'it had not ended by the time that its create gave (x-end-before)'],
    [60_000, null, CANCELLED.message],
    [-1000, new Date(), CANCELLED.message],
  ])('says whether its time or somebody cancelled it (%d ms, %p)', async (leftMs, cancelRequestedAt, message) => {
    const { db } = catalog.database;
    await makeHeld(db, {});
    await db.update(videos).set({ endBeforeAt: new Date(Date.now() + leftMs), cancelRequestedAt });
    await end(db, 'cancelled', CANCELLED);
    expect(await read(db)).toMatchObject({ failure: { kind: 'cancelled', message } });
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

  test('of a video whose caller was brought its clip is settled, also where that took longer than it is kept for', async () => {
    const { db } = catalog.database;
    await makeHeld(db, { submission: made });
    await db.update(videos).set({ expiresAt: new Date(Date.now() - 60_000), delivery: deliveredAt(new Date()) });
    await end(db, 'completed');
    expect(await entries(db)).toEqual(settledAt(800_000));
    expect(await read(db)).toMatchObject({ state: 'completed', delivery: { state: 'delivered' } });
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

  test.each([
    ['there', 'completed', null],
    ['given up', 'failed', { kind: 'result_expired', message: 'its link was dead', upstream: null }],
  ] as const)(
    'of a clip that is %s only after its expiry comes back, and what it cost is lost',
    async (_what, state, failure) => {
      const { db } = catalog.database;
      await makeHeld(db, { submission: made });
      await db.update(videos).set({ expiresAt: new Date(Date.now() - 60_000) });
      const { end: late } = await end(db, state, failure);
      expect(late).toMatchObject({ state: 'expired', settledMicroUsd: 0, failure: { kind: 'deadline_exceeded' } });
      expect(await read(db)).toMatchObject({ state: 'expired', archive: null, upstreamMicroUsd: 800_000 });
      expect(await entries(db)).toEqual(RELEASED);
      const sums = { settledMicroUsd: 0, lostMicroUsd: 800_000 };
      expect(await costs(db, { callerId: null, groupBy: [] })).toMatchObject([sums]);
    },
  );

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
