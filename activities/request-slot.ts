/** `requestSlot`: queues a video and, where a slot is free, grants it at once. */

import { inTransaction } from '../src/catalog/driver/database.ts';
import { requestSlot } from '../src/catalog/slots.ts';
import { findVideo } from '../src/catalog/videos.ts';
import type { NextStep } from '../src/domain/step.ts';
import { announceGrants } from '../src/submissions/dependencies.ts';
import { readNextStep } from '../src/submissions/next-step.ts';
import type { ActivityDependencies } from './dependencies.ts';

const NO_ACCOUNT: NextStep = {
  step: 'end',
  state: 'failed',
  failure: { kind: 'no_account', message: 'no configured account offers the model any more', upstream: null },
};

export function createSlotActivities(dependencies: ActivityDependencies) {
  const { db } = dependencies;
  return {
    /** The step to take now: `submit` with a slot, `slot` to go on waiting, or wherever the video is already. */
    async requestSlot({ videoId }: { readonly videoId: string }): Promise<NextStep> {
      const video = await findVideo(db, videoId);
      if (!video) return { step: 'open' };
      const request = await inTransaction(db, (tx) => requestSlot(tx, videoId, video.request.model));
      if (request.kind === 'no account') return NO_ACCOUNT;
      if (request.kind === 'queued') {
        const others = request.grants.filter((grant) => grant.videoId !== videoId);
        await announceGrants(dependencies, others);
      }
      return await readNextStep(dependencies, videoId);
    },
  };
}
