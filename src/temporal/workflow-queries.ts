/** What Temporal is asked about videos' workflows: how one stands, and which of them run, were started or have closed. */

import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { WORKFLOW_TYPES } from '../../workflows/messages.ts';
import type { StartedVideo, VideoWorkflows, WorkflowStanding } from '../domain/video-workflows.ts';

const DEADLINE_MS = 5000;
const VISIBILITY_LIMIT = 1000;
const LIST_ALL_MS = 5 * 60_000;
/** Who closes a run that has outgrown its bounds, as its history names it. */
const SERVER_IDENTITY = 'history-service';

/** Bounds calls over the client of the moment; they reject with what `client` throws. */
export function withinOf(client: () => Client) {
  return async <Result>(deadlineMs: number, call: () => Promise<Result>): Promise<Result> =>
    await client().connection.withDeadline(Date.now() + deadlineMs, call);
}

type WorkflowQueries = Pick<VideoWorkflows, 'standing' | 'listClosedSince' | 'listStartedSince' | 'listRunning'>;

export function createWorkflowQueries(client: () => Client): WorkflowQueries {
  const within = withinOf(client);

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

    listStartedSince(since: Date, limit: number): Promise<readonly StartedVideo[]> {
      return within(LIST_ALL_MS, async () => {
        const started: StartedVideo[] = [];
        for await (const { workflowId, memo } of find(`StartTime > '${since.toISOString()}'`)) {
          started.push({ videoId: workflowId, isAccepted: memo?.['dialect'] !== undefined });
          if (started.length >= limit) break;
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
  };
}
