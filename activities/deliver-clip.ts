/** `deliverClip`: puts an archived clip where its create said; tried again for an hour at most, and no clip fails of it. */

import { Context } from '@temporalio/activity';
import { endClipDelivery, findDeliveryTarget, noteClipDelivery } from '../src/catalog/clip-deliveries.ts';
import { type DeliveryTarget, deliveredAt, failedDelivery } from '../src/domain/clip-delivery.ts';
import { clipKeyOf } from '../src/media/media-key.ts';
import { activityFailure } from './activity-failure.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeats } from './heartbeat.ts';

/**
 * By the waits between them just within the hour that they have. The last one says why it failed and ends the activity, which
 * Temporal itself would go on with.
 */
const DELIVERY_ATTEMPTS = 60;

export function createClipDeliveryActivities({
  db,
  putClip,
  delivery: { secrets },
}: Pick<ActivityDependencies, 'db' | 'putClip' | 'delivery'>) {
  return {
    async deliverClip({ videoId }: { readonly videoId: string }): Promise<void> {
      const sealed = await findDeliveryTarget(db, videoId);
      if (sealed === null) return;
      const target = JSON.parse(secrets.open(sealed)) as DeliveryTarget;
      const { info, cancellationSignal: signal } = Context.current();
      const outcome = await withHeartbeats(() => putClip({ clipKey: clipKeyOf(videoId), target, signal }));
      if (outcome.kind === 'later' && info.attempt < DELIVERY_ATTEMPTS) {
        await noteClipDelivery(db, videoId, outcome.message);
        throw activityFailure('not_delivered', outcome.message);
      }
      const at = new Date();
      await endClipDelivery(
        db,
        videoId,
        outcome.kind === 'delivered' ? deliveredAt(at) : failedDelivery(at, outcome.message),
      );
    },
  };
}
