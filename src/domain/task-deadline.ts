/** When a task's time is over: its video's own bound, or its provider's. */

import type { RunningTask } from './step.ts';

/** Until when a task is waited for, in milliseconds. */
export function deadlineMsOf({ deadlineAt, submittedAt, timing }: RunningTask): number {
  return Date.parse(deadlineAt ?? submittedAt) + (deadlineAt === undefined ? timing.deadlineMs : 0);
}
