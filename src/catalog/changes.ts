/**
 * News of videos: the trigger that writes down a change announces it, under the video's id and under its caller's, and one
 * connection per process hears of it when the transaction commits.
 */

import { and, asc, eq, gt, isNull, or, type SQL, sql } from 'drizzle-orm';
import { type Position, parseSeen, printSeen, type Seen } from '../domain/seen.ts';
import type { Video } from '../domain/video.ts';
import { type CatalogDatabase, type Db, rowsOf } from './driver/database.ts';
import { videoChanges, videos } from './tables/videos.ts';
import { toVideo } from './videos.ts';

const CHANNEL = 'clipyard_video';
/** In place of an id: every change. */
export const EVERY_CHANGE = '*';

export interface ChangeWatcher {
  /** Calls back after each change of the video or of a caller's, and whenever one may have been missed, until the result is called. */
  subscribe(id: string, onChange: () => void): () => void;
  close(): Promise<void>;
}

/** Listens for changes; who subscribes reads the video after subscribing, so that nothing falls in between. */
export async function watchChanges(database: Pick<CatalogDatabase, 'listen'>): Promise<ChangeWatcher> {
  const subscribers = new Map<string, Set<() => void>>();
  const tell = (id: string) => {
    for (const onChange of subscribers.get(id) ?? []) onChange();
  };
  const stop = await database.listen(CHANNEL, {
    onPayload: (id) => {
      tell(id);
      tell(EVERY_CHANGE);
    },
    onGap: () => {
      for (const id of subscribers.keys()) tell(id);
    },
  });
  return {
    subscribe(id, onChange) {
      // A function of its own for each subscription: one callback may be subscribed twice.
      const subscription = () => onChange();
      const own = subscribers.get(id) ?? new Set();
      subscribers.set(id, own.add(subscription));
      return () => {
        own.delete(subscription);
        if (own.size === 0 && subscribers.get(id) === own) subscribers.delete(id);
      };
    },
    async close() {
      subscribers.clear();
      await stop();
    },
  };
}

/** A video as it is, and how many changes there were. */
export interface VideoNow {
  readonly video: Video;
  readonly revision: number;
}

/** The video with its revision, 0 for one that has not changed since revisions are counted; null where there is none. */
export async function findVideoNow(db: Db, id: string): Promise<VideoNow | null> {
  const [row] = await db
    .select({ video: videos, revision: videoChanges.revision })
    .from(videos)
    .leftJoin(videoChanges, eq(videoChanges.videoId, videos.id))
    .where(eq(videos.id, id));
  return row ? { video: toVideo(row.video), revision: row.revision ?? 0 } : null;
}

/** What a reading of this moment can see. */
export async function readSeen(db: Db): Promise<Seen> {
  const [row] = rowsOf<{ readonly seen: string }>(await db.execute(sql`select pg_current_snapshot()::text as seen`));
  return toSeen(row?.seen);
}

function toSeen(text: string | undefined): Seen {
  const seen = parseSeen(text ?? '');
  if (seen === null) throw new Error(`not a snapshot of PostgreSQL: ${text}`);
  return seen;
}

export interface ReadChange {
  readonly video: Video;
  readonly transaction: bigint;
}

/** What has changed beyond a position, in order. */
export interface ChangePage {
  readonly changes: readonly ReadChange[];
  /** What the reading could see; null where nothing has changed. */
  readonly seen: Seen | null;
  readonly isWhole: boolean;
}

/** Of a caller, or null: of all. What is hidden from its caller is read for all alone. */
export interface ChangesAsked {
  readonly callerId: string | null;
  readonly from: Position;
  readonly limit: number;
}

/** One statement, along an index: videos whose last change is beyond the position. */
export async function readChanges(db: Db, { callerId, from, limit }: ChangesAsked): Promise<ChangePage> {
  const { seen, within } = from;
  const { changedIn, videoId } = videoChanges;
  const text = printSeen(seen);
  const isOf = (transaction: bigint, sign: SQL) => sql`${changedIn} ${sign} ${String(transaction)}::xid8`;
  const rows = await db
    .select({ video: videos, changedIn, seen: sql<string>`pg_current_snapshot()::text` })
    .from(videoChanges)
    .innerJoin(videos, eq(videos.id, videoId))
    .where(
      and(
        callerId === null ? undefined : and(eq(videoChanges.callerId, callerId), isNull(videos.hiddenAt)),
        isOf(seen.missing[0] ?? seen.end, sql`>=`),
        sql`not pg_visible_in_snapshot(${changedIn}, ${text}::pg_snapshot)`,
        within && or(isOf(within.transaction, sql`<>`), gt(videoId, within.videoId)),
      ),
    )
    .orderBy(asc(changedIn), asc(videoId))
    .limit(limit + 1);
  const page = rows.slice(0, limit);
  return {
    changes: page.map((row) => ({ video: toVideo(row.video), transaction: row.changedIn })),
    seen: rows[0] ? toSeen(rows[0].seen) : null,
    isWhole: rows.length <= limit,
  };
}
