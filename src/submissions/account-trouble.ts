/** What a create that was not taken says of its account: a pause, a suspension, or a model that it may not use. */

import { pauseUntil, suspend, suspendModel } from '../catalog/account-health.ts';
import { hasMadeTasksLately } from '../catalog/account-tasks.ts';
import type { Db } from '../catalog/driver/database.ts';
import type { SubmissionRow } from '../catalog/submissions.ts';
import { findVideo } from '../catalog/videos.ts';
import type { StartOutcome } from '../domain/provider.ts';
import type { SubmissionDependencies } from './dependencies.ts';
import { probeAccount } from './probe.ts';

/** How long a model is not asked for again at an account that may not use it. */
const MODEL_SUSPENSION_MS = 10 * 60_000;

type Refused = Extract<StartOutcome, { kind: 'refused' }>;

/**
 * What a refusal that the account's own free GET can tell more of is about: a 401 that it does not repeat concerns the
 * model alone, and one without a word of its reason concerns the key if it is refused there as well. That no creates are
 * taken at the base URL is believed where the GET finds nothing there either, or where nothing tells and no create has
 * gone well lately; else it may be about the clip.
 */
export async function examined(
  dependencies: SubmissionDependencies,
  submission: SubmissionRow,
  refused: Refused,
): Promise<Refused> {
  const { reason } = refused;
  if (reason !== 'unauthenticated' && reason !== 'undecided' && reason !== 'no route') return refused;
  const { account: id, baseUrl } = submission;
  const { kind } = await probeAccount(dependencies, { id, baseUrl });
  if (reason === 'unauthenticated') return kind === 'accepted' ? { ...refused, reason: 'model not allowed' } : refused;
  if (kind === 'refused') return { ...refused, reason: 'unauthenticated' };
  if (reason === 'undecided' || kind === 'no route') return refused;
  const isBelieved = kind === 'nothing to ask' && !(await hasMadeTasksLately(dependencies.db, submission));
  return isBelieved ? refused : { ...refused, reason: 'undecided' };
}

/** The account cannot be reached. */
export async function noteUnreachable(tx: Db, { account }: SubmissionRow, error: string): Promise<void> {
  await pauseUntil(tx, account, { error });
}

/** The account's state after a refusal that is not about the video. */
export async function noteTrouble(tx: Db, submission: SubmissionRow, refused: Refused): Promise<void> {
  const { account } = submission;
  const error = refused.upstream.message ?? refused.reason;
  switch (refused.reason) {
    case 'unauthenticated':
      return await suspend(tx, account, { error });
    case 'no route': {
      const { status = 'nothing' } = refused.upstream;
      const found = `nothing at ${submission.baseUrl} takes creates: ${status}, ${error}`;
      return await suspend(tx, account, { error: found });
    }
    case 'no credit':
    case 'model not allowed': {
      const video = await findVideo(tx, submission.videoId);
      const { model } = video?.request ?? {};
      if (model !== undefined) await suspendModel(tx, { account, model, forMs: MODEL_SUSPENSION_MS, error });
      return;
    }
    case 'undecided':
      return;
    default:
      return await pauseUntil(tx, account, { error, retryAfterMs: refused.retryAfterMs });
  }
}
