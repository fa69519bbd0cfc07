/** The one moment at which a create becomes one worker's to send, and what tells the others that it still does. */

import { readClock } from '../catalog/clock.ts';
import { inTransaction } from '../catalog/driver/database.ts';
import { beginSending, findSubmission, keepSending, type SubmissionRow } from '../catalog/submissions.ts';
import { changeVideo, lockVideo, type VideoRow } from '../catalog/videos.ts';
import { PROVIDER_FACTS } from '../domain/vendor.ts';
import { createTimeoutOf, type SubmissionDependencies } from './dependencies.ts';

/** A create that is ours to send; instants are the worker's clock's. */
export interface Claim {
  readonly submission: SubmissionRow;
  readonly video: VideoRow;
  /** Later it is not begun: by then others may take this attempt for gone. */
  readonly startByMs: number;
  /** Until then it may be answered. */
  readonly untilMs: number;
}

/**
 * For so long an attempt that sends is taken to live without a word of it. A create that carries the clip takes up to
 * twenty minutes, and those of a process that was killed would be waited for as long.
 */
const SILENT_MS = 60_000;
const TELLS_EVERY_MS = 15_000;

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
    const nowMs = Date.now();
    const silentMs = Math.min(timeoutMs, SILENT_MS);
    const submission = await beginSending(tx, id, silentMs);
    if (!submission) return null;
    // Where the answer is the clip, sending is all of the generating that can be seen.
    const begun = PROVIDER_FACTS[provider].answersAtEnd
      ? ({ state: 'generating', submittedAt: submission.sentAt } as const)
      : ({ state: 'submitting' } as const);
    await changeVideo(tx, videoId, { ...begun, sentAt: submission.sentAt, submissions: video.submissions + 1 });
    return { submission, video, startByMs: nowMs + silentMs, untilMs: nowMs + timeoutMs };
  });
}

/** Does the work of a claim, and tells meanwhile that its attempt lives, for as long as its create may be answered. */
export async function whileClaimed<Result>(
  { db }: Pick<SubmissionDependencies, 'db'>,
  { submission: { id }, untilMs }: Claim,
  work: () => Promise<Result>,
): Promise<Result> {
  const timer = setInterval(() => {
    const forMs = Math.min(SILENT_MS, untilMs - Date.now());
    // What cannot be told now is told with the next one.
    if (forMs > 0) void keepSending(db, id, forMs).catch(() => undefined);
  }, TELLS_EVERY_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}
