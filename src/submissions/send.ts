/** Sending a create that was claimed: one exchange with the upstream, whose outcome is a value. */

import { providerOf, type StartOutcome } from '../domain/provider.ts';
import { clipKeyOf } from '../media/media-key.ts';
import { storePieces } from '../media/store-pieces.ts';
import type { Claim } from './claim.ts';
import { callOf, findAccount, type SubmissionDependencies } from './dependencies.ts';

/**
 * Sends the create of a submission that may be sent until then; nothing is thrown for what the upstream does. No row is
 * read: an attempt that failed here would leave a create that was never sent to be taken for a lost one.
 */
export async function send(
  dependencies: SubmissionDependencies,
  { submission, video, startByMs, untilMs }: Claim,
): Promise<StartOutcome> {
  const account = findAccount(dependencies, submission.account);
  // A key goes only to the place that it was configured for.
  if (account?.baseUrl !== submission.baseUrl) {
    return { kind: 'not sent', message: `account ${submission.account} is not configured` };
  }
  const nowMs = Date.now();
  if (nowMs >= startByMs) {
    // The machine was suspended, say: by now others may have concluded that no create can be on its way.
    const message = 'the worker was held up before it could send the create';
    return { kind: 'lost', answered: false, upstream: { message } };
  }
  const timeoutMs = untilMs - nowMs;
  // Never the attempt's own: an answer that comes late is still written down.
  const signal = AbortSignal.timeout(timeoutMs);
  return await providerOf(dependencies.providers, submission).start(video.request, {
    ...callOf(account, signal),
    upstreamModel: submission.upstreamModel,
    idempotencyKey: submission.id,
    timeoutMs,
    storeClip: (pieces) => storePieces(dependencies.store, clipKeyOf(submission.videoId), pieces),
    loadImage: (image) => dependencies.loadImage(image, signal),
    linkImage: (image) => dependencies.linkImage(image, submission),
  });
}
