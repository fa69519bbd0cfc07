/** The one moment at which a create becomes one worker's to send. */

import { readClock } from '../catalog/clock.ts';
import { inTransaction } from '../catalog/driver/database.ts';
import { beginSending, findSubmission, type SubmissionRow } from '../catalog/submissions.ts';
import { changeVideo, lockVideo, type VideoRow } from '../catalog/videos.ts';
import { PROVIDER_FACTS } from '../domain/vendor.ts';
import { createTimeoutOf, type SubmissionDependencies } from './dependencies.ts';

/** A create that is ours to send, until then by the worker's clock. */
export interface Claim {
  readonly submission: SubmissionRow;
  readonly video: VideoRow;
  readonly untilMs: number;
}

/** Whether a create for the video is still wanted, at this time of the catalog's clock. */
function isWanted({ endedAt, cancelRequestedAt, queueDeadlineAt }: VideoRow, now: Date): boolean {
  return endedAt === null && cancelRequestedAt === null && queueDeadlineAt > now;
}

/** granted → sending; null when this submission is not ours to send. */
export async function claim(dependencies: SubmissionDependencies, submissionId: string): Promise<Claim | null> {
  const { db } = dependencies;
  const granted = await findSubmission(db, submissionId);
  if (!granted) return null;
  const { id, videoId, provider } = granted;
  const timeoutMs = createTimeoutOf(dependencies, provider);
  return await inTransaction(db, async (tx) => {
    const video = await lockVideo(tx, videoId);
    if (!video || !isWanted(video, await readClock(tx))) return null;
    // Taken before the row's own end of sending, which others rely on.
    const untilMs = Date.now() + timeoutMs;
    const submission = await beginSending(tx, id, timeoutMs);
    if (!submission) return null;
    // Where the answer is the clip, sending is all of the generating that can be seen.
    const begun = PROVIDER_FACTS[provider].answersAtEnd
      ? ({ state: 'generating', submittedAt: submission.sentAt } as const)
      : ({ state: 'submitting' } as const);
    await changeVideo(tx, videoId, { ...begun, sentAt: submission.sentAt, submissions: video.submissions + 1 });
    return { submission, video, untilMs };
  });
}
