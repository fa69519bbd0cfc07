/** News of videos: each change is announced in its transaction, and one connection per process hears of it. */

import { sql } from 'drizzle-orm';
import type { CatalogDatabase, Db } from './driver/database.ts';

const CHANNEL = 'clipyard_video';

/** Tells every process that a video changed, as soon as the transaction commits. */
export async function announce(tx: Db, videoId: string): Promise<void> {
  await tx.execute(sql`select pg_notify(${CHANNEL}, ${videoId})`);
}

export interface ChangeWatcher {
  /** Calls back after each change of the video, and whenever one may have been missed, until the result is called. */
  subscribe(videoId: string, onChange: () => void): () => void;
  close(): Promise<void>;
}

/** Listens for changes; who subscribes reads the video after subscribing, so that nothing falls in between. */
export async function watchChanges(database: Pick<CatalogDatabase, 'listen'>): Promise<ChangeWatcher> {
  const subscribers = new Map<string, Set<() => void>>();
  const tell = (videoId: string) => {
    for (const onChange of subscribers.get(videoId) ?? []) onChange();
  };
  const stop = await database.listen(CHANNEL, {
    onPayload: tell,
    onGap: () => {
      for (const videoId of subscribers.keys()) tell(videoId);
    },
  });
  return {
    subscribe(videoId, onChange) {
      // A function of its own for each subscription: one callback may be subscribed twice.
      const subscription = () => onChange();
      const own = subscribers.get(videoId) ?? new Set();
      subscribers.set(videoId, own.add(subscription));
      return () => {
        own.delete(subscription);
        if (own.size === 0 && subscribers.get(videoId) === own) subscribers.delete(videoId);
      };
    },
    async close() {
      subscribers.clear();
      await stop();
    },
  };
}
