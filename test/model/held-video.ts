/** A video of a caller with ten dollars, held at one: how it ends, and what its caller paid. */

import { asc } from 'drizzle-orm';
import { createCaller } from '../../src/catalog/callers.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { inTransaction } from '../../src/catalog/driver/database.ts';
import { endVideo, settleLateEnd } from '../../src/catalog/ends.ts';
import { closeSubmission } from '../../src/catalog/submissions.ts';
import { callers, ledger } from '../../src/catalog/tables/callers.ts';
import type { submissions } from '../../src/catalog/tables/submissions.ts';
import { findVideo, lockVideo } from '../../src/catalog/videos.ts';
import type { VideoFailure } from '../../src/domain/failure.ts';
import type { TaskEnd } from '../../src/domain/submission.ts';
import type { DialectName } from '../../src/domain/vendor.ts';
import type { EndState } from '../../src/domain/video.ts';
import { makeArchive } from '../builders.ts';
import { hold } from '../catalog/hold.ts';
import { insertSubmission, insertVideo } from '../catalog/rows.ts';

export const ESTIMATE = 1_000_000;
const CREDIT = 10_000_000;

export const SUCCEEDED: TaskEnd = {
  kind: 'succeeded',
  resultUrl: 'https://cdn.example/clip.mp4',
  needsKey: false,
  expiresAt: '2026-03-02T12:00:00.000Z',
};
export const FAILED: TaskEnd = { kind: 'failed', upstream: { message: 'no' } };
export const CANCELLED: VideoFailure = { kind: 'cancelled', message: 'by its caller', upstream: null };
export const ANSWER_LOST: VideoFailure = { kind: 'answer_lost', message: 'it is not known', upstream: null };

export type Submission = Partial<typeof submissions.$inferInsert>;

export interface Situation {
  readonly dialect?: DialectName;
  /** The video's submission; none when it never had a slot. */
  readonly submission?: Submission;
}

/** A held video of a caller with ten dollars. */
export async function makeHeld(db: Db, { dialect = 'airforce', submission }: Situation = {}): Promise<string> {
  const { caller } = await createCaller(db, { name: 'studio', creditMicroUsd: CREDIT });
  await insertVideo(db, { id: 'video_1', callerId: caller.id, dialect, estimateMicroUsd: ESTIMATE });
  const money = { callerId: caller.id, videoId: 'video_1', amountMicroUsd: ESTIMATE };
  await inTransaction(db, (tx) => hold(tx, money));
  if (submission) await insertSubmission(db, { id: 'submission_1', videoId: 'video_1', ...submission });
  return caller.id;
}

export function end(db: Db, state: EndState, failure: VideoFailure | null = null) {
  return endVideo(db, 'video_1', { state, failure, archive: state === 'completed' ? makeArchive() : null });
}

export async function read(db: Db) {
  const video = await findVideo(db, 'video_1');
  if (!video) throw new Error('the video is gone');
  return video;
}

/** The effects on the caller's money by kind, after they were compared with the caller's columns. */
export async function entries(db: Db): Promise<Record<string, number>> {
  const [caller] = await db.select().from(callers);
  const rows = await db.select().from(ledger).orderBy(asc(ledger.id));
  expect(caller?.availableMicroUsd).toBe(rows.reduce((sum, row) => sum + row.amountMicroUsd, 0));
  const own = rows.filter(({ kind }) => kind !== 'credit');
  return Object.fromEntries(own.map(({ kind, amountMicroUsd }) => [kind, amountMicroUsd]));
}

/** The task is over, as the poll that sees it records that. */
export async function closeLate(db: Db, taskEnd: TaskEnd, costMicroUsd: number): Promise<void> {
  await inTransaction(db, async (tx) => {
    const video = await lockVideo(tx, 'video_1');
    const closed = await closeSubmission(tx, 'submission_1', { taskEnd, costMicroUsd });
    if (video && closed) await settleLateEnd(tx, video, closed);
  });
}

export const HELD = { hold: -ESTIMATE };
export const RELEASED = { hold: -ESTIMATE, release: ESTIMATE };
export const settledAt = (amount: number) => ({ hold: -ESTIMATE, release: ESTIMATE, settle: -amount });

export const ended = (taskEnd: TaskEnd, costMicroUsd: number): Submission => ({
  state: 'ended',
  taskId: 'task_1',
  taskEnd,
  costMicroUsd,
});
