/** An end comes once, and one for a lost answer only while it is not known what became of the create. */

import { eq } from 'drizzle-orm';
import { toEndedVideo } from '../../src/catalog/ends.ts';
import { findSubmission } from '../../src/catalog/submissions.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { events, videos } from '../../src/catalog/tables/videos.ts';
import type { EndState } from '../../src/domain/video.ts';
import { makeArchive } from '../builders.ts';
import {
  ANSWER_LOST,
  CANCELLED,
  end,
  ended,
  entries,
  HELD,
  makeHeld,
  RELEASED,
  read,
  SUCCEEDED,
  settledAt,
} from '../model/held-video.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

const made = ended(SUCCEEDED, 800_000);

describeOnBothCatalogs('an end', (catalog) => {
  test('stands, with one event, against all that come second', async () => {
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
    ['expired', 'video.expired'],
    ['cancelled', 'video.cancelled'],
  ] as const)('%s is the event %s', async (state, type) => {
    const { db } = catalog.database;
    const callerId = await makeHeld(db);
    await end(db, state);
    expect(await db.select().from(events)).toMatchObject([{ type, callerId }]);
  });

  test('is none of a video that this copy of the catalog does not have', async () => {
    const { db } = catalog.database;
    expect(await end(db, 'failed')).toEqual({ end: null, grants: [], isBehind: true });
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
