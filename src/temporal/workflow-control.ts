/** Starting, telling and asking videos' workflows: every call to Temporal about one video, each bounded in time. */

import { type Client, isGrpcDeadlineError, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { rootCause, type SignalDefinition } from '@temporalio/common';
import type { generateVideo } from '../../workflows/generate-video.ts';
import {
  cancelSignal,
  grantedSignal,
  recheckSignal,
  reopenSignal,
  TASK_QUEUES,
  upstreamEventSignal,
  WORKFLOW_TYPES,
} from '../../workflows/messages.ts';
import type { rearchiveVideo } from '../../workflows/rearchive-video.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import type { AcceptedTerms } from '../domain/step.ts';
import type { Video } from '../domain/video.ts';
import type { RearchiveOutcome, StartedVideo, VideoWorkflows, WorkflowStanding } from '../domain/video-workflows.ts';

/** Calls wait no longer than this for Temporal. */
const DEADLINE_MS = 5000;
const CHECK_MS = 1500;
/** Most clips are there by then; for the others the answer does not wait. */
const REARCHIVE_WAIT_MS = 20_000;
const VISIBILITY_LIMIT = 1000;
const LIST_ALL_MS = 5 * 60_000;
/** Who closes a run that has outgrown its bounds, as its history names it. */
const SERVER_IDENTITY = 'history-service';

/** Kept beside the request: what a catalog that lost the video could not work out again. */
function termsOf({ dialect, estimateMicroUsd, createdAt, expiresAt }: Video): AcceptedTerms {
  return { dialect, estimateMicroUsd, createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() };
}

/** Prompts in the UI are cut to this many characters. */
const PROMPT_EXCERPT = 400;

/** The calls about videos' workflows over the client of the moment; they reject with what `client` throws. */
export function createWorkflowControl(client: () => Client): VideoWorkflows {
  const within = async <Result>(deadlineMs: number, call: () => Promise<Result>) =>
    await client().connection.withDeadline(Date.now() + deadlineMs, call);

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

  /** Ids of our videos' workflows that a query of visibility finds. */
  async function* find(condition: string) {
    const query = `WorkflowType = '${WORKFLOW_TYPES.generateVideo}' AND ${condition}`;
    for await (const found of client().workflow.list({ query })) yield found;
  }

  /** Whether Temporal itself terminated the run, for its history's size for one. */
  async function isTerminatedByServer(videoId: string, runId: string): Promise<boolean> {
    const { history } = await client().workflowService.getWorkflowExecutionHistoryReverse({
      namespace: client().options.namespace,
      execution: { workflowId: videoId, runId },
      maximumPageSize: 1,
    });
    return history?.events?.[0]?.workflowExecutionTerminatedEventAttributes?.identity === SERVER_IDENTITY;
  }

  return {
    async start(video: Video): Promise<void> {
      const { id, request, callerId, batchId } = video;
      await within(DEADLINE_MS, () =>
        client().workflow.start<typeof generateVideo>(WORKFLOW_TYPES.generateVideo, {
          workflowId: id,
          taskQueue: TASK_QUEUES.workflows,
          args: [{ request, callerId }],
          workflowIdConflictPolicy: 'USE_EXISTING',
          workflowIdReusePolicy: 'ALLOW_DUPLICATE',
          staticSummary: `${request.model} · ${request.mode} · ${request.durationSeconds} s`,
          staticDetails: request.prompt.slice(0, PROMPT_EXCERPT),
          memo: { ...termsOf(video) },
          typedSearchAttributes: [
            { key: SEARCH_ATTRIBUTES.videoState, value: video.state },
            { key: SEARCH_ATTRIBUTES.callerId, value: callerId },
            { key: SEARCH_ATTRIBUTES.model, value: request.model },
            ...(batchId === null ? [] : [{ key: SEARCH_ATTRIBUTES.batchId, value: batchId }]),
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

    async rearchive(videoId: string, resultExpiresAt: string): Promise<RearchiveOutcome> {
      const handle = await within(DEADLINE_MS, () =>
        client().workflow.start<typeof rearchiveVideo>(WORKFLOW_TYPES.rearchiveVideo, {
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

    standing(videoId: string): Promise<WorkflowStanding> {
      return within(DEADLINE_MS, async () => {
        try {
          const { status, runId } = await client().workflow.getHandle(videoId).describe();
          if (status.name === 'RUNNING') return 'running';
          if (status.name === 'TERMINATED')
            return (await isTerminatedByServer(videoId, runId)) ? 'closed' : 'terminated';
          return status.name === 'CANCELLED' ? 'terminated' : 'closed';
        } catch (error) {
          if (error instanceof WorkflowNotFoundError) return 'gone';
          throw error;
        }
      });
    },

    listClosedSince(since: Date): Promise<readonly string[]> {
      return within(DEADLINE_MS, async () => {
        const closed = `ExecutionStatus IN ('Terminated', 'TimedOut') AND CloseTime > '${since.toISOString()}'`;
        const ids = new Set<string>();
        for await (const { workflowId } of find(closed)) {
          ids.add(workflowId);
          if (ids.size >= VISIBILITY_LIMIT) break;
        }
        return [...ids];
      });
    },

    listStartedSince(since: Date): Promise<readonly StartedVideo[]> {
      return within(DEADLINE_MS, async () => {
        const started: StartedVideo[] = [];
        for await (const { workflowId, memo } of find(`StartTime > '${since.toISOString()}'`)) {
          started.push({ videoId: workflowId, isAccepted: memo?.['dialect'] !== undefined });
          if (started.length >= VISIBILITY_LIMIT) break;
        }
        return started;
      });
    },

    listRunning(): Promise<readonly string[]> {
      return within(LIST_ALL_MS, async () => {
        const ids: string[] = [];
        for await (const { workflowId } of find("ExecutionStatus = 'Running'")) ids.push(workflowId);
        return ids;
      });
    },

    async check(): Promise<void> {
      await within(CHECK_MS, () => client().connection.ensureConnected());
      await within(CHECK_MS, () => client().workflowService.getSystemInfo({}));
    },
  };
}
