/** Whose the tasks are that an account's list shows, as far as the rows tell. */

import { and, desc, eq, gt, inArray, isNotNull, isNull, ne, or, type SQL, sql } from 'drizzle-orm';
import { isSamePrompt, type ListedTask } from '../domain/adoption.ts';
import type { MicroUsd } from '../domain/money.ts';
import { DOUBTFUL_SUBMISSION_STATES } from '../domain/submission.ts';
import type { Db } from './driver/database.ts';
import type { SubmissionRow } from './submissions.ts';
import { accounts } from './tables/accounts.ts';
import { submissions } from './tables/submissions.ts';
import { videos } from './tables/videos.ts';
import { PROMPT } from './videos.ts';

/** Whose tasks a task id of an account names for certain. */
export const isAccounts = ({ account, credential }: Pick<SubmissionRow, 'account' | 'credential'>): SQL<boolean> =>
  sql`(${submissions.credential} = ${credential} or ${submissions.account} = ${account})`;

/** Which of these tasks of an account belong to a submission of ours, under any key. */
export async function listClaimedTasks(
  db: Db,
  own: Pick<SubmissionRow, 'account' | 'credential'>,
  taskIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (taskIds.length === 0) return new Set();
  const rows = await db
    .select({ taskId: submissions.taskId })
    .from(submissions)
    .where(and(isAccounts(own), inArray(submissions.taskId, [...taskIds])));
  return new Set(rows.flatMap(({ taskId }) => (taskId === null ? [] : [taskId])));
}

/**
 * Which of the tasks that the list of an account shows belong to a submission of ours. Upstreams show one list to all keys
 * of a project, which are accounts of their own here; others number the tasks of each key anew, so that a task with another
 * prompt than that of the other key's is none of it.
 * @returns when each was sent, by its task's id; null for those of another key, whose numbers may be others' tasks.
 */
export async function listListedClaims(
  db: Db,
  own: Pick<SubmissionRow, 'account' | 'credential' | 'baseUrl'>,
  listed: readonly Pick<ListedTask, 'taskId' | 'prompt'>[],
): Promise<ReadonlyMap<string, Date | null>> {
  if (listed.length === 0) return new Map();
  const rows = await db
    .select({
      taskId: submissions.taskId,
      sentAt: submissions.sentAt,
      isOwn: isAccounts(own),
      prompt: sql<string | null>`${PROMPT}`,
    })
    .from(submissions)
    .leftJoin(videos, eq(videos.id, submissions.videoId))
    .where(
      and(
        or(isAccounts(own), eq(submissions.baseUrl, own.baseUrl)),
        inArray(
          submissions.taskId,
          listed.map(({ taskId }) => taskId),
        ),
      ),
    );
  const claimOf = ({ taskId, prompt: shown }: Pick<ListedTask, 'taskId' | 'prompt'>) =>
    rows.find(
      (row) =>
        row.taskId === taskId &&
        (row.isOwn || shown === undefined || row.prompt === null || isSamePrompt(shown, row.prompt)),
    );
  return new Map(
    listed.flatMap((task) => {
      const claim = claimOf(task);
      return claim ? [[task.taskId, claim.isOwn ? claim.sentAt : null] as const] : [];
    }),
  );
}

/**
 * Prompts of other videos whose creates may have left a task in this one's list: those of the same key, and twins of other
 * keys at its base URL. They are in doubt, or their doubt has ended since this one was sent and nothing told of their task.
 */
export async function listRivals(
  db: Db,
  { videoId, credential, baseUrl }: Pick<SubmissionRow, 'videoId' | 'credential' | 'baseUrl'>,
  own: { readonly prompt: string; readonly sentAt: Date },
): Promise<readonly string[]> {
  const isTwin = and(eq(submissions.baseUrl, baseUrl), eq(PROMPT, own.prompt));
  const mayBeListed = and(ne(submissions.videoId, videoId), or(eq(submissions.credential, credential), isTwin));
  const inDoubt = await db
    .select({ prompt: PROMPT })
    .from(submissions)
    .innerJoin(videos, eq(videos.id, submissions.videoId))
    .where(and(inArray(submissions.state, [...DOUBTFUL_SUBMISSION_STATES]), mayBeListed));
  const isUntold = or(submissions.presumed, and(isNotNull(videos.endedAt), isNull(videos.taskId)));
  // By account: those that ended are found along its index alone.
  const givenUp = await db
    .select({ prompt: PROMPT })
    .from(accounts)
    .innerJoin(submissions, and(eq(submissions.account, accounts.id), gt(submissions.endedAt, own.sentAt)))
    .innerJoin(videos, eq(videos.id, submissions.videoId))
    .where(
      and(
        or(eq(accounts.credential, credential), eq(accounts.baseUrl, baseUrl)),
        eq(submissions.state, 'void'),
        isNotNull(submissions.answered),
        isUntold,
        mayBeListed,
      ),
    );
  return [...inDoubt, ...givenUp].map((row) => row.prompt);
}

/**
 * What was estimated for the create that may have left a task which shows this prompt: one that was sent, and came to
 * nothing as far as we know; undefined without one.
 */
export async function findLeftEstimate(
  db: Db,
  account: string,
  { prompt, createdAt }: { readonly prompt: string; readonly createdAt: Date },
): Promise<MicroUsd | undefined> {
  const [row] = await db
    .select({ estimateMicroUsd: videos.estimateMicroUsd })
    .from(submissions)
    .innerJoin(videos, eq(videos.id, submissions.videoId))
    .where(
      and(
        eq(submissions.account, account),
        eq(submissions.state, 'void'),
        isNotNull(submissions.sentAt),
        // The clocks may differ; it bounds what is read.
        gt(submissions.endedAt, new Date(createdAt.getTime() - CLOCKS_DIFFER_MS)),
        eq(sql`btrim(${PROMPT}, E' \\t\\r\\n')`, prompt.trim()),
      ),
    )
    .orderBy(desc(submissions.sentAt))
    .limit(1);
  return row?.estimateMicroUsd;
}

/** An upstream's clock may be behind by so much. */
const CLOCKS_DIFFER_MS = 24 * 60 * 60_000;
