/** What the front door can do: accept, show, cancel and remove videos. */

import type { SpriteSheets } from '../archive/sprite-sheet.ts';
import { acceptVideo } from '../catalog/acceptance.ts';
import { findActiveCaller, findCallerByKey } from '../catalog/callers.ts';
import {
  type ChangePage,
  type ChangesAsked,
  EVERY_CHANGE,
  findVideoNow,
  readChanges,
  readSeen,
  type VideoNow,
} from '../catalog/changes.ts';
import type { LostAnswerDecision } from '../catalog/corrections.ts';
import type { Db } from '../catalog/driver/database.ts';
import { type Estimate, type EstimateOrder, estimatePrice } from '../catalog/estimates.ts';
import { queuePositions } from '../catalog/queue-order.ts';
import type { SecretBox } from '../catalog/secret-box.ts';
import { findVideo, listVideoIds, listVideos } from '../catalog/videos.ts';
import { readWaits } from '../catalog/waiting-reasons.ts';
import { type Caller, requireSeen } from '../domain/caller.ts';
import type { ModelOffer } from '../domain/models.ts';
import type { Seen } from '../domain/seen.ts';
import type { Traces } from '../domain/trace.ts';
import type { Video } from '../domain/video.ts';
import type { VideoFilter } from '../domain/video-filter.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import type { WaitingFor } from '../domain/waiting-for.ts';
import type { MediaStore } from '../media/media-store.ts';
import { againKey, type BulkOutcome, BulkRunner } from './bulk.ts';
import { type RetentionTerms, removeVideo, retainVideo } from './expiry.ts';
import {
  acceptAll,
  type CreateOrder,
  findEarlier,
  findEarlierVideo,
  type KeyedOrder,
  offersFor,
  prepareVideo,
} from './orders.ts';
import { rearchiveClip } from './rearchive.ts';
import { removeAll } from './remove-all.ts';
import { Starter } from './starter.ts';
import { VideoMemory } from './video-memory.ts';
import { cancelVideo, recheckVideo, resolveVideo } from './wishes.ts';

