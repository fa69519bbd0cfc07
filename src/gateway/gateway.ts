/** What the front door can do: accept, show, cancel and remove videos. */

import type { SpriteSheets } from '../archive/sprite-sheet.ts';
import { acceptVideo } from '../catalog/acceptance.ts';
import { findActiveCaller, findCallerByKey } from '../catalog/callers.ts';
import {
  type ChangesAsked,
  type ChangeWatcher,
  EVERY_CHANGE,
  findVideoNow,
  readChanges,
  readSeen,
} from '../catalog/changes.ts';
import type { LostAnswerDecision } from '../catalog/corrections.ts';
import type { Db } from '../catalog/driver/database.ts';
import { type EstimateOrder, estimatePrice } from '../catalog/estimates.ts';
import { queuePositions } from '../catalog/queue-order.ts';
import type { SecretBox } from '../catalog/secret-box.ts';
import { findVideo, listVideoIds, listVideos } from '../catalog/videos.ts';
import { readWaits } from '../catalog/waiting-reasons.ts';
import { type Caller, requireSeen } from '../domain/caller.ts';
import type { Log } from '../domain/log.ts';
import type { Traces } from '../domain/trace.ts';
import type { Video } from '../domain/video.ts';
import type { VideoFilter } from '../domain/video-filter.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import type { MediaStore } from '../media/media-store.ts';
import { againKey, BulkRunner } from './bulk.ts';
import { type RetentionTerms, removeVideo, retainVideo } from './expiry.ts';
import {
  acceptAll,
  type CreateOrder,
  findEarlierVideo,
  findEarlierVideos,
  type KeyedOrder,
  offersFor,
  prepareVideo,
} from './orders.ts';
import { rearchiveClip } from './rearchive.ts';
import { removeAll } from './remove-all.ts';
import { Starter } from './starter.ts';
import { VideoMemory } from './video-memory.ts';
import { cancelVideo, recheckVideo, resolveVideo } from './wishes.ts';

export type Gateway = ReturnType<typeof createGateway>;

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
  readonly subscribe: ChangeWatcher['subscribe'];
  readonly log: Pick<Log, 'warn'>;
  readonly traces: Pick<Traces, 'traceParent' | 'note'>;
}

interface ReadOptions {
  readonly includeHidden?: boolean | undefined;
}

interface Sought extends ReadOptions {
  readonly caller: Caller;
  readonly id: string;
}

/**
 * The gateway over the catalog, the media store and Temporal. Every method throws `Refusal` for what the caller may not or
 * cannot have.
 */
