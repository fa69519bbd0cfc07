/** Bills of failed tasks that change after their end. */

import { and, desc, eq, inArray, notExists, sql } from 'drizzle-orm';
import type { MicroUsd } from '../domain/money.ts';
import { isAccounts } from './claims.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { billedMicroUsd, type SubmissionRow } from './submissions.ts';
import { orphans } from './tables/accounts.ts';
import { submissions } from './tables/submissions.ts';
import { changeVideo, lockVideo } from './videos.ts';

/** So many of them are looked at with one reading of a list, the newest first. */
const LIMIT = 10;

/**
 * Submissions of an account whose tasks failed at another cost than its list names for them. A task that was given up is
 * followed as an orphan, which has its bill.
 */
export async function listOtherwiseBilled(
  db: Db,
  own: Pick<SubmissionRow, 'account' | 'credential'>,
  listed: ReadonlyMap<string, MicroUsd>,
): Promise<readonly SubmissionRow[]> {
  if (listed.size === 0) return [];
  const isFollowed = db
    .select({ taskId: orphans.taskId })
    .from(orphans)
    .where(and(eq(orphans.credential, submissions.credential), eq(orphans.taskId, submissions.taskId)));
  const failed = await db
    .select()
    .from(submissions)
    .where(
      and(
        isAccounts(own),
        inArray(submissions.taskId, [...listed.keys()]),
        eq(submissions.state, 'ended'),
        sql`${submissions.taskEnd} ->> 'kind' = 'failed'`,
        notExists(isFollowed),
      ),
    )
    .orderBy(desc(submissions.endedAt));
  return failed.filter(({ taskId, costMicroUsd }) => listed.get(taskId ?? '') !== (costMicroUsd ?? 0)).slice(0, LIMIT);
}

/** Enters what an ended task cost after all: costs follow it, and so does what is shown of its video. */
export async function enterLateBill(
  db: Db,
  { id, videoId }: Pick<SubmissionRow, 'id' | 'videoId'>,
  costMicroUsd: MicroUsd,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    await lockVideo(tx, videoId);
    await tx.update(submissions).set({ costMicroUsd }).where(eq(submissions.id, id));
    await changeVideo(tx, videoId, { upstreamMicroUsd: await billedMicroUsd(tx, videoId) });
  });
}
