/** The bill: what was made for whom, what it costs, and how many tasks a key had at once. */

import { endsAtMs, lookAt, type SandboxTask } from './task.ts';

function line(task: SandboxTask, nowMs: number) {
  const { state, costMicroUsd } = lookAt(task, nowMs);
  const { id, key, provider, model, request, seconds, generationMs } = task;
  return {
    id,
    key,
    provider,
    model,
    request,
    seconds,
    costMicroUsd,
    state: state === 'queued' ? 'processing' : state,
    createdAt: new Date(task.createdAtMs).toISOString(),
    generationMs,
  };
}

/** The most tasks of a list that ran at the same moment; computed from the records, so it outlives restarts. */
export function peakConcurrent(tasks: readonly SandboxTask[]): number {
  const changes = tasks.flatMap((task) => [
    { atMs: task.createdAtMs, by: 1 },
    { atMs: endsAtMs(task), by: -1 },
  ]);
  // An end comes before a start of the same millisecond: the place was free when the next one took it.
  changes.sort((a, b) => a.atMs - b.atMs || a.by - b.by);
  let running = 0;
  let peak = 0;
  for (const { by } of changes) {
    running += by;
    peak = Math.max(peak, running);
  }
  return peak;
}

/** The bill over these tasks at this moment. */
export function billOf(tasks: readonly SandboxTask[], nowMs: number) {
  const keys = [...new Set(tasks.map(({ key }) => key))];
  const peaks = keys.map((owner) => [owner, peakConcurrent(tasks.filter(({ key }) => key === owner))] as const);
  return { tasks: tasks.map((task) => line(task, nowMs)), peakConcurrent: Object.fromEntries(peaks) };
}
