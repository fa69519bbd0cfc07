/** A gateway in memory for tests of the HTTP layer: it stores what it is given and changes only when a test says so. */

import type { Caller } from '../../src/domain/caller.ts';
import { Refusal } from '../../src/domain/failure.ts';
import { isEnded, type Video } from '../../src/domain/video.ts';
import type { VideoFilter } from '../../src/domain/video-filter.ts';
import type { RetentionTerms } from '../../src/gateway/expiry.ts';
import type { DialectGateway } from '../../src/gateway/gateway.ts';
import type { CreateOrder, KeyedOrder } from '../../src/gateway/orders.ts';
import { spriteSheetKeyOf } from '../../src/media/media-key.ts';
import { makeCaller, makeOffer, makeRequest, makeVideo } from '../builders.ts';

export const KEY = 'ck_test';

export class FakeGateway implements DialectGateway {
  readonly callers = new Map<string, Caller>([[KEY, makeCaller()]]);
  readonly videos = new Map<string, Video>();
  /** Every id there ever was, removed ones included. */
  readonly seen = new Set<string>();
  readonly orders: CreateOrder[] = [];
  readonly filters: VideoFilter[] = [];
  readonly removals: { readonly id: string; readonly purgesMedia: boolean }[] = [];
  readonly cancels: string[] = [];
  readonly watchers = new Map<string, Set<() => void>>();
  /** Thrown by the next call of any method. */
  failure: unknown = null;
  reads = 0;
  offered = [makeOffer(), makeOffer({ account: 'airforce-2', pricePerSecondMicroUsd: 900_000 })];

  /** Stores a video, or its next state, and tells who watches it. */
  put(video: Video): void {
    this.seen.add(video.id);
    this.videos.set(video.id, video);
    for (const onChange of this.watchers.get(video.id) ?? []) onChange();
  }

  async authenticate(apiKey: string): Promise<Caller | null> {
    return this.callers.get(apiKey) ?? null;
  }

  async findActive(callerId: string): Promise<Caller | null> {
    return [...this.callers.values()].find(({ id }) => id === callerId) ?? null;
  }

  async create(order: CreateOrder): Promise<Video> {
    this.#fail();
    this.orders.push(order);
    const { draft, caller, dialect } = order;
    const { model, prompt, mode, extra, remixOf, durationSeconds } = draft;
    const request = makeRequest({
      model: model ?? 'wan-2.6',
      prompt,
      mode,
      extra,
      ...(durationSeconds !== undefined && { durationSeconds }),
      ...(remixOf !== undefined && { remixOf }),
    });
    const video = makeVideo({ id: `video_${this.orders.length}`, callerId: caller.id, dialect, request });
    this.put(video);
    return video;
  }

  async findEarlier({ idempotency }: KeyedOrder): Promise<Video | null> {
    const index = this.orders.findIndex((order) => order.idempotency?.key === idempotency?.key);
    return idempotency === null ? null : (this.videos.get(`video_${index + 1}`) ?? null);
  }

  async createMany(order: CreateOrder, count: number): Promise<readonly Video[]> {
    const videos: Video[] = [];
    for (let index = 0; index < count; index++) videos.push(await this.create(order));
    return videos;
  }

  jobSecret(jobId: string): string {
    return `secret of ${jobId}`;
  }

  async read(caller: Caller, id: string): Promise<Video> {
    this.reads += 1;
    this.#fail();
    const video = this.videos.get(id);
    if (video?.callerId !== caller.id) throw new Refusal('not_found', 'there is no such video');
    return video;
  }

  show(caller: Caller, id: string): Promise<Video> {
    return this.read(caller, id);
  }

  /** In the order they were put; the cursor is the last id of the page before. */
  async list(filter: VideoFilter): Promise<{ readonly videos: readonly Video[]; readonly nextCursor: string | null }> {
    this.#fail();
    this.filters.push(filter);
    const { callerId, cursor, limit } = filter;
    if (cursor !== undefined && !this.seen.has(cursor)) {
      throw new Refusal('invalid_request', 'the cursor is not one that was given out', { param: 'cursor' });
    }
    const ids = [...this.seen];
    const rest = ids
      .slice(cursor === undefined ? 0 : ids.indexOf(cursor) + 1)
      .flatMap((id) => this.videos.get(id) ?? []);
    const own = rest.filter((video) => video.callerId === callerId);
    const videos = own.slice(0, limit);
    return { videos, nextCursor: own.length > limit ? (videos.at(-1)?.id ?? null) : null };
  }

  async remove(caller: Caller, id: string, { purgesMedia }: { readonly purgesMedia: boolean }): Promise<void> {
    await this.read(caller, id);
    this.removals.push({ id, purgesMedia });
    this.videos.delete(id);
  }

  async removeAll(caller: Caller): Promise<number> {
    const own = [...this.videos.values()].filter(({ callerId }) => callerId === caller.id);
    for (const { id, state } of own) {
      if (!isEnded(state)) await this.cancel(caller, id);
      await this.remove(caller, id, { purgesMedia: true });
    }
    return own.length;
  }

  async offers() {
    this.#fail();
    return this.offered;
  }

  watch(id: string, onChange: () => void): () => void {
    const watchers = this.watchers.get(id) ?? new Set();
    this.watchers.set(id, watchers.add(onChange));
    return () => watchers.delete(onChange);
  }

  /** How many are watching any video. */
  get watching(): number {
    return [...this.watchers.values()].reduce((sum, { size }) => sum + size, 0);
  }

  async cancel(caller: Caller, id: string): Promise<Video> {
    const video = await this.read(caller, id);
    this.cancels.push(id);
    if (!isEnded(video.state)) this.put({ ...video, state: 'cancelled', endedAt: new Date() });
    return this.read(caller, id);
  }

  async retain(caller: Caller, id: string, { retentionSeconds }: RetentionTerms): Promise<Video> {
    const video = await this.read(caller, id);
    const kept = { ...video, expiresAt: new Date(video.createdAt.getTime() + retentionSeconds * 1000) };
    this.put(kept);
    return kept;
  }

  async spriteSheetKey({ id }: Video): Promise<string> {
    return spriteSheetKeyOf(id);
  }

  #fail(): void {
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
  }
}
