/** `deliverClip`: puts an archived clip where its create said; Temporal tries again for as long as it may, and no clip fails of it. */

import { Context } from '@temporalio/activity';
import type { PutOutcome } from '../src/archive/deliver-clip.ts';
import { endClipDelivery, findDeliveryTarget, noteClipDelivery } from '../src/catalog/clip-deliveries.ts';
import { type DeliveryTarget, deliveredAt, failedDelivery } from '../src/domain/clip-delivery.ts';
import { clipKeyOf } from '../src/media/media-key.ts';
import { activityFailure } from './activity-failure.ts';
import { createCallerShares } from './caller-shares.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { withHeartbeats } from './heartbeat.ts';

/** Of one caller at a worker: its storage may take minutes to take nothing. */
const AT_ONCE_OF_CALLER = 10;

/** The key may be put back while the delivery may still be tried. */
const SEALED_OTHERWISE = 'where it is to go cannot be read: that was sealed under another CLIPYARD_SECRET_KEY';

const HAD_ITS_TIME = 'the clip was not taken within the time that it is kept for';

export function createClipDeliveryActivities({
  db,
  putClip,
  delivery: { secrets },
}: Pick<ActivityDependencies, 'db' | 'putClip' | 'delivery'>) {
  const withinShare = createCallerShares(AT_ONCE_OF_CALLER);

  /** Where a clip is to go; null where another key has sealed it. */
  function unseal(sealed: string): DeliveryTarget | null {
    try {
      return JSON.parse(secrets.open(sealed)) as DeliveryTarget;
    } catch {
      return null;
    }
  }

  async function tryTo(
    videoId: string,
    { callerId, sealed }: { readonly callerId: string; readonly sealed: string },
  ): Promise<PutOutcome> {
    const target = unseal(sealed);
    if (target === null) return { kind: 'later', message: SEALED_OTHERWISE };
    const { cancellationSignal: signal } = Context.current();
    return await withinShare(callerId, () =>
      withHeartbeats(() => putClip({ clipKey: clipKeyOf(videoId), target, signal })),
    );
  }

  return {
    async deliverClip({ videoId }: { readonly videoId: string }): Promise<void> {
      const wanted = await findDeliveryTarget(db, videoId);
      if (wanted === null) return;
      // Its bytes are promised to be gone by now, and its end removes them.
      if (wanted.isOver) return await endClipDelivery(db, videoId, failedDelivery(new Date(), HAD_ITS_TIME));
      const outcome = await tryTo(videoId, wanted);
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
