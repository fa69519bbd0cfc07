/** Starting, telling and asking videos' workflows: every call to Temporal about one video, each bounded in time. */

import { type Client, isGrpcDeadlineError, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { rootCause, type SignalDefinition } from '@temporalio/common';
import Long from 'long';
import type { deliverWebhook } from '../../workflows/deliver-webhook.ts';
import type { generateVideo } from '../../workflows/generate-video.ts';
import type { joinFilm } from '../../workflows/join-film.ts';
import {
  cancelSignal,
  grantedSignal,
  lookAgainSignal,
  recheckSignal,
  reopenSignal,
  sentAgainSignal,
  TASK_QUEUES,
  upstreamEventSignal,
  WORKFLOW_TYPES,
} from '../../workflows/messages.ts';
import type { rearchiveVideo } from '../../workflows/rearchive-video.ts';
import type { runBatch } from '../../workflows/run-batch.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import { rowsStart, turnsOf } from '../../workflows/starts.ts';
import type { AcceptedTerms } from '../domain/step.ts';
import type { Video } from '../domain/video.ts';
import type { AcceptedFilm, RearchiveOutcome, VideoWorkflows } from '../domain/video-workflows.ts';
import { createWorkflowQueries, withinOf } from './workflow-queries.ts';

/** Calls wait no longer than this for Temporal. */
const DEADLINE_MS = 5000;
const CHECK_MS = 1500;
/** Most clips are there by then; for the others the answer does not wait. */
const REARCHIVE_WAIT_MS = 20_000;

/** Kept beside the request: what a catalog that lost the video could not work out again. */
function termsOf({ dialect, estimateMicroUsd, createdAt, expiresAt }: Video): AcceptedTerms {
  return { dialect, estimateMicroUsd, createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() };
}

/** The event with which a run's first workflow task starts: what a reset to the beginning names. */
const FIRST_WORKFLOW_TASK = Long.fromNumber(3);

/** Prompts in the UI are cut to this many characters. */
const PROMPT_EXCERPT = 400;

/** Starts workflows that read all else off their rows; one that runs is left alone. */
function createStarts(client: () => Client): Pick<VideoWorkflows, 'startBatch' | 'startFilm'> {
  const within = withinOf(client);
  return {
    async startBatch(batchId: string, callerId: string): Promise<void> {
      await within(DEADLINE_MS, () =>
        client().workflow.start<typeof runBatch>(WORKFLOW_TYPES.runBatch, {
          ...rowsStart({ id: batchId, callerId, batchId }),
          args: [{ batchId }],
        }),
      );
    },

    async startFilm({ id, callerId, batchId, videoIds, transition }: AcceptedFilm): Promise<void> {
      await within(DEADLINE_MS, () =>
        client().workflow.start<typeof joinFilm>(WORKFLOW_TYPES.joinFilm, {
          ...rowsStart({ id, callerId, batchId }),
          args: [{ filmId: id }],
          staticSummary: `a film of ${videoIds.length} clips · ${transition}`,
        }),
      );
    },
  };
}

export interface WorkflowControlOptions {
  /** Whether the UI may show prompts beside the workflows' inputs. */
  readonly showsPrompts: boolean;
}

/** The calls about videos' workflows over the client of the moment; they reject with what `client` throws. */
export function createWorkflowControl(
  client: () => Client,
  { showsPrompts }: WorkflowControlOptions = { showsPrompts: true },
): VideoWorkflows {
  const within = withinOf(client);

  /** False when there is no such running workflow. */
  async function reaches(call: () => Promise<unknown>): Promise<boolean> {
    try {
      await within(DEADLINE_MS, call);
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  }

  function signal<Args extends unknown[]>(videoId: string, name: SignalDefinition<Args>, ...args: Args) {
    return reaches(() =>
      client()
        .workflow.getHandle(videoId)
        .signal(name, ...args),
    );
  }

  return {
    async start(video: Video): Promise<void> {
      const { request, callerId } = video;
      const start = rowsStart(video);
      await within(DEADLINE_MS, () =>
        client().workflow.start<typeof generateVideo>(WORKFLOW_TYPES.generateVideo, {
          ...start,
          args: [{ request, callerId }],
          staticSummary: `${request.model} · ${request.mode} · ${request.durationSeconds} s`,
          ...(showsPrompts && { staticDetails: request.prompt.slice(0, PROMPT_EXCERPT) }),
          memo: { ...termsOf(video) },
          typedSearchAttributes: [
            { key: SEARCH_ATTRIBUTES.videoState, value: video.state },
            { key: SEARCH_ATTRIBUTES.model, value: request.model },
            ...start.typedSearchAttributes,
          ],
        }),
      );
    },

    signalGranted: (videoId, slot) => signal(videoId, grantedSignal, slot),
    signalNews: (videoId) => signal(videoId, upstreamEventSignal),
    signalRecheck: (videoId) => signal(videoId, recheckSignal),
    signalReopen: (videoId) => signal(videoId, reopenSignal),

    async cancel(videoId: string): Promise<boolean> {
      return (
        (await signal(videoId, cancelSignal)) && (await reaches(() => client().workflow.getHandle(videoId).cancel()))
      );
    },

    ...createStarts(client),
    signalBatch: (batchId) => signal(batchId, lookAgainSignal),

    async runAgain(videoId: string): Promise<boolean> {
      const { status, runId } = await within(DEADLINE_MS, () => client().workflow.getHandle(videoId).describe());
      if (status.name === 'RUNNING') return false;
      await within(DEADLINE_MS, () =>
        client().workflowService.resetWorkflowExecution({
          namespace: client().options.namespace,
          workflowExecution: { workflowId: videoId, runId },
          reason: 'the catalog has lost the video',
          workflowTaskFinishEventId: FIRST_WORKFLOW_TASK,
          requestId: `again-${runId}`,
        }),
      );
      return true;
    },

    async rearchive({ id: videoId, callerId }, resultExpiresAt): Promise<RearchiveOutcome> {
      const handle = await within(DEADLINE_MS, () =>
        client().workflow.start<typeof rearchiveVideo>(WORKFLOW_TYPES.rearchiveVideo, {
          ...turnsOf(callerId),
          workflowId: `rearchive:${videoId}`,
          taskQueue: TASK_QUEUES.workflows,
          args: [{ videoId, resultExpiresAt }],
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        }),
      );
      try {
        await within(REARCHIVE_WAIT_MS, () => handle.result());
        return { kind: 'archived' };
      } catch (error) {
        if (isGrpcDeadlineError(error)) return { kind: 'running' };
        if (!(error instanceof WorkflowFailedError)) throw error;
        return { kind: 'failed', message: rootCause(error.cause) ?? error.message };
      }
    },

    async startDelivery({ id: deliveryId, callerId }, secondInMs): Promise<void> {
      await within(DEADLINE_MS, () =>
        client().workflow.signalWithStart<typeof deliverWebhook, []>(WORKFLOW_TYPES.deliverWebhook, {
          ...turnsOf(callerId),
          workflowId: `delivery:${deliveryId}`,
          taskQueue: TASK_QUEUES.delivery,
          args: [{ deliveryId, attempt: 2, waitMs: secondInMs }],
          signal: sentAgainSignal,
        }),
      );
    },

    ...createWorkflowQueries(client),

    async check(): Promise<void> {
      await within(CHECK_MS, () => client().connection.ensureConnected());
      await within(CHECK_MS, () => client().workflowService.getSystemInfo({}));
    },
  };
}
