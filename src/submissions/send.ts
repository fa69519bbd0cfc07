/** Sending a create that was claimed: one exchange with the upstream, whose outcome is a value. */

import { findAccountRow } from '../catalog/accounts.ts';
import { findFirstLostCreate } from '../catalog/submissions.ts';
import { findVideo } from '../catalog/videos.ts';
import { providerOf, type StartOutcome } from '../domain/provider.ts';
import { storeClip } from '../media/store-clip.ts';
import { listWindowOf, readList, sightIn } from './account-list.ts';
import type { Claim } from './claim.ts';
import { callOf, findAccount, type SubmissionDependencies } from './dependencies.ts';

/**
 * Sends the create, once; nothing is thrown for what the upstream does. A video that may have a task already is looked
 * for in its account's list first.
 */
export async function send(dependencies: SubmissionDependencies, claimed: Claim): Promise<StartOutcome> {
  return (await findEarlier(dependencies, claimed)) ?? (await sendTo(dependencies, claimed));
}

/**
 * The task of an earlier create of the video, should the list show it by now; null where another create is to be sent.
 * What an older copy of the catalog does not know of is not sent without having been looked for.
 */
async function findEarlier(
  dependencies: SubmissionDependencies,
  { submission, video }: Claim,
): Promise<StartOutcome | null> {
  const { db } = dependencies;
  const unknownSince = video.sentUnknownSince;
  const sentAt = unknownSince ?? (await findFirstLostCreate(db, submission));
  const row = sentAt && (await findAccountRow(db, submission.account));
  if (!sentAt || listWindowOf(dependencies, row) === null) return null;
  const { list } = await readList(dependencies, submission);
  if (list === null) {
    return unknownSince && { kind: 'not sent', message: 'the account’s list, which may show the task, cannot be read' };
  }
  const { candidates } = await sightIn(dependencies, submission, { list, prompt: video.request.prompt, sentAt });
  const [task, ...others] = candidates;
  return task && others.length === 0 ? { kind: 'started', taskId: task.taskId, costMicroUsd: null } : null;
}

/** Sends the create of a submission that may be sent until then. */
export async function sendTo(
  dependencies: SubmissionDependencies,
  { submission, untilMs }: Pick<Claim, 'submission' | 'untilMs'>,
): Promise<StartOutcome> {
  const account = findAccount(dependencies, submission.account);
  const video = await findVideo(dependencies.db, submission.videoId);
  // A key goes only to the place that it was configured for.
  if (!account || !video || account.baseUrl !== submission.baseUrl) {
    return { kind: 'not sent', message: `account ${submission.account} is not configured` };
  }
  const timeoutMs = untilMs - Date.now();
  if (timeoutMs <= 0) {
    // The machine was suspended, say: by now others may have concluded that no create can be on its way.
    const message = 'the worker was held up before it could send the create';
    return { kind: 'lost', answered: false, upstream: { message } };
  }
  // Never the attempt's own: an answer that comes late is still written down.
  const signal = AbortSignal.timeout(timeoutMs);
  return await providerOf(dependencies.providers, submission).start(video.request, {
    ...callOf(account, signal),
    upstreamModel: submission.upstreamModel,
    idempotencyKey: submission.id,
    timeoutMs,
    storeClip: (pieces) => storeClip(dependencies.store, submission.videoId, pieces),
    loadImage: (image) => dependencies.loadImage(image, signal),
    linkImage: (image) => dependencies.linkImage(image, submission),
  });
}
