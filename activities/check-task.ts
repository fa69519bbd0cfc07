/** `checkTask`: polls a running task once. */

import type { Poll } from '../src/domain/poll.ts';
import { type CheckTaskInput, pollTask } from '../src/submissions/poll-task.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function createCheckActivities(dependencies: ActivityDependencies) {
  return {
    checkTask: (input: CheckTaskInput): Promise<Poll> => pollTask(dependencies, input),
  };
}
