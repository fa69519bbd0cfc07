/** Keeping workflows of batches at work: told of what changed, and started where they do not run. */

import { endUnvalidated } from '../catalog/batch-ends.ts';
import { findBatch, wantsToKnow, wishBatchCancelled } from '../catalog/batches.ts';
import { longAgo } from '../catalog/clock.ts';
import type { Db } from '../catalog/driver/database.ts';
import type { Log } from '../domain/log.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';

export interface BatchWorkflowDependencies {
  readonly db: Db;
  readonly workflows: Pick<VideoWorkflows, 'startBatch' | 'signalBatch'>;
  readonly log: Pick<Log, 'warn'>;
}

/** Has a batch's workflow read its rows; what is not heard is seen by its next step all the same. */
export async function tellBatch(
  { workflows, log }: Omit<BatchWorkflowDependencies, 'db'>,
  batchId: string,
): Promise<void> {
  try {
    await workflows.signalBatch(batchId);
  } catch (error) {
    log.warn({ batchId, error: String(error) }, 'a batch could not be told of a change');
  }
}

/** Asks for a batch's cancel and has its workflow hear of it; one that has ended stays as it is. */
export async function cancelBatch(dependencies: BatchWorkflowDependencies, batchId: string): Promise<void> {
  await wishBatchCancelled(dependencies.db, batchId);
  await tellBatch(dependencies, batchId);
}

/** Tells a batch of the end of one of its clips where that gives it something to do: each step costs as much as a poll. */
export async function tellBatchOfEnd(
  dependencies: BatchWorkflowDependencies,
  { batchId, videoId }: { readonly batchId: string; readonly videoId: string },
): Promise<void> {
  if (await wantsToKnow(dependencies.db, batchId, videoId)) await tellBatch(dependencies, batchId);
}

/** Starts a batch's workflow unless it runs; what cannot be started now the sweep starts. */
export async function startBatch(
  { workflows, log }: Omit<BatchWorkflowDependencies, 'db'>,
  { id, callerId }: { readonly id: string; readonly callerId: string },
): Promise<void> {
  try {
    await workflows.startBatch(id, callerId);
  } catch (error) {
    log.warn({ batchId: id, error: String(error) }, 'a batch could not be started; it is tried again');
  }
}

/** Validations that are ended at once. */
const LIMIT = 200;
/** A validation that has entered no lines for so long has lost its process: some hundred are entered at once. */
const SILENT_VALIDATION_MS = 2 * 60_000;

/** Ends batches whose validation went away with its process. */
export async function endLostValidations({ db }: Pick<BatchWorkflowDependencies, 'db'>): Promise<void> {
  await endUnvalidated(db, await longAgo(db, SILENT_VALIDATION_MS), LIMIT);
}

/** Starts the workflow of such a batch, or wakes it. */
export async function reviveBatch(dependencies: BatchWorkflowDependencies, id: string): Promise<void> {
  const batch = await findBatch(dependencies.db, id);
  if (!batch || batch.endedAt !== null) return;
  await dependencies.workflows.startBatch(id, batch.callerId);
  await dependencies.workflows.signalBatch(id);
}
