/** Watches a task and tells each change: what event streams are made of. */

import { setTimeout } from 'node:timers/promises';
import { lookAt, type SandboxTask, type TaskLook } from './task.ts';

const LONGEST_TICK_MS = 500;
const SHORTEST_TICK_MS = 5;

/** How the task looks: as it is now first, then at each change, ending with its end or the signal. */
export async function* followTask(task: SandboxTask, signal: AbortSignal): AsyncGenerator<TaskLook> {
  const tickMs = Math.min(LONGEST_TICK_MS, Math.max(SHORTEST_TICK_MS, task.generationMs / 100));
  let last = '';
  while (!signal.aborted) {
    const look = lookAt(task, Date.now());
    const seen = `${look.strangeWord ?? look.state} ${look.progress}`;
    if (seen !== last) yield look;
    if (look.state !== 'queued' && look.state !== 'processing') return;
    last = seen;
    await setTimeout(tickMs, undefined, { signal }).catch(() => undefined);
  }
}
