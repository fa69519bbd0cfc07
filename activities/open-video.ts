/** `openVideo`: the first step of every run, which enters a missing row and says where to go on. */

import { ApplicationFailure } from '@temporalio/common';
import { Refusal } from '../src/domain/failure.ts';
import type { OpenedVideo } from '../src/domain/step.ts';
import { type OpenVideoInput, open } from '../src/submissions/open.ts';
import type { ActivityDependencies } from './dependencies.ts';

export function createOpenActivities(dependencies: ActivityDependencies) {
  return {
    async openVideo(input: OpenVideoInput): Promise<OpenedVideo> {
      try {
        return await open(dependencies, input);
      } catch (error) {
        if (error instanceof Refusal) throw ApplicationFailure.nonRetryable(error.message, error.kind);
        throw error;
      }
    },
  };
}
