/** A video's turn in its queue: it is entered where it is missing, and takes a free slot at once. */

import { inTransaction } from '../catalog/driver/database.ts';
import { requestSlot } from '../catalog/slots.ts';
import { findVideo } from '../catalog/videos.ts';
import { failureOf } from '../domain/failure.ts';
import { providerOf } from '../domain/provider.ts';
import type { NextStep } from '../domain/step.ts';
import { announceGrants } from './announce-grants.ts';
import type { SubmissionDependencies } from './dependencies.ts';
import { readNextStep } from './next-step.ts';

const NO_ACCOUNT: NextStep = {
  step: 'end',
  state: 'failed',
  failure: failureOf('no_account', 'no configured account offers the model any more'),
};

/** When a model that no account offers is looked for again: with the next reading of the upstreams' models. */
const NO_OFFER_MS = 60_000;

/** Models that upstreams publish may be missing for a while; what the configuration leaves out is left out for good. */
function mayBeOfferedAgain({ accounts, providers }: SubmissionDependencies): boolean {
  return accounts.some(({ id, provider }) => providerOf(providers, { account: id, provider }).models !== undefined);
}

/** The step to take now: `submit` with a slot, `slot` to go on waiting, or wherever the video is already. */
export async function takeTurn(dependencies: SubmissionDependencies, videoId: string): Promise<NextStep> {
  const { db } = dependencies;
  const video = await findVideo(db, videoId);
  if (!video) return { step: 'open' };
  const request = await inTransaction(db, (tx) => requestSlot(tx, videoId, video.request.model));
  if (request.kind === 'queued') {
    // The video itself reads from its rows where it goes on.
    const others = request.grants.filter((grant) => grant.videoId !== videoId);
    await announceGrants(dependencies, others);
  }
  const next = await readNextStep(dependencies, videoId);
  if (request.kind !== 'no account' || next.step !== 'slot') return next;
  return mayBeOfferedAgain(dependencies) ? { ...next, lookAgainMs: NO_OFFER_MS } : NO_ACCOUNT;
}
