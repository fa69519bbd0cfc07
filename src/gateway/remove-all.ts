/** Removing all videos of a caller: hidden at once, and what follows of that begun before the answer. */

import { hideAll } from '../catalog/hiding.ts';
import { Refusal } from '../domain/failure.ts';
import type { MediaStore } from '../media/media-store.ts';
import { purgeMedia } from '../recovery/purge.ts';
import type { BulkRunner } from './bulk.ts';
import { cancelVideo, type Wishing } from './wishes.ts';

export interface RemovingAll {
  readonly store: MediaStore;
  readonly wishing: Wishing;
  readonly bulks: BulkRunner;
  /** What was known of a video is known no more. */
  readonly forget: (id: string) => void;
}

/** Removes them with their media, after cancelling what has not ended; how many they were. */
export async function removeAll({ store, wishing, bulks, forget }: RemovingAll, callerId: string): Promise<number> {
  const { db } = wishing;
  const hidden = await hideAll(db, callerId);
  const ids = hidden.map(({ id }) => id);
  ids.forEach(forget);
  const ended = new Set(hidden.flatMap(({ id, hasEnded }) => (hasEnded ? [id] : [])));
  const finish = async (id: string) => {
    await (ended.has(id) ? purgeMedia({ db, store }, id) : cancelVideo(wishing, id));
    forget(id);
  };
  await bulks.run(ids, finish).catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error;
    // Too much else is being worked on: the rows have the wishes, and the sweep finds the media.
    wishing.starter.catchUpLater();
  });
  return ids.length;
}
