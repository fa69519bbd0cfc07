/** News of videos: heard when a transaction commits, and no follower is left behind by a lost connection. */

import { sql } from 'drizzle-orm';
import { announce, type ChangeWatcher, watchChanges } from '../../src/catalog/changes.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

/** A subscription whose calls can be awaited one by one. */
function follow(watcher: ChangeWatcher, videoId: string) {
  let calls = 0;
  let wake = () => {};
  const unsubscribe = watcher.subscribe(videoId, () => {
    calls += 1;
    wake();
  });
  return {
    unsubscribe,
    get calls() {
      return calls;
    },
    async reached(count: number) {
      while (calls < count) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
  };
}

describeOnBothCatalogs('changes of videos', (catalog) => {
  let watcher: ChangeWatcher;

  beforeEach(async () => {
    watcher = await watchChanges(catalog.database);
  });
  afterEach(async () => {
    await watcher.close();
  });

  test('reach those who follow the video', async () => {
    const { db } = catalog.database;
    const one = follow(watcher, 'video_1');
    const two = follow(watcher, 'video_2');
    await announce(db, 'video_1');
    await announce(db, 'video_2');
    await one.reached(1);
    await two.reached(1);
    expect([one.calls, two.calls]).toEqual([1, 1]);
  });

  test('are told only when the transaction commits', async () => {
    const { db } = catalog.database;
    const followed = follow(watcher, 'video_1');
    const marker = follow(watcher, 'marker');
    const failing = db.transaction(async (tx) => {
      await announce(tx, 'video_1');
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    await announce(db, 'marker');
    await marker.reached(1);
    expect(followed.calls).toBe(0);
    await db.transaction((tx) => announce(tx, 'video_1'));
    await followed.reached(1);
  });

  test('do not reach who has unsubscribed', async () => {
    const { db } = catalog.database;
    const left = follow(watcher, 'video_1');
    const stays = follow(watcher, 'video_1');
    left.unsubscribe();
    left.unsubscribe();
    await announce(db, 'video_1');
    await stays.reached(1);
    expect(left.calls).toBe(0);
  });

  test('wake every subscriber after a lost connection', async () => {
    if (catalog.databaseUrl === null) return;
    const { db } = catalog.database;
    const one = follow(watcher, 'video_1');
    const two = follow(watcher, 'video_2');
    await db.execute(
      sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'clipyard changes'`,
    );
    await Promise.all([one.reached(1), two.reached(1)]);
    await announce(db, 'video_2');
    await two.reached(2);
    expect(one.calls).toBe(1);
  });
});
