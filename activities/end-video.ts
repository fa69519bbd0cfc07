/** `endVideo`: gives a video its end, or returns the one it has. */

import { endVideo } from '../src/catalog/ends.ts';
import type { VideoFailure } from '../src/domain/failure.ts';
import type { NextStep } from '../src/domain/step.ts';
import type { ArchivedClip, EndState } from '../src/domain/video.ts';
import { removeUnshown } from '../src/media/remove-media.ts';
import { tellBatchOfEnd } from '../src/recovery/batches.ts';
import { announceGrants } from '../src/submissions/announce-grants.ts';
import { readNextStep } from '../src/submissions/next-step.ts';
import type { ActivityDependencies } from './dependencies.ts';

export interface EndVideoInput {
  readonly videoId: string;
  readonly state: EndState;
  readonly failure: VideoFailure | null;
  readonly archive: ArchivedClip | null;
}

export function createEndActivities(dependencies: ActivityDependencies) {
  const { db, store } = dependencies;
  return {
    /** `ended`; `watch` while a task of the ended video still runs; `open` when the catalog has lost video or task. */
    async endVideo({ videoId, ...ending }: EndVideoInput): Promise<NextStep> {
      const { end, grants, isBehind, batchId } = await endVideo(db, videoId, ending);
      if (isBehind) return { step: 'open' };
      await announceGrants(dependencies, grants);
      if (batchId) await tellBatchOfEnd(dependencies, { batchId, videoId });
      // What was archived, or came with the create's answer.
      await removeUnshown(store, videoId, end);
      return await readNextStep(dependencies, videoId);
    },
  };
}
