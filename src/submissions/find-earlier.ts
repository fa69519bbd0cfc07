/** Looking for a task that a video may have already, before a create is sent for it. */

import { findAccountRow, listServing } from '../catalog/accounts.ts';
import { inTransaction } from '../catalog/driver/database.ts';
import { findFirstLostCreate, moveSending, type SubmissionRow } from '../catalog/submissions.ts';
import { lockVideo, type VideoRow } from '../catalog/videos.ts';
import type { StartOutcome } from '../domain/provider.ts';
import { listWindowOf, readList, sightIn } from './account-list.ts';
import type { Claim } from './claim.ts';
import type { SubmissionDependencies } from './dependencies.ts';

/** What stands in for a create, and the submission that it is the outcome of. */
export interface Earlier {
  readonly submission: SubmissionRow;
  readonly outcome: StartOutcome;
}

/** What a list says of a create of the video: exactly one task that can be it, none, or nothing where it cannot be read. */
type Seen = { readonly taskId: string | null } | 'unreadable';

/**
 * The task of an earlier create of the video, should a list show it by now; null where another create is to be sent.
 * What an older copy of the catalog does not know of may have been made at any account of the model, and is not sent
 * without having been looked for.
 */
export async function findEarlier(
  dependencies: SubmissionDependencies,
  { submission, video }: Claim,
): Promise<Earlier | null> {
  const unknownSince = video.sentUnknownSince;
  const sentAt = unknownSince ?? (await findFirstLostCreate(dependencies.db, submission));
  if (sentAt === null) return null;
  const seen = await look(dependencies, submission, { video, sentAt });
  if (seen !== 'unreadable' && seen.taskId !== null) return startedAt(submission, seen.taskId);
  if (unknownSince === null) return null;
  if (seen !== 'unreadable') return await findElsewhere(dependencies, submission, { video, sentAt: unknownSince });
  return notSent(submission, 'the account’s list, which may show the task, cannot be read');
}

const startedAt = (submission: SubmissionRow, taskId: string): Earlier => ({
  submission,
  outcome: { kind: 'started', taskId, costMicroUsd: null },
});

const notSent = (submission: SubmissionRow, message: string): Earlier => ({
  submission,
  outcome: { kind: 'not sent', message },
});

/** Looks into the list of the submission's account; one that has none shows no task. */
async function look(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
  { video, sentAt }: { readonly video: VideoRow; readonly sentAt: Date },
): Promise<Seen> {
  const row = await findAccountRow(dependencies.db, submission.account);
  if (listWindowOf(dependencies, row) === null) return { taskId: null };
  const { list } = await readList(dependencies, submission);
  if (list === null) return 'unreadable';
  const { candidates } = await sightIn(dependencies, submission, { list, prompt: video.request.prompt, sentAt });
  const [task, ...others] = candidates;
  return { taskId: task && others.length === 0 ? task.taskId : null };
}

/**
 * The task at another account of the model, which the submission then stands for. An account whose list cannot be read is
 * passed over: it may be away for good.
 */
async function findElsewhere(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
  of: { readonly video: VideoRow; readonly sentAt: Date },
): Promise<Earlier | null> {
  const { db } = dependencies;
  const { model } = of.video;
  const others = (await listServing(db, model)).filter(({ credential }) => credential !== submission.credential);
  const found = await Promise.all(
    others.map(async ({ id: account, provider, baseUrl, credential }) => {
      const there = { ...submission, account, provider, baseUrl, credential };
      const seen = await look(dependencies, there, of);
      return seen === 'unreadable' || seen.taskId === null ? [] : [{ account, provider, taskId: seen.taskId }];
    }),
  );
  const [task, ...more] = found.flat();
  // Of several that can be it none is taken: they are booked as orphans.
  if (task === undefined || more.length > 0) return null;
  const moved = await inTransaction(db, async (tx) => {
    await lockVideo(tx, submission.videoId);
    return await moveSending(tx, submission, { ...task, model });
  });
  return moved ? startedAt(moved, task.taskId) : notSent(submission, 'the submission has moved on');
}
