/** `submitTask`: sends a video's create at most once per submission, and finds out what became of it. */

import { findSubmission } from '../src/catalog/submissions.ts';
import { WRITE_DOWN_MS } from '../src/domain/doubt.ts';
import type { NextStep } from '../src/domain/step.ts';
import { isInDoubt } from '../src/domain/submission.ts';
import { type Claim, claim, whileClaimed } from '../src/submissions/claim.ts';
import { confirm } from '../src/submissions/confirm.ts';
import { honoursKey } from '../src/submissions/dependencies.ts';
import { findEarlier } from '../src/submissions/find-earlier.ts';
import { readNextStep } from '../src/submissions/next-step.ts';
import { outlastCatalog } from '../src/submissions/outlast.ts';
import { record } from '../src/submissions/record.ts';
import { send } from '../src/submissions/send.ts';
import { askAgain } from '../src/submissions/send-again.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeats } from './heartbeat.ts';

export interface SubmitTaskInput {
  readonly videoId: string;
  readonly submissionId: string;
}

/** The create of a claim, and what came of it; null when its answer was lost. The catalog may be away between them. */
async function sendOnce(dependencies: ActivityDependencies, claimed: Claim): Promise<NextStep | null> {
  const untilMs = claimed.untilMs + WRITE_DOWN_MS;
  const earlier = await outlastCatalog(untilMs, () => findEarlier(dependencies, claimed));
  const { submission, outcome } = earlier ?? { ...claimed, outcome: await send(dependencies, claimed) };
  return await outlastCatalog(untilMs, () => record(dependencies, submission, outcome));
}

async function advance(
  dependencies: ActivityDependencies,
  { videoId, submissionId }: SubmitTaskInput,
): Promise<NextStep> {
  const claimed = await claim(dependencies, submissionId);
  const recorded = claimed && (await whileClaimed(dependencies, claimed, () => sendOnce(dependencies, claimed)));
  if (recorded) return recorded;
  const submission = await findSubmission(dependencies.db, submissionId);
  // An older copy of the catalog: only the workflow knows of this submission, and perhaps it was sent.
  if (!submission) return { step: 'open' };
  if (!isInDoubt(submission)) return await readNextStep(dependencies, videoId);
  if (claimed && honoursKey(dependencies, submission)) return await askAgain(dependencies, submission);
  return await confirm(dependencies, submission);
}

export function createSubmitActivities(dependencies: ActivityDependencies) {
  return {
    /**
     * The first execution that finds the submission granted sends its create; every other one only finds out what
     * became of it (by sending it again only where the provider takes that for the same create), so this may be retried
     * for ever.
     */
    submitTask: (input: SubmitTaskInput): Promise<NextStep> => withHeartbeats(() => advance(dependencies, input)),
  };
}
