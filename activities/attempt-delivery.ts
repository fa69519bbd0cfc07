/** `attemptDelivery`: sends one event to one endpoint, once. */

import type { AttemptOutcome } from '../src/domain/webhook.ts';
import { type AttemptDependencies, type AttemptInput, attemptDelivery } from '../src/webhooks/attempt.ts';

export function createDeliveryActivities(dependencies: AttemptDependencies) {
  return {
    /** Never throws for what the endpoint answers: that is an outcome, and the workflow is the schedule. */
    attemptDelivery: (input: AttemptInput): Promise<AttemptOutcome> => attemptDelivery(dependencies, input),
  };
}
