/** What tasks cost after all: the list of their account tells where to look, and a poll how much. */

import { enterLateBill, listOtherwiseBilled } from '../catalog/late-bills.ts';
import type { SubmissionRow } from '../catalog/submissions.ts';
import { providerOf, type TaskList } from '../domain/provider.ts';
import { callFor, type SubmissionDependencies } from '../submissions/dependencies.ts';

/** A task may be billed, or its bill be changed or taken back, when no workflow looks at it any more. */
export async function followLateBills(
  dependencies: SubmissionDependencies,
  own: Pick<SubmissionRow, 'account' | 'credential'>,
  tasks: TaskList['tasks'],
): Promise<void> {
  const { db, log } = dependencies;
  const costs = tasks.flatMap(({ taskId, costMicroUsd }) =>
    costMicroUsd === null ? [] : [[taskId, costMicroUsd] as const],
  );
  const found = await listOtherwiseBilled(db, own, new Map(costs));
  const polls = found.map(async (submission) => {
    const { account, videoId, taskId } = submission;
    try {
      const costMicroUsd = await pollBill(dependencies, submission);
      if (costMicroUsd === null || costMicroUsd === submission.costMicroUsd) return;
      await enterLateBill(db, submission, costMicroUsd);
      log.warn({ account, videoId, taskId, costMicroUsd }, 'the bill of a task has changed after its end');
    } catch (error) {
      log.warn(
        { account, videoId, taskId, error: String(error) },
        'the bill of a task that has ended could not be polled',
      );
    }
  });
  await Promise.all(polls);
}

/** A list may be kept by a cache, or show estimates: what a task cost is said where it is polled. Null where nothing is. */
async function pollBill(dependencies: SubmissionDependencies, submission: SubmissionRow) {
  const call = callFor(dependencies, submission);
  if (call === null || submission.taskId === null) return null;
  const status = await providerOf(dependencies.providers, submission).poll(submission.taskId, call);
  return status.kind === 'failed' || status.kind === 'succeeded' ? status.costMicroUsd : null;
}
