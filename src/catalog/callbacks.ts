/** Callbacks: where one request wants to be told of its end. */

import { eq, inArray } from 'drizzle-orm';
import type { EndState } from '../domain/video.ts';
import { type CallbackWords, type JobStatus, jobStatusOf } from '../domain/webhook.ts';
import type { Db } from './driver/database.ts';
import { videos } from './tables/videos.ts';
import { callbacks } from './tables/webhooks.ts';

/** What a request says of it. */
export interface NewCallback {
  readonly url: string;
  /** The AI SDK's job that is told of once all of its clips have ended; null: each clip by itself, in our words. */
  readonly jobId: string | null;
}

/** Where a delivery goes that is not to an endpoint. */
export interface Callback {
  readonly id: string;
  readonly callerId: string;
  readonly url: string;
  readonly words: CallbackWords;
}

const CALLBACK = { id: callbacks.id, callerId: callbacks.callerId, url: callbacks.url, words: callbacks.words };

/** Has the end of a video or a batch told; belongs into the transaction that enters it. */
export async function enterCallback(
  tx: Db,
  { subjectId, callerId, url, jobId }: NewCallback & { readonly subjectId: string; readonly callerId: string },
): Promise<void> {
  const words = jobId === null ? 'own' : 'ai-gateway';
  await tx.insert(callbacks).values({ subjectId, id: jobId ?? subjectId, callerId, url, words });
}

/** Has nothing told of what was not accepted after all; belongs into the transaction that takes it back. */
export async function leaveCallback(tx: Db, subjectId: string): Promise<void> {
  await tx.delete(callbacks).where(eq(callbacks.subjectId, subjectId));
}

/** The callback that waits for the end of this video or batch; null where there is none. */
export async function callbackOf(tx: Db, subjectId: string): Promise<Callback | null> {
  const [row] = await tx.select(CALLBACK).from(callbacks).where(eq(callbacks.subjectId, subjectId));
  return row ?? null;
}

/** The callback that deliveries name by this id; null where it is gone. */
export async function findCallback(db: Db, id: string): Promise<Callback | null> {
  const [row] = await db.select(CALLBACK).from(callbacks).where(eq(callbacks.id, id)).limit(1);
  return row ?? null;
}

/**
 * What a job came to; null while a clip of it has not ended. Its rows are locked, so of two clips that end at the same
 * time the later one sees the end of the other.
 */
export async function endOfJob(tx: Db, jobId: string): Promise<JobStatus | null> {
  const clips = await tx
    .select({ id: callbacks.subjectId })
    .from(callbacks)
    .where(eq(callbacks.id, jobId))
    .orderBy(callbacks.subjectId)
    .for('update');
  const ids = clips.map(({ id }) => id);
  const rows = await tx
    .select({ state: videos.state, endedAt: videos.endedAt })
    .from(videos)
    .where(inArray(videos.id, ids));
  if (rows.some(({ endedAt }) => endedAt === null)) return null;
  return jobStatusOf(rows.map(({ state }) => state as EndState));
}
