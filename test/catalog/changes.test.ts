/** News of videos: heard when a transaction commits, and no follower is left behind by a lost connection. */

import { sql } from 'drizzle-orm';
import { type ChangeWatcher, findVideoNow, readChanges, readSeen, watchChanges } from '../../src/catalog/changes.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { changeVideo, noteWaiting } from '../../src/catalog/videos.ts';
import { after, type Position } from '../../src/domain/seen.ts';
import { insertVideo } from './rows.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

/** As the trigger of videos does. */
async function announce(db: Db, id: string): Promise<void> {
  await db.execute(sql`select pg_notify('clipyard_video', ${id})`);
}

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

  test('reach those who follow a caller, or all', async () => {
    const { db } = catalog.database;
    const [ofCaller, every] = [follow(watcher, 'caller_1'), follow(watcher, '*')];
    await insertVideo(db, { id: 'video_1', callerId: 'caller_1' });
    await Promise.all([ofCaller.reached(1), every.reached(1)]);
  });

  test('are counted where they show', async () => {
    const { db } = catalog.database;
    await insertVideo(db, { id: 'video_1' });
    const revision = async () => (await findVideoNow(db, 'video_1'))?.revision;
    expect(await revision()).toBe(1);
    await changeVideo(db, 'video_1', { state: 'generating', progress: 10 });
    expect(await revision()).toBe(2);
    await changeVideo(db, 'video_1', { progress: 14, polls: 3, polledAt: new Date(), untoldSince: new Date() });
    const since = new Date().toISOString();
    await noteWaiting(db, 'video_1', { kind: 'slot', since, until: null, detail: 'waits' });
    expect(await revision()).toBe(2);
    await changeVideo(db, 'video_1', { progress: 15 });
    expect(await revision()).toBe(3);
    expect(await findVideoNow(db, 'video_2')).toBeNull();
  });

  /** Reads page by page from a position on: the ids, each with the position behind it. */
  async function readOn(from: Position, { callerId = 'caller_1' as string | null, limit = 10 } = {}) {
    const { changes, seen, isWhole } = await readChanges(catalog.database.db, { callerId, from, limit });
    const ids = changes.map(({ video }) => video.id);
    const positions = changes.map(({ transaction, video }, index) => {
      const next = changes[index + 1];
      const isLast = next ? next.transaction !== transaction : isWhole;
      if (seen === null) throw new Error('changes without a reading');
      return after(from, seen, { transaction, videoId: video.id, isLast });
    });
    return { ids, positions, isWhole };
  }

  test('are read from any position on, each once', async () => {
    const { db } = catalog.database;
    await insertVideo(db, { id: 'video_0', callerId: 'caller_1' });
    const start = { seen: await readSeen(db) };
    await db.transaction(async (tx) => {
      for (const id of ['video_1', 'video_2', 'video_3']) await insertVideo(tx, { id, callerId: 'caller_1' });
    });
    await insertVideo(db, { id: 'video_4', callerId: 'caller_2' });
    await changeVideo(db, 'video_0', { state: 'failed' });
    const whole = await readOn(start);
    expect(whole.ids).toEqual(['video_1', 'video_2', 'video_3', 'video_0']);
    for (const [index, position] of whole.positions.entries()) {
      expect((await readOn(position)).ids).toEqual(whole.ids.slice(index + 1));
    }
    const first = await readOn(start, { limit: 2 });
    expect([first.ids, first.isWhole]).toEqual([['video_1', 'video_2'], false]);
    const [, second] = first.positions;
    if (second) expect((await readOn(second)).ids).toEqual(['video_3', 'video_0']);
    expect((await readOn(start, { callerId: null })).ids).toContain('video_4');
  });

  test('of a transaction that commits after later ones are not missed', async () => {
    if (catalog.databaseUrl === null) return;
    const { db } = catalog.database;
    for (const id of ['video_1', 'video_2', 'video_3']) await insertVideo(db, { id, callerId: 'caller_1' });
    const start = { seen: await readSeen(db) };
    let commit = () => {};
    const mayCommit = new Promise<void>((resolve) => {
      commit = resolve;
    });
    let begun = () => {};
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const early = db.transaction(async (tx) => {
      await changeVideo(tx, 'video_1', { state: 'failed' });
      begun();
      await mayCommit;
    });
    await hasBegun;
    await changeVideo(db, 'video_2', { state: 'failed' });
    const before = await readOn(start);
    expect(before.ids).toEqual(['video_2']);
    await changeVideo(db, 'video_3', { state: 'failed' });
    commit();
    await early;
    const [position = start] = before.positions;
    const rest = await readOn(position);
    expect(rest.ids).toEqual(['video_1', 'video_3']);
    const [first = start, last = start] = rest.positions;
    expect((await readOn(first)).ids).toEqual(['video_3']);
    expect((await readOn(last)).ids).toEqual([]);
  });
});