export function createGateway(dependencies: GatewayDependencies) {
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
    /** The caller whose key this is, null for an unknown or disabled one. */
    authenticate: (apiKey: string): Promise<Caller | null> => findCallerByKey(db, apiKey),
    /** The caller as long as its key is good, else null. */
    findActive: (callerId: string): Promise<Caller | null> => findActiveCaller(db, callerId),

    /** The video that was accepted with an order's key; null where there is none. For orders that are still to be read in full. */
    findEarlier: (order: KeyedOrder) => findEarlierVideo(db, order),

    create,

    /** The video that this one is made again as by one request for many: the request's key stands for one of each. */
    createAgain(order: CreateOrder, sourceId: string): Promise<Video> {
      const { idempotency } = order;
      return create({
        ...order,
        idempotency: idempotency && { ...idempotency, key: againKey(idempotency.key, sourceId) },
      });
    },

    /** As many videos of one order, all or none; a repeat returns the same ones. */
    async createMany(order: CreateOrder, count: number): Promise<readonly Video[]> {
      const earlier = await findEarlierVideos(db, order, count);
      if (earlier) return earlier;
      const first = await prepareVideo({ db, store, secrets, traces }, order, count);
      const accepted = await acceptAll(db, first, count);
      for (const { video, repeated } of accepted) if (!repeated) starter.start(video);
      return accepted.map(({ video }) => video);
    },

    /** What signs the callback of a job (`jobIdOf`): the same for a start that is sent again. */
    jobSecret: (jobId: string) => secrets.derive(jobId),

    /** A caller's own video (root: anyone's); hidden ones only where asked for. */
    read: (caller: Caller, id: string, options?: ReadOptions) => own(caller, id, options?.includeHidden),
    /** The same for who asks again and again: perhaps as it was read within the last second, unless it has changed since. */
    show: async (caller: Caller, id: string) => requireOwn({ caller, id }, await memory.read(id)),
    /** The same as `read` with its revision. */
    async readNow(caller: Caller, id: string, options?: ReadOptions) {
      const found = await findVideoNow(db, id);
      const video = requireOwn({ caller, id, ...options }, found?.video ?? null);
      return { video, revision: found?.revision ?? 0 };
    },
    list: (filter: VideoFilter) => listVideos(db, filter),
    /** The ids alone, as many as the filter's limit. */
    listIds: (filter: Omit<VideoFilter, 'cursor' | 'order'>) => listVideoIds(db, filter),
    /** Does something to each of these videos, some of it perhaps behind the answer. */
    bulk: (ids: readonly string[], act: (id: string) => Promise<unknown>) => bulks.run(ids, act),
    /** Their places in the queues, 1 first; those that do not wait are left out. */
    async queuePositions(videos: readonly Video[]): Promise<ReadonlyMap<string, number>> {
      const queued = videos.filter(({ state }) => state === 'queued').map(({ id }) => id);
      return queued.length === 0 ? new Map() : await queuePositions(db, queued);
    },
    /** What each of these videos waits for, by its id; those that wait for nothing are left out. */
    waits: (videos: readonly Video[]) => readWaits(db, videos),

    async cancel(caller: Caller, id: string): Promise<Video> {
      await own(caller, id, true);
      await changing(id, () => cancelVideo(wishing, id));
      return await own(caller, id, true);
    },

    /** Decides a lost answer that nothing else has decided (root alone). */
    async resolve(caller: Caller, id: string, decision: LostAnswerDecision): Promise<Video> {
      await own(caller, id, true);
      await changing(id, () => resolveVideo(wishing, id, decision));
      return await own(caller, id, true);
    },

    async recheck(caller: Caller, id: string): Promise<Video> {
      const video = await own(caller, id);
      await changing(id, () => recheckVideo(wishing, id));
      return video;
    },

    /** Removes from the caller's history; with `purgesMedia` the media die at once. */
    async remove(caller: Caller, id: string, options: { readonly purgesMedia: boolean }): Promise<void> {
      await own(caller, id);
      await changing(id, () => removeVideo({ db, store }, id, options));
    },

    /** Removes all of the caller's own with their media, after cancelling what has not ended; how many they were. */
    removeAll: ({ id }: Caller) =>
      removeAll({ store, wishing, bulks, forget: (videoId) => memory.forget(videoId) }, id),

    /** Keeps the media of a video of this dialect for so long from its creation, instead of what was said before. */
    async retain(caller: Caller, id: string, terms: RetentionTerms): Promise<Video> {
      const video = await own(caller, id);
      return await changing(id, () => retainVideo(db, video, terms));
    },

    /** Fetches the clip again from the upstream where its file is missing; a whole one stays as it is. */
    async rearchive(caller: Caller, id: string): Promise<Video> {
      const video = await own(caller, id, true);
      await changing(id, () => rearchiveClip({ db, store, workflows }, video));
      return video;
    },

    /** The key of a completed video's sprite sheet in the media store; made now if there is none. */
    spriteSheetKey: (video: Video) => spriteSheets.ensure(video),
    /** The price of a create; nothing is made. */
    estimate: async (caller: Caller, order: EstimateOrder) =>
      await estimatePrice(db, order, await offersFor(db, caller, order.model)),
    offers: (caller: Caller) => offersFor(db, caller),
    /** Calls back after each change of the video, until the returned function is called. */
    watch: subscribe,
    /** The same for all of a caller's videos, or for everyone's. */
    watchCaller: (callerId: string | null, onChange: () => void) => subscribe(callerId ?? EVERY_CHANGE, onChange),
    /** What a reading of this moment can see of changes. */
    seenNow: () => readSeen(db),
    changes: (asked: ChangesAsked) => readChanges(db, asked),
    /** Ends what goes on in the background; resolves when it has. */
    async close(): Promise<void> {
      await bulks.close();
      await starter.close();
    },
  };
}
