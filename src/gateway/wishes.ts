/** What is wished of videos that have not ended: the rows keep it, and the workflows are told as soon as they can be. */

import { type LostAnswerDecision, resolveLostAnswer } from '../catalog/corrections.ts';
import { endVideo } from '../catalog/ends.ts';
import { findCurrentSubmission } from '../catalog/submissions.ts';
import { type UntoldWish, wish } from '../catalog/wishes.ts';
import { failureOf } from '../domain/failure.ts';
import { tellWish, type WishDependencies } from '../recovery/wishes.ts';
import { type AnnouncementDependencies, announceGrants } from '../submissions/announce-grants.ts';
import type { Starter } from './starter.ts';

export interface Wishing extends WishDependencies {
  readonly workflows: WishDependencies['workflows'] & AnnouncementDependencies['workflows'];
  readonly starter: Pick<Starter, 'settled' | 'catchUpLater'>;
}

/** Before a start that is on its way has come to its end, no workflow could be told anything. */
async function tell({ starter, ...dependencies }: Wishing, wished: UntoldWish): Promise<void> {
  await starter.settled(wished.videoId);
  if ((await tellWish(dependencies, wished)) !== 'told') starter.catchUpLater();
}

/** Has a video cancelled: it has its end at once, but for one whose create is being sent, which has it with the answer. */
export async function cancelVideo(wishing: Wishing, id: string): Promise<void> {
  const { db } = wishing;
  const wished = await wish(db, id, 'cancel');
  if (!wished) return;
  if ((await findCurrentSubmission(db, id))?.state !== 'sending') {
    const failure = failureOf('cancelled', 'cancelled by its caller or an operator');
    const { grants } = await endVideo(db, id, { state: 'cancelled', failure, archive: null });
    await announceGrants(wishing, grants);
  }
  await tell(wishing, wished);
}

/**
 * Has a video's task polled as soon as its upstream's interval allows. Where no task is known yet, what became of the
 * create is asked at times of its own.
 */
export async function recheckVideo(wishing: Wishing, id: string): Promise<void> {
  const submission = await findCurrentSubmission(wishing.db, id);
  if (submission?.state === 'unconfirmed' || submission?.state === 'sending') return;
  const wished = await wish(wishing.db, id, 'recheck');
  if (wished) await tell(wishing, wished);
}

/** Decides a lost answer. @throws Refusal `not_found`, `conflict`. */
export async function resolveVideo(wishing: Wishing, id: string, decision: LostAnswerDecision): Promise<void> {
  const { grants, wished } = await resolveLostAnswer(wishing.db, id, decision);
  await announceGrants(wishing, grants);
  if (wished) await tell(wishing, wished);
}