/** Every method throws `Refusal` for what the caller may not or cannot have. */
export interface Gateway {
  /** The caller whose key this is, null for an unknown or disabled one. */
  authenticate(apiKey: string): Promise<Caller | null>;
  /** The caller as long as its key is good, else null. */
  findActive(callerId: string): Promise<Caller | null>;
  /** The video that was accepted with an order's key; null where there is none. For orders that are still to be read in full. */
  findEarlier(order: KeyedOrder): Promise<Video | null>;
  create(order: CreateOrder): Promise<Video>;
  /** As many videos of one order, all or none; a repeat returns the same ones. */
  createMany(order: CreateOrder, count: number): Promise<readonly Video[]>;
  /** What signs the callback of a job (`jobIdOf`): the same for a start that is sent again. */
  jobSecret(jobId: string): string;
  /** The video that this one is made again as by one request for many: the request's key stands for one of each. */
  createAgain(order: CreateOrder, sourceId: string): Promise<Video>;
  /** A caller's own video (root: anyone's); hidden ones only where asked for. */
  read(caller: Caller, id: string, options?: { readonly includeHidden?: boolean }): Promise<Video>;
  /** The same for who asks again and again: perhaps as it was read within the last second, unless it has changed since. */
  show(caller: Caller, id: string): Promise<Video>;
  /** The same as `read` with its revision. */
  readNow(caller: Caller, id: string, options?: { readonly includeHidden?: boolean }): Promise<VideoNow>;
  list(filter: VideoFilter): Promise<{ readonly videos: readonly Video[]; readonly nextCursor: string | null }>;
  /** The ids alone, as many as the filter's limit. */
  listIds(filter: Omit<VideoFilter, 'cursor' | 'order'>): Promise<readonly string[]>;
  /** Does something to each of these videos, some of it perhaps behind the answer. */
  bulk(ids: readonly string[], act: (id: string) => Promise<unknown>): Promise<BulkOutcome>;
  /** Their places in the queues, 1 first; those that do not wait are left out. */
  queuePositions(videos: readonly Video[]): Promise<ReadonlyMap<string, number>>;
  /** What each of these videos waits for, by its id; those that wait for nothing are left out. */
  waits(videos: readonly Video[]): Promise<ReadonlyMap<string, WaitingFor>>;
  cancel(caller: Caller, id: string): Promise<Video>;
  /** Decides a lost answer that nothing else has decided (root alone). */
  resolve(caller: Caller, id: string, decision: LostAnswerDecision): Promise<Video>;
  /** Removes from the caller's history; with `purgesMedia` the media die at once. */
  remove(caller: Caller, id: string, options: { readonly purgesMedia: boolean }): Promise<void>;
  /** Removes all of the caller's own with their media, after cancelling what has not ended; how many they were. */
  removeAll(caller: Caller): Promise<number>;
  /** Keeps the media of a video of this dialect for so long from its creation, instead of what was said before. */
  retain(caller: Caller, id: string, terms: RetentionTerms): Promise<Video>;
  recheck(caller: Caller, id: string): Promise<Video>;
  /** Fetches the clip again from the upstream where its file is missing; a whole one stays as it is. */
  rearchive(caller: Caller, id: string): Promise<Video>;
  /** The key of a completed video's sprite sheet in the media store; made now if there is none. */
  spriteSheetKey(video: Video): Promise<string>;
  /** The price of a create; nothing is made. */
  estimate(caller: Caller, order: EstimateOrder): Promise<Estimate>;
  offers(caller: Caller): Promise<readonly ModelOffer[]>;
  /** Calls back after each change of the video, until the returned function is called. */
  watch(id: string, onChange: () => void): () => void;
  /** The same for all of a caller's videos, or for everyone's. */
  watchCaller(callerId: string | null, onChange: () => void): () => void;
  /** What a reading of this moment can see of changes. */
  seenNow(): Promise<Seen>;
  changes(asked: ChangesAsked): Promise<ChangePage>;
  /** Ends what goes on in the background; resolves when it has. */
  close(): Promise<void>;
}

/** What the documented APIs ask for; the rest is for our own routes and for the process. */
export type DialectGateway = Pick<
  Gateway,
  | 'authenticate'
  | 'findActive'
  | 'findEarlier'
  | 'create'
  | 'createMany'
  | 'jobSecret'
  | 'read'
  | 'show'
  | 'list'
  | 'cancel'
  | 'remove'
  | 'removeAll'
  | 'retain'
  | 'spriteSheetKey'
  | 'offers'
  | 'watch'
>;

export interface GatewayDependencies {
  readonly db: Db;
  readonly store: MediaStore;
  readonly secrets: SecretBox;
  readonly workflows: VideoWorkflows;
  readonly spriteSheets: SpriteSheets;
  /** Wakes a video's followers after each of its changes. */
  readonly subscribe: (videoId: string, onChange: () => void) => () => void;
  readonly log: { warn(fields: object, message: string): void };
  readonly traces: Pick<Traces, 'traceParent' | 'note'>;
}

interface Sought {
  readonly caller: Caller;
  readonly id: string;
  readonly includeHidden?: boolean | undefined;
}

