/** Starts of videos' workflows, and their activities, as spans below those of the videos. */

import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { WORKFLOW_TYPES } from '../../workflows/messages.ts';
import type { NextStep } from '../domain/step.ts';
import type { SpanFacts, Traces } from '../domain/trace.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';

/** The same, with each start of a video told. */
export function traceStarts(workflows: VideoWorkflows, traces: Traces): VideoWorkflows {
  const name = `start ${WORKFLOW_TYPES.generateVideo}`;
  return {
    ...workflows,
    start: (video) => traces.withinVideo(video.id, { name, kind: 'client' }, () => workflows.start(video)),
  };
}

/** Where a video's activity says that its workflow goes on; null where it says nothing of it. */
function nextOf(answer: unknown): NextStep | null {
  if (typeof answer !== 'object' || answer === null) return null;
  const next = ('next' in answer ? answer.next : answer) as NextStep | object | null | undefined;
  return next && 'step' in next ? next : null;
}

function tell(answer: unknown): SpanFacts {
  const next = nextOf(answer);
  if (next === null) return {};
  const account = 'account' in next ? next.account : 'task' in next ? next.task?.account : undefined;
  return { outcome: next.step, account };
}

/**
 * Tells the activities of videos' workflows. Their context does not come with them, through Temporal: it is the video's, and
 * so the bundle of workflows and their histories are the same with tracing and without.
 */
export function traceActivities(traces: Traces): ActivityInterceptorsFactory {
  return ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const { workflowType, workflowExecution, activityType: name, attempt, taskQueue } = info;
        if (workflowType !== WORKFLOW_TYPES.generateVideo || !workflowExecution) return await next(input);
        const { workflowId: videoId } = workflowExecution;
        const span = { name, facts: { attempt, taskQueue }, tell };
        const answer = await traces.withinVideo(videoId, span, () => next(input));
        const step = nextOf(answer);
        if (step?.step === 'ended') {
          const { state, failure } = step.end;
          await traces.endVideo(videoId, { state, failure: failure?.kind });
        }
        return answer;
      },
    },
  });
}
