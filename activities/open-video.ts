/** `openVideo`: the first step of every run, which enters a missing row and says where to go on. */

import { Refusal } from '../src/domain/failure.ts';
import type { OpenedVideo } from '../src/domain/step.ts';
import { type OpenVideoInput, open } from '../src/submissions/open.ts';
import { activityFailure } from './activity-failure.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function createOpenActivities(dependencies: ActivityDependencies) {
  return {
    async openVideo(input: OpenVideoInput): Promise<OpenedVideo> {
      try {
        return await open(dependencies, input);
      } catch (error) {
        if (error instanceof Refusal) throw activityFailure(error.kind, error.message);
        throw error;
      }
    },
  };
}
