/** The changes of a caller's videos as its event streams are told of them: each change is read once for all that keep up. */

import { after, type ChangePlace, isTold, move, type Position, printPosition, type Seen } from '../../domain/seen.ts';
import { RUNNING_STATES, type Video, type VideoState } from '../../domain/video.ts';
import type { Gateway } from '../../gateway/gateway.ts';

/** Videos that are read in one statement: the longest snapshots of so many have some megabytes. */
const PAGE = 50;
/** Changes that are kept for a stream whose client takes its time; beyond, it reads them by itself when it is ready. */
const MOST_KEPT = 100;

type Changes = Pick<Gateway, 'changes' | 'list' | 'watchCaller'>;

export interface FeedOptions {
  readonly gateway: Changes;
  /** The JSON of each. */
  readonly print: (videos: readonly Video[]) => Promise<readonly string[]>;
  /** Null: of all callers. */
  readonly callerId: string | null;
}

interface ToldChange {
  readonly place: ChangePlace;
  readonly video: Video;
  readonly text: string;
  readonly position: Position;
}

interface Page {
  readonly changes: readonly ToldChange[];
  readonly position: Position;
  readonly isWhole: boolean;
}

async function readPage({ gateway, print, callerId }: FeedOptions, from: Position): Promise<Page> {
  const { changes, seen, isWhole } = await gateway.changes({ callerId, from, limit: PAGE });
  const texts = await print(changes.map(({ video }) => video));
  let position = from;
  const told = changes.map(({ video, transaction }, index): ToldChange => {
    const next = changes[index + 1];
    const isLast = next ? next.transaction !== transaction : isWhole;
    const place = { transaction, videoId: video.id, isLast };
    position = after(from, seen as Seen, place);
    return { place, video, text: texts[index] ?? '', position };
  });
  return { changes: told, position, isWhole };
}

/** One reader for all streams of a caller in this process. */
export class CallerFeed {
  readonly options: FeedOptions;
  readonly #followers = new Set<Follower>();
  #position: Position;
  #isReading = false;
  #isBehind = false;
  #unwatch: () => void = () => undefined;
  /** How often it has read: what it read meanwhile is what a follower of its own pace has missed. */
  reads = 0;

  constructor(options: FeedOptions, position: Position) {
    this.options = options;
    this.#position = position;
  }

  get isReading(): boolean {
    return this.#isReading;
  }

  get isFollowed(): boolean {
    return this.#followers.size > 0;
  }

  join(follower: Follower): void {
    if (!this.isFollowed) {
      const { gateway, callerId } = this.options;
      this.#unwatch = gateway.watchCaller(callerId, () => void this.#readOn());
    }
    this.#followers.add(follower);
  }

  leave(follower: Follower): void {
    if (this.#followers.delete(follower) && !this.isFollowed) this.#unwatch();
  }

  async #readOn(): Promise<void> {
    this.#isBehind = true;
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#isBehind && this.isFollowed) {
        this.#isBehind = false;
        const page = await readPage(this.options, this.#position);
        this.#position = page.position;
        this.#isBehind ||= !page.isWhole;
        this.#tell(page);
      }
    } catch {
      // Each stream finds out by itself, says so in the log, and tries again.
      this.#tell(null);
    } finally {
      this.#isReading = false;
      for (const follower of this.#followers) follower.mayJoin();
    }
  }

  #tell(page: Page | null): void {
    this.reads += 1;
    for (const follower of this.#followers) follower.take(page?.changes ?? null);
  }
}

export interface FollowerFilter {
  readonly batchId?: string | undefined;
  readonly states?: readonly VideoState[] | undefined;
}

interface FeedEvent {
  readonly id: string;
  readonly data?: string;
}

/** One stream's way through a caller's changes: the videos as they are, what it has missed, then what the feed tells. */
export class Follower {
  readonly #feed: CallerFeed;
  readonly #filter: FollowerFilter;
  #position: Position;
  #kept: ToldChange[] = [];
  /** Told by the feed; else it reads by itself. */
  #keepsUp = false;
  #wake: () => void = () => undefined;

  constructor(feed: CallerFeed, position: Position, filter: FollowerFilter) {
    this.#feed = feed;
    this.#position = position;
    this.#filter = filter;
  }

  watch(onChange: () => void): () => void {
    this.#wake = onChange;
    this.#feed.join(this);
    return () => this.#feed.leave(this);
  }

  /** What the feed has read; null where it could not. */
  take(changes: readonly ToldChange[] | null): void {
    if (!this.#keepsUp) return;
    const wanted = changes?.filter(({ video }) => this.#isWanted(video)) ?? [];
    if (changes === null || this.#kept.length + wanted.length > MOST_KEPT) {
      this.#keepsUp = false;
      this.#kept = [];
    } else if (wanted.length === 0) return;
    this.#kept.push(...wanted);
    this.#wake();
  }

  /** The feed reads no more for now. */
  mayJoin(): void {
    if (!this.#keepsUp) this.#wake();
  }

  /** What there is to tell; wakes itself where there may be more. */
  async read(): Promise<readonly FeedEvent[]> {
    if (this.#position.shownTo !== undefined) return await this.#readVideos(this.#position.shownTo);
    return this.#keepsUp ? this.#print(this.#kept.splice(0)) : await this.#catchUp();
  }

  async #catchUp(): Promise<readonly FeedEvent[]> {
    const { reads } = this.#feed;
    const { changes, position, isWhole } = await readPage(this.#feed.options, this.#position);
    const events = this.#print(changes.filter(({ video }) => this.#isWanted(video)));
    this.#position = move(this.#position, position);
    const missedNothing = this.#feed.reads === reads;
    this.#keepsUp = isWhole && missedNothing && !this.#feed.isReading;
    if (!isWhole || !missedNothing) this.#wake();
    return events;
  }

  /** Videos as they are, the oldest first: of a batch all, else those that have not ended. */
  async #readVideos(shownTo: string | null): Promise<readonly FeedEvent[]> {
    const { gateway, print, callerId } = this.#feed.options;
    const { batchId, states } = this.#filter;
    const { seen } = this.#position;
    const shown = batchId === undefined ? RUNNING_STATES.filter((state) => states?.includes(state) ?? true) : states;
    const { videos, nextCursor } = await gateway.list({
      callerId,
      limit: PAGE,
      order: 'oldest',
      ...(shown && { states: shown }),
      ...(batchId !== undefined && { batchId }),
      ...(shownTo !== null && { cursor: shownTo }),
    });
    const texts = await print(videos);
    const isOver = nextCursor === null;
    const events = videos.map(({ id }, index): FeedEvent => {
      const isLast = isOver && index === videos.length - 1;
      return { id: printPosition(isLast ? { seen } : { seen, shownTo: id }), data: texts[index] ?? '' };
    });
    // What has changed since the first page is told as a change, from here on.
    this.#position = isOver ? { seen } : { seen, shownTo: nextCursor };
    this.#wake();
    // Where there is none, the client learns where it is all the same.
    return videos.length === 0 ? [{ id: printPosition({ seen }) }] : events;
  }

  #isWanted({ batchId, state }: Video): boolean {
    const { batchId: batch = batchId, states } = this.#filter;
    return batchId === batch && (states?.includes(state) ?? true);
  }

  #print(changes: readonly ToldChange[]): readonly FeedEvent[] {
    const events: FeedEvent[] = [];
    for (const { place, position, text } of changes) {
      if (isTold(this.#position, place)) continue;
      this.#position = move(this.#position, position);
      events.push({ id: printPosition(this.#position), data: text });
    }
    return events;
  }
}
