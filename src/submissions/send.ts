/** Sending a create that was claimed: one exchange with the upstream, whose outcome is a value. */

import { findVideo } from '../catalog/videos.ts';
import type { StartOutcome } from '../domain/provider.ts';
import { storeClip } from '../media/store-clip.ts';
import type { Claim } from './claim.ts';
import { findAccount, type SubmissionDependencies } from './dependencies.ts';

/** Sends the create, once; nothing is thrown for what the upstream does. */
export async function send(
  dependencies: SubmissionDependencies,
  { submission, untilMs }: Claim,
): Promise<StartOutcome> {
  const account = findAccount(dependencies, submission.account);
  const video = await findVideo(dependencies.db, submission.videoId);
  if (!account || !video) return { kind: 'not sent', message: `account ${submission.account} is not configured` };
  const timeoutMs = untilMs - Date.now();
  if (timeoutMs <= 0) {
    // The machine was suspended, say: by now others may have concluded that no create can be on its way.
    const message = 'the worker was held up before it could send the create';
    return { kind: 'lost', answered: false, upstream: { message } };
  }
  const signal = AbortSignal.timeout(timeoutMs);
  return await dependencies.providers[submission.provider].start(video.request, {
    baseUrl: submission.baseUrl,
    apiKey: account.apiKey,
    upstreamModel: submission.upstreamModel,
    idempotencyKey: submission.id,
    timeoutMs,
    // Never the attempt's own signal: an answer that comes late is still written down.
    signal,
    storeClip: (pieces) => storeClip(dependencies.store, submission.videoId, pieces),
    loadImage: (image) => dependencies.loadImage(image, signal),
    linkImage: (image) => dependencies.linkImage(image, submission),
  });
}
