/** `attemptDelivery`: one attempt to tell an endpoint of an event, beside those of other callers. */

import { findDeliveryCaller } from '../src/catalog/deliveries.ts';
import type { AttemptOutcome } from '../src/domain/webhook.ts';
import { type AttemptInput, attemptDelivery } from '../src/webhooks/attempt.ts';
import { createCallerShares } from './caller-shares.ts';
import type { ActivityDependencies } from './dependencies.ts';

/** As of first attempts: an endpoint that does not answer holds a place for 15 s. */
const AT_ONCE_OF_CALLER = 20;

export function createWebhookActivities({ delivery }: Pick<ActivityDependencies, 'delivery'>) {
  const withinShare = createCallerShares(AT_ONCE_OF_CALLER);
  return {
    /** Never throws for what the endpoint answers: that is an outcome, and the workflow is the schedule. */
    async attemptDelivery(input: AttemptInput): Promise<AttemptOutcome> {
      const callerId = await findDeliveryCaller(delivery.db, input.deliveryId);
      if (callerId === null) return { kind: 'over', end: 'stopped' };
      return await withinShare(callerId, () => attemptDelivery(delivery, input));
    },
  };
}