/** The gateway over the catalog, the media store and Temporal. */
export function createGateway(dependencies: GatewayDependencies): Gateway {
  const { db, store, secrets, workflows, spriteSheets, subscribe, log, traces } = dependencies;
  const starter = new Starter({ db, workflows, log });
  const wishing = { db, workflows, log, starter };
  const bulks = new BulkRunner({ log });
  const memory = new VideoMemory({ read: (id) => findVideo(db, id), subscribe });

  /** What this process has changed is read anew; its notice comes later. */
  async function changing<T>(id: string, change: () => Promise<T>): Promise<T> {
    try {
      return await change();
    } finally {
      memory.forget(id);
    }
  }

  function requireOwn({ caller, id, includeHidden = false }: Sought, video: Video | null): Video {
    const isShown = video !== null && (video.hiddenAt === null || includeHidden);
    return requireSeen(caller, isShown ? video : null, `video ${id}`);
  }

  async function own(caller: Caller, id: string, includeHidden = false): Promise<Video> {
    return requireOwn({ caller, id, includeHidden }, await findVideo(db, id));
  }

  async function create(order: CreateOrder): Promise<Video> {
    const earlier = await findEarlierVideo(db, order);
    if (earlier) return earlier;
    const { video, repeated } = await acceptVideo(db, await prepareVideo({ db, store, secrets, traces }, order));
    traces.note({ videoId: video.id });
    if (!repeated) starter.start(video);
    return video;
  }

  return {
    authenticate: (apiKey) => findCallerByKey(db, apiKey),
    findActive: (callerId) => findActiveCaller(db, callerId),

    findEarlier: (order) => findEarlierVideo(db, order),

    create,

    createAgain: (order, sourceId) => {
      const { idempotencyKey: key } = order;
      return create({ ...order, idempotencyKey: key === null ? null : againKey(key, sourceId) });
    },

    async createMany(order, count) {
      const earlier = await findEarlier(db, order, count);
      if (earlier) return earlier;
      const first = await prepareVideo({ db, store, secrets, traces }, order, count);
      const accepted = await acceptAll(db, first, count);
      for (const { video, repeated } of accepted) if (!repeated) starter.start(video);
      return accepted.map(({ video }) => video);
    },

    jobSecret: (jobId) => secrets.derive(jobId),

    read: (caller, id, options) => own(caller, id, options?.includeHidden),
    show: async (caller, id) => requireOwn({ caller, id }, await memory.read(id)),
    async readNow(caller, id, options) {
      const found = await findVideoNow(db, id);
      const video = requireOwn({ caller, id, ...options }, found?.video ?? null);
      return { video, revision: found?.revision ?? 0 };
    },
    list: (filter) => listVideos(db, filter),
    listIds: (filter) => listVideoIds(db, filter),
    bulk: (ids, act) => bulks.run(ids, act),
    async queuePositions(videos) {
      const queued = videos.filter(({ state }) => state === 'queued').map(({ id }) => id);
      return queued.length === 0 ? new Map() : await queuePositions(db, queued);
    },
    waits: (videos) => readWaits(db, videos),

    async cancel(caller, id) {
      await own(caller, id, true);
      await changing(id, () => cancelVideo(wishing, id));
      return await own(caller, id, true);
    },

    async resolve(caller, id, decision) {
      await own(caller, id, true);
      await changing(id, () => resolveVideo(wishing, id, decision));
      return await own(caller, id, true);
    },

    async recheck(caller, id) {
      const video = await own(caller, id);
      await changing(id, () => recheckVideo(wishing, id));
      return video;
    },

    async remove(caller, id, options) {
      await own(caller, id);
      await changing(id, () => removeVideo({ db, store }, id, options));
    },

    removeAll: ({ id }) => removeAll({ store, wishing, bulks, forget: (videoId) => memory.forget(videoId) }, id),

    async retain(caller, id, terms) {
      const video = await own(caller, id);
      return await changing(id, () => retainVideo(db, video, terms));
    },

    async rearchive(caller, id) {
      const video = await own(caller, id, true);
      await changing(id, () => rearchiveClip({ db, store, workflows }, video));
      return video;
    },

    spriteSheetKey: (video) => spriteSheets.ensure(video),
    estimate: async (caller, order) => await estimatePrice(db, order, await offersFor(db, caller, order.model)),
    offers: (caller) => offersFor(db, caller),
    watch: subscribe,
    watchCaller: (callerId, onChange) => subscribe(callerId ?? EVERY_CHANGE, onChange),
    seenNow: () => readSeen(db),
    changes: (asked) => readChanges(db, asked),
    async close() {
      await bulks.close();
      await starter.close();
    },
  };
}
