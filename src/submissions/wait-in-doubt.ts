/** The step of a video whose create is in doubt: what its caller is told, and when it is asked again. */

import type { SubmissionRow } from '../catalog/submissions.ts';
import { noteWaiting } from '../catalog/videos.ts';
import { DOUBT_REASONS, type DoubtReason } from '../domain/doubt.ts';
import type { NextStep } from '../domain/step.ts';
import type { SubmissionDependencies } from './dependencies.ts';

/** How long a doubt waits; instants are milliseconds of the catalog's clock. */
export interface DoubtWait {
  readonly sinceMs: number;
  readonly nowMs: number;
  readonly afterMs: number;
  readonly reason: DoubtReason;
}

/** Shows the doubt to the video's caller, in words of ours alone, and waits. */
export async function waitInDoubt(
  { db }: SubmissionDependencies,
  { id: submissionId, videoId, provider }: SubmissionRow,
  { sinceMs, nowMs, afterMs, reason }: DoubtWait,
): Promise<NextStep> {
  const detail = DOUBT_REASONS[reason];
  const since = new Date(sinceMs).toISOString();
  const until = new Date(nowMs + afterMs).toISOString();
  const isShown = await noteWaiting(db, videoId, { kind: 'lost_answer', since, until, detail });
  return { step: 'confirm', submissionId, provider, lookAgainMs: afterMs, reason: detail, ended: !isShown };
}
