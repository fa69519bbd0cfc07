/** What an account's submissions tell of the tasks that it has made: lately, before a create and after it. */

import { and, asc, desc, eq, gt, isNotNull, isNull, or } from 'drizzle-orm';
import type { Db } from './driver/database.ts';
import type { SubmissionRow } from './submissions.ts';
import { submissions } from './tables/submissions.ts';

/** So many of an account's last submissions are looked at. */
const LATELY = 20;

/** The last submissions of an account: those that run first, then those that ended last. */
async function listLately(db: Db, account: string): Promise<readonly SubmissionRow[]> {
  return await db
    .select()
    .from(submissions)
    .where(eq(submissions.account, account))
    .orderBy(desc(submissions.endedAt))
    .limit(LATELY);
}

/** Whether one of the account's last creates at this base URL made a task. */
export async function hasMadeTasksLately(
  db: Db,
  { account, baseUrl }: Pick<SubmissionRow, 'account' | 'baseUrl'>,
): Promise<boolean> {
  const rows = await listLately(db, account);
  return rows.some((row) => row.taskId !== null && row.baseUrl === baseUrl);
}

/**
 * The newest task of ours that an account made before this create and has every reason to show: one that runs, or has made
 * its clip; null without one.
 */
export async function findLastTask(
  db: Db,
  { account, baseUrl, sentAt, grantedAt }: Pick<SubmissionRow, 'account' | 'baseUrl' | 'sentAt' | 'grantedAt'>,
): Promise<string | null> {
  const before = sentAt ?? grantedAt;
  const rows = await listLately(db, account);
  const made = rows.filter(({ state, taskEnd }) => state === 'running' || taskEnd?.kind === 'succeeded');
  const earlier = made.filter((row) => row.baseUrl === baseUrl && row.sentAt !== null && row.sentAt < before);
  const [last] = earlier.sort((a, b) => Number(b.sentAt) - Number(a.sentAt));
  return last?.taskId ?? null;
}

/** The first task of ours that the account made after this create, or null. */
export async function findNextTask(
  db: Db,
  { account, sentAt, grantedAt }: Pick<SubmissionRow, 'account' | 'sentAt' | 'grantedAt'>,
): Promise<string | null> {
  const since = sentAt ?? grantedAt;
  const [row] = await db
    .select({ taskId: submissions.taskId })
    .from(submissions)
    .where(
      and(
        eq(submissions.account, account),
        // What was sent since has not ended before: the index has them by their ends.
        or(gt(submissions.endedAt, since), isNull(submissions.endedAt)),
        gt(submissions.sentAt, since),
        isNotNull(submissions.taskId),
      ),
    )
    .orderBy(asc(submissions.sentAt))
    .limit(1);
  return row?.taskId ?? null;
}
