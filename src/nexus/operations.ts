/** The operations of the Nexus service as one caller has them: who asks is known by the task queue, and by nothing else. */

import { createHash } from 'node:crypto';
import { TemporalOperationHandler } from '@temporalio/nexus';
import { HandlerError, type HandlerErrorType, serviceHandler } from 'nexus-rpc';
import { activityFailure } from '../../activities/activity-failure.ts';
import type { generateVideo } from '../../workflows/generate-video.ts';
import {
  type BatchEnd,
  type GenerateVideoInput,
  type RunBatchInput,
  type VideoEnd,
  WORKFLOW_TYPES,
} from '../../workflows/messages.ts';
import type { runBatch } from '../../workflows/run-batch.ts';
import { clipStart, rowsStart } from '../../workflows/starts.ts';
import { checkAdmission } from '../catalog/acceptance.ts';
import { type BatchRow, findBatch } from '../catalog/batches.ts';
import { type CallerRecord, findActiveCaller } from '../catalog/callers.ts';
import { findVideo } from '../catalog/videos.ts';
import { Refusal, type RefusalKind } from '../domain/failure.ts';
import { isJsonObject } from '../domain/json.ts';
import { isStorable } from '../domain/video-request.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import { type BatchWorkflowDependencies, cancelBatch } from '../recovery/batches.ts';
import { checkedTerms } from '../submissions/open.ts';
import type { NexusEndpoint } from '../temporal/worker.ts';
import { type ClipInput, clipyardService } from './service.ts';

interface NexusDependencies extends BatchWorkflowDependencies {
  readonly workflows: BatchWorkflowDependencies['workflows'] & Pick<VideoWorkflows, 'cancel'>;
}

/** What answers there for this caller; nothing that is asked can name another one. */
export function createNexusEndpoint(dependencies: NexusDependencies, callerId: string): NexusEndpoint {
  return {
    taskQueue: `nexus-${callerId}`,
    service: serviceHandler(clipyardService, {
      generateVideo: clipsOf(dependencies, callerId),
      runBatch: batchesOf(dependencies, callerId),
    }),
  };
}

/** Refusals that are no fault of the input. Temporal asks again after the last two. */
const HANDLER_ERRORS: Partial<Record<RefusalKind, HandlerErrorType>> = {
  unauthenticated: 'UNAUTHENTICATED',
  forbidden: 'UNAUTHORIZED',
  not_found: 'NOT_FOUND',
  too_many_videos: 'RESOURCE_EXHAUSTED',
  unavailable: 'UNAVAILABLE',
};

/** A refusal as Nexus tells it; the kind is the type of its cause, as it is where a child fails. */
async function refusing<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { kind, message } = error;
    throw new HandlerError(HANDLER_ERRORS[kind] ?? 'BAD_REQUEST', message, { cause: activityFailure(kind, message) });
  }
}

async function readCaller({ db }: NexusDependencies, callerId: string): Promise<CallerRecord> {
  const caller = await findActiveCaller(db, callerId);
  if (!caller) throw new Refusal('unauthenticated', `the caller of this endpoint, ${callerId}, is unknown or disabled`);
  return caller;
}

const DIGEST_LENGTH = 24;
const digestOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, DIGEST_LENGTH);

/** Ids that no other caller's clips can have: a key, and a token that comes back, reach the caller's own alone. */
const idsOf = (callerId: string) => `video_${digestOf(callerId)}_`;

function clipsOf(dependencies: NexusDependencies, callerId: string) {
  /** A clip that is there already is started as it was accepted. @throws Refusal. */
  async function admit(videoId: string, given: ClipInput): Promise<GenerateVideoInput> {
    const { db } = dependencies;
    const caller = await readCaller(dependencies, callerId);
    const earlier = await findVideo(db, videoId);
    if (earlier) return { request: earlier.request, callerId };
    const { request } = given;
    const { estimateMicroUsd } = await checkedTerms(dependencies, { videoId, callerId, request });
    if (caller.models !== null && !caller.models.includes(request.model)) {
      throw new Refusal('forbidden', `this caller may not use model ${request.model}`);
    }
    await checkAdmission(db, { callerId, limits: caller, amountMicroUsd: estimateMicroUsd });
    return { request, callerId };
  }

  return new TemporalOperationHandler<ClipInput, VideoEnd>({
    start: ({ requestId }, client, given) =>
      refusing(async () => {
        if (!isJsonObject(given)) throw new Refusal('invalid_request', 'the input is no object');
        const { idempotencyKey: key } = given;
        if (key != null && typeof key !== 'string') throw new Refusal('invalid_request', 'idempotencyKey is no text');
        // Temporal gives a request that it repeats the same id.
        const name = key == null ? `request ${requestId}` : `key ${key}`;
        const workflowId = `${idsOf(callerId)}${digestOf(name)}`;
        return await client.startWorkflow<typeof generateVideo>(WORKFLOW_TYPES.generateVideo, {
          ...clipStart(await admit(workflowId, given)),
          workflowId,
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        });
      }),
    cancelWorkflowRun: (_context, { workflowId }) =>
      refusing(async () => {
        if (!workflowId.startsWith(idsOf(callerId))) throw new Refusal('not_found', 'there is no such clip');
        await dependencies.workflows.cancel(workflowId);
      }),
  });
}

function batchesOf(dependencies: NexusDependencies, callerId: string) {
  /** A batch of the caller. @throws Refusal. */
  async function readBatch(id: unknown): Promise<BatchRow> {
    const batch = typeof id === 'string' && isStorable(id) ? await findBatch(dependencies.db, id) : null;
    if (batch?.callerId !== callerId) throw new Refusal('not_found', 'there is no such batch of this caller');
    return batch;
  }

  return new TemporalOperationHandler<RunBatchInput, BatchEnd>({
    // The batch is in the catalog, and mostly runs: the operation joins its workflow.
    start: (_context, client, given) =>
      refusing(async () => {
        await readCaller(dependencies, callerId);
        const { id, state } = await readBatch(isJsonObject(given) ? given.batchId : null);
        if (state === 'validating') throw new Refusal('unavailable', 'its manifest is being read');
        return await client.startWorkflow<typeof runBatch>(WORKFLOW_TYPES.runBatch, {
          ...rowsStart({ id, callerId, batchId: id }),
          args: [{ batchId: id }],
        });
      }),
    // Its workflow takes no cancel of Temporal's: a batch is cancelled in its rows, and ends with what it has.
    cancelWorkflowRun: (_context, { workflowId }) =>
      refusing(async () => await cancelBatch(dependencies, (await readBatch(workflowId)).id)),
  });
}
