/** What became of a create whose answer was lost: one reading of the account's list, judged. */

import { inTransaction } from '../src/catalog/database.ts';
import { listClaimedTasks, noteEmptyList, renewSubmission, type SubmissionRow } from '../src/catalog/submissions.ts';
import { changeVideo, findVideo, lockVideo } from '../src/catalog/videos.ts';
import { isCandidate, judge, type ListedTask } from '../src/domain/adoption.ts';
import type { VideoFailure } from '../src/domain/failure.ts';
import type { TaskList } from '../src/providers/provider.ts';
import { type ActivityDependencies, findAccount } from './dependencies.ts';

/** A list that cannot be read is asked for again after this. */
const UNREADABLE_LIST_MS = 5000;

export type Confirmation =
  | { readonly kind: 'found'; readonly taskId: string }
  /** The rows say where to go on: no task was made and the submission was renewed, or somebody was quicker. */
  | { readonly kind: 'moved on' }
  | { readonly kind: 'doubtful'; readonly failure: VideoFailure }
  | { readonly kind: 'look again'; readonly lookAgainMs: number; readonly reason: string };

function doubtful(message: string): Confirmation {
  return { kind: 'doubtful', failure: { kind: 'answer_lost', message, upstream: null } };
}

async function readList(
  dependencies: ActivityDependencies,
  submission: SubmissionRow,
): Promise<TaskList | { unreadable: string }> {
  const account = findAccount(dependencies, submission.account);
  const provider = dependencies.providers[submission.provider];
  if (!account || !provider.list) return { unreadable: `account ${submission.account} cannot be asked` };
  try {
    return await provider.list({
      baseUrl: submission.baseUrl,
      apiKey: account.apiKey,
      signal: AbortSignal.timeout(dependencies.exchangeTimeoutMs),
    });
  } catch (error) {
    return { unreadable: error instanceof Error ? error.message : String(error) };
  }
}

/** Tasks in the list that can be the lost create's and belong to nobody. */
async function findCandidates(
  { db }: ActivityDependencies,
  submission: SubmissionRow,
  { tasks, upstreamNowMs }: TaskList,
): Promise<readonly ListedTask[]> {
  const video = await findVideo(db, submission.videoId);
  if (!video || submission.sentAt === null) return [];
  // Our clock is corrected by what the upstream's clock says now.
  const sentAtMs = submission.sentAt.getTime() + (upstreamNowMs - Date.now());
  const lost = { upstreamModel: submission.upstreamModel, request: video.request, sentAtMs };
  const alike = tasks.filter((task) => isCandidate(task, lost));
  const claimed = await listClaimedTasks(
    db,
    submission.account,
    alike.map(({ taskId }) => taskId),
  );
  return alike.filter(({ taskId }) => !claimed.has(taskId));
}

/** Reads the account's list once and concludes what can be concluded. */
export async function confirmSubmission(
  dependencies: ActivityDependencies,
  submission: SubmissionRow,
): Promise<Confirmation> {
  const { db, providers } = dependencies;
  const account = findAccount(dependencies, submission.account);
  const { listWindow } = providers[submission.provider].facts;
  if (account?.shared || listWindow === null) {
    return doubtful('the answer to the create was lost, and nothing tells whether it made a task');
  }
  // Before the list is asked for: what it shows is at least as old as this.
  const now = new Date();
  const list = await readList(dependencies, submission);
  if ('unreadable' in list) {
    return {
      kind: 'look again',
      lookAgainMs: UNREADABLE_LIST_MS,
      reason: `the list cannot be read: ${list.unreadable}`,
    };
  }
  const candidates = await findCandidates(dependencies, submission, list);
  const sendUntilMs = submission.sendUntil?.getTime() ?? now.getTime();
  const answered = submission.answered ?? false;
  const firstEmptyListAtMs = submission.firstEmptyListAt?.getTime() ?? null;
  const verdict = judge({ candidates, answered, sendUntilMs, firstEmptyListAtMs, nowMs: now.getTime() }, listWindow);
  switch (verdict.kind) {
    case 'adopt':
      return { kind: 'found', taskId: verdict.taskId };
    case 'ambiguous':
      return doubtful('the answer to the create was lost, and more than one task of the account can be its own');
    case 'not created':
      await renew(dependencies, submission);
      return { kind: 'moved on' };
    case 'look again': {
      const counts = candidates.length === 0 && (answered || now.getTime() >= sendUntilMs);
      if (counts && firstEmptyListAtMs === null) await noteEmptyList(db, submission.id, now);
      return {
        kind: 'look again',
        lookAgainMs: verdict.afterMs,
        reason: 'no task of the account is the lost one so far',
      };
    }
  }
}

/** No task was made: the video keeps its slot and is sent again under a new submission, unless it has ended. */
async function renew({ db }: ActivityDependencies, submission: SubmissionRow): Promise<void> {
  await inTransaction(db, async (tx) => {
    const video = await lockVideo(tx, submission.videoId);
    const renewedId = await renewSubmission(tx, submission.id);
    if (renewedId && video?.endedAt === null) await changeVideo(tx, video.id, { state: 'submitting' });
  });
}
