/** How workflows are started that several ways lead to: what stands in their start whichever one is taken. */

import { type GenerateVideoInput, TASK_QUEUES } from './messages.ts';
import { SEARCH_ATTRIBUTES } from './search-attributes.ts';

/** Where Temporal hands tasks out by fair turns, each caller has its own; what a run asks for inherits it. */
export const turnsOf = (callerId: string) => ({ priority: { fairnessKey: callerId } });

/** Start of `generateVideo` for another team's workflow, which the gateway has not accepted before. */
export function clipStart(input: GenerateVideoInput) {
  const { request, callerId = 'root' } = input;
  return {
    ...turnsOf(callerId),
    taskQueue: TASK_QUEUES.workflows,
    args: [input] as [GenerateVideoInput],
    staticSummary: `${request.model} · ${request.prompt.slice(0, 80)}`,
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.videoState, value: 'queued' },
      { key: SEARCH_ATTRIBUTES.callerId, value: callerId },
      { key: SEARCH_ATTRIBUTES.model, value: request.model },
    ],
  };
}

/** Start of a workflow whose id has rows of the catalog, off which it can read all else; one that runs is left alone. */
export function rowsStart({ id, callerId, batchId }: { id: string; callerId: string; batchId: string | null }) {
  return {
    ...turnsOf(callerId),
    workflowId: id,
    taskQueue: TASK_QUEUES.workflows,
    workflowIdConflictPolicy: 'USE_EXISTING' as const,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.callerId, value: callerId },
      ...(batchId === null ? [] : [{ key: SEARCH_ATTRIBUTES.batchId, value: batchId }]),
    ],
  };
}
