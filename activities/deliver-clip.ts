/** `deliverClip`: puts an archived clip where its create said; Temporal tries again for as long as it may, and no clip fails of it. */

import { Context } from '@temporalio/activity';
import { endClipDelivery, findDeliveryTarget, noteClipDelivery } from '../src/catalog/clip-deliveries.ts';
import { type DeliveryTarget, deliveredAt, failedDelivery } from '../src/domain/clip-delivery.ts';
import { clipKeyOf } from '../src/media/media-key.ts';
import { activityFailure } from './activity-failure.ts';
import { createCallerShares } from './caller-shares.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeats } from './heartbeat.ts';

/** Of one caller at a worker: its storage may take minutes to take nothing. */
const AT_ONCE_OF_CALLER = 10;

const HAD_ITS_TIME = 'the clip was not taken within the time that it is kept for';

export function createClipDeliveryActivities({
  db,
  putClip,
  delivery: { secrets },
}: Pick<ActivityDependencies, 'db' | 'putClip' | 'delivery'>) {
  const withinShare = createCallerShares(AT_ONCE_OF_CALLER);
  return {
    async deliverClip({ videoId }: { readonly videoId: string }): Promise<void> {
      const wanted = await findDeliveryTarget(db, videoId);
      if (wanted === null) return;
      // Its bytes are promised to be gone by now, and its end removes them.
      if (wanted.isOver) return await endClipDelivery(db, videoId, failedDelivery(new Date(), HAD_ITS_TIME));
      const target = JSON.parse(secrets.open(wanted.sealed)) as DeliveryTarget;
      const { cancellationSignal: signal } = Context.current();
      const outcome = await withinShare(wanted.callerId, () =>
        withHeartbeats(() => putClip({ clipKey: clipKeyOf(videoId), target, signal })),
      );
      if (outcome.kind === 'later') {
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
