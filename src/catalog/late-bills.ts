/** Bills of tasks that change after their end. */

import { and, eq, inArray, notExists, sql } from 'drizzle-orm';
import type { MicroUsd } from '../domain/money.ts';
import { isAccounts } from './claims.ts';
import { type Db, inTransaction } from './driver/database.ts';
import { billedMicroUsd, type SubmissionRow } from './submissions.ts';
import { orphans } from './tables/accounts.ts';
import { submissions } from './tables/submissions.ts';
import { changeVideo, lockVideo } from './videos.ts';

/**
 * So many of them are looked at with one reading of a list. Any: a list that names estimates differs from all its polls, and
 * a bill that did change would never have its turn behind the newest of those.
 */
const LIMIT = 10;

/** A task that made its clip may show as expired, and as free, once the clip has had its time: that is no bill. */
const TELLS_ITS_BILL = sql`(${submissions.taskEnd} ->> 'kind' = 'failed'
  or (${submissions.taskEnd} ->> 'expiresAt')::timestamptz > now())`;

/**
 * Submissions of an account whose tasks ended at another cost than its list names for them. A task that was given up is
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
  const ended = await db
    .select()
    .from(submissions)
    .where(
      and(
        isAccounts(own),
        inArray(submissions.taskId, [...listed.keys()]),
        eq(submissions.state, 'ended'),
        TELLS_ITS_BILL,
        notExists(isFollowed),
      ),
    )
    .orderBy(sql`random()`);
  return ended.filter(({ taskId, costMicroUsd }) => listed.get(taskId ?? '') !== (costMicroUsd ?? 0)).slice(0, LIMIT);
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
