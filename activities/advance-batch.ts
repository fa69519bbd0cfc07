/** `advanceBatch`: one step of a batch: takes over the ends of its clips, accepts the next ones and starts them. */

import { advanceBatch, type BatchAdvance } from '../src/catalog/batch-steps.ts';
import { endVideo } from '../src/catalog/ends.ts';
import { wishWaitingCancelled } from '../src/catalog/wishes.ts';
import type { BatchStep } from '../src/domain/batch.ts';
import { failureOf } from '../src/domain/failure.ts';
import { startVideo } from '../src/recovery/start.ts';
import { tellWish } from '../src/recovery/wishes.ts';
import { announceGrants } from '../src/submissions/announce-grants.ts';
import { activityFailure } from './activity-failure.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeats } from './heartbeat.ts';

export function createBatchActivities(dependencies: ActivityDependencies) {
  const { db } = dependencies;

  /** A clip that waits for its slot has its end at once; what was submitted goes on, also where it was a moment ago. */
  async function cancelWaiting(videoId: string): Promise<void> {
    const wished = await wishWaitingCancelled(db, videoId);
    if (!wished) return;
    const failure = failureOf('cancelled', 'its batch was cancelled');
    const { grants } = await endVideo(db, videoId, { state: 'cancelled', failure, archive: null });
    await announceGrants(dependencies, grants);
    await tellWish(dependencies, wished);
  }

  async function advance(batchId: string): Promise<BatchStep> {
    const advanced: BatchAdvance | null = await advanceBatch(db, batchId);
    if (!advanced) throw activityFailure('not_found', `batch ${batchId} is not in the catalog`);
    for (const videoId of advanced.toCancel) await cancelWaiting(videoId);
    // One that cannot be started now is started by the sweep.
    await Promise.all(advanced.accepted.map((video) => startVideo(dependencies, video)));
    const { next } = advanced;
    return advanced.toCancel.length > 0 && next.step === 'wait' ? { ...next, waitMs: 0 } : next;
  }

  return {
    advanceBatch: ({ batchId }: { readonly batchId: string }) => withHeartbeats(() => advance(batchId)),
  };
}
