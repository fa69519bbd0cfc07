/** Starting, telling and asking videos' workflows: every call to Temporal about one video, each bounded in time. */

import { type Client, isGrpcDeadlineError, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { rootCause } from '@temporalio/common';
import type { generateVideo } from '../../workflows/generate-video.ts';
import {
  cancelSignal,
  type GrantedSlot,
  grantedSignal,
  TASK_QUEUES,
  upstreamEventSignal,
  type VideoSnapshot,
  videoQuery,
  WORKFLOW_TYPES,
} from '../../workflows/messages.ts';
import type { rearchiveVideo } from '../../workflows/rearchive-video.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import type { AcceptedTerms } from '../domain/step.ts';
import type { Video } from '../domain/video.ts';

/** What Temporal knows of a video's workflow. */
export type WorkflowStanding = 'running' | 'terminated' | 'closed' | 'gone';

/** How far an archiving has come by the time that whoever asked for it is answered. */
export type RearchiveOutcome =
  | { readonly kind: 'archived' | 'running' }
  | { readonly kind: 'failed'; readonly message: string };

/** Calls wait no longer than this for Temporal. */
const DEADLINE_MS = 5000;
const QUERY_DEADLINE_MS = 1500;
/** Most clips are there by then; for the others the answer does not wait. */
const REARCHIVE_WAIT_MS = 20_000;
const VISIBILITY_LIMIT = 1000;

/** Kept beside the request: what a catalog that lost the video could not work out again. */
function termsOf({ dialect, estimateMicroUsd, createdAt, expiresAt }: Video): AcceptedTerms {
  return { dialect, estimateMicroUsd, createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() };
}

export type WorkflowControl = ReturnType<typeof createWorkflowControl>;

/** Prompts in the UI are cut to this many characters. */
const PROMPT_EXCERPT = 400;

/** The calls about videos' workflows over one client. */
export function createWorkflowControl(client: Client) {
  const within = <Result>(deadlineMs: number, call: () => Promise<Result>) =>
    client.connection.withDeadline(Date.now() + deadlineMs, call);

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

  return {
    /** Starts the video's workflow; one that runs is left alone. */
    async start(video: Video, { stop = false }: { readonly stop?: boolean } = {}): Promise<void> {
      const { id, request, callerId, batchId } = video;
      await within(DEADLINE_MS, () =>
        client.workflow.start<typeof generateVideo>(WORKFLOW_TYPES.generateVideo, {
          workflowId: id,
          taskQueue: TASK_QUEUES.workflows,
          args: [{ request, callerId, ...(stop && { stop }) }],
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

    signalGranted(videoId: string, slot: GrantedSlot): Promise<boolean> {
      return reaches(() => client.workflow.getHandle(videoId).signal(grantedSignal, slot));
    },

    /** Wakes a video that is waiting to look at its task. */
    signalLookNow(videoId: string): Promise<boolean> {
      return reaches(() => client.workflow.getHandle(videoId).signal(upstreamEventSignal));
    },

    /** Asks for cancellation both ways: Temporal's, so that the run closes as Canceled, and our own signal. */
    async cancel(videoId: string): Promise<boolean> {
      return (
        (await reaches(() => client.workflow.getHandle(videoId).signal(cancelSignal))) &&
        (await reaches(() => client.workflow.getHandle(videoId).cancel()))
      );
    },

    /** Fetches an ended video's clip once more; an archiving that is on its way is joined. */
    async rearchive(videoId: string, resultExpiresAt: string): Promise<RearchiveOutcome> {
      const handle = await within(DEADLINE_MS, () =>
        client.workflow.start<typeof rearchiveVideo>(WORKFLOW_TYPES.rearchiveVideo, {
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

    /** The workflow's own account of the video; null when nobody answers in time. */
    async query(videoId: string): Promise<VideoSnapshot | null> {
      try {
        return await within(QUERY_DEADLINE_MS, () => client.workflow.getHandle(videoId).query(videoQuery));
      } catch {
        return null;
      }
    },

    async standing(videoId: string): Promise<WorkflowStanding> {
      try {
        const { status } = await within(DEADLINE_MS, () => client.workflow.getHandle(videoId).describe());
        if (status.name === 'RUNNING') return 'running';
        return status.name === 'TERMINATED' || status.name === 'CANCELLED' ? 'terminated' : 'closed';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return 'gone';
        throw error;
      }
    },

    /** Ids of videos whose workflows were closed from outside since then, as far as visibility shows them. */
    async listClosedSince(since: Date): Promise<readonly string[]> {
      const ids = new Set<string>();
      const query = `WorkflowType = '${WORKFLOW_TYPES.generateVideo}' AND ExecutionStatus IN ('Terminated', 'TimedOut') AND CloseTime > '${since.toISOString()}'`;
      await within(DEADLINE_MS, async () => {
        for await (const { workflowId } of client.workflow.list({ query })) {
          ids.add(workflowId);
          if (ids.size >= VISIBILITY_LIMIT) break;
        }
      });
      return [...ids];
    },

    /** Waits until Temporal answers at all. */
    async check(): Promise<void> {
      await within(1500, () => client.connection.ensureConnected());
      await within(1500, () => client.workflowService.getSystemInfo({}));
    },
  };
}
