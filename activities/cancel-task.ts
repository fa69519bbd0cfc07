/** `cancelTask`: asks the upstream to stop a task; the polls that follow show whether it was heard. */

import { providerOf } from '../src/domain/provider.ts';
import type { RunningTask } from '../src/domain/step.ts';
import { callFor } from '../src/submissions/dependencies.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function createCancelActivities(dependencies: ActivityDependencies) {
  return {
    async cancelTask({ task }: { readonly task: RunningTask }): Promise<void> {
      const call = callFor(dependencies, task);
      if (call) await providerOf(dependencies.providers, task).cancel?.(task.taskId, call);
    },
  };
}
