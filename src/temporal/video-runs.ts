/** What Temporal knows of videos' workflows without any worker: which there are, and what their histories tell. */

import type { Client } from '@temporalio/client';
import { WORKFLOW_TYPES } from '../../workflows/messages.ts';
import { SEARCH_ATTRIBUTES } from '../../workflows/search-attributes.ts';
import { VIDEO_STATES } from '../domain/video.ts';
import type { VideoRun, VideoRunFacts, VideoRuns } from '../domain/video-runs.ts';
import { readRunHistory } from './run-history.ts';

const LIST_MS = 60_000;
const HISTORY_MS = 10_000;
const PAGE = 1000;

/** The readings over one client. */
export function createVideoRuns(client: Client): VideoRuns {
  const { connection, workflow } = client;

  async function list(condition: string, isOpen: boolean): Promise<readonly VideoRun[]> {
    const query = `WorkflowType = '${WORKFLOW_TYPES.generateVideo}' AND ${condition}`;
    const runs: VideoRun[] = [];
    await connection.withDeadline(Date.now() + LIST_MS, async () => {
      for await (const run of workflow.list({ query, pageSize: PAGE })) {
        const { workflowId: videoId, typedSearchAttributes, startTime: startedAt } = run;
        const told = typedSearchAttributes.get(SEARCH_ATTRIBUTES.videoState);
        runs.push({ videoId, isOpen, state: VIDEO_STATES.find((state) => state === told) ?? 'queued', startedAt });
      }
    });
    return runs;
  }

  return {
    async list(closedAfter: Date | null): Promise<readonly VideoRun[]> {
      const closed = closedAfter
        ? await list(`ExecutionStatus != 'Running' AND CloseTime > '${closedAfter.toISOString()}'`, false)
        : [];
      // Read second: what closed in between is told as open, which asks for less.
      const open = await list(`ExecutionStatus = 'Running'`, true);
      return [...new Map([...closed, ...open].map((run) => [run.videoId, run])).values()];
    },

    async read(videoId: string): Promise<VideoRunFacts> {
      return await connection.withDeadline(Date.now() + HISTORY_MS, async () =>
        readRunHistory(await workflow.getHandle(videoId).fetchHistory()),
      );
    },
  };
}
