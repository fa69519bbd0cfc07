/** What the front door can do: accept, show, cancel and remove videos. */

import { uuidv7 } from 'uuidv7';
import type { SpriteSheets } from '../archive/sprite-sheet.ts';
import { acceptVideo, findRepeated, type NewVideo, nthKey, queueDeadline } from '../catalog/acceptance.ts';
import { findCallerByKey } from '../catalog/callers.ts';
import { type LostAnswerDecision, resolveLostAnswer } from '../catalog/corrections.ts';
import { type Db, inTransaction } from '../catalog/driver/database.ts';
import { endVideo } from '../catalog/ends.ts';
import { type Estimate, type EstimateOrder, estimatePrice } from '../catalog/estimates.ts';
import type { HoldOfOrder } from '../catalog/ledger.ts';
import { latestOffers } from '../catalog/models.ts';
import { queuePosition } from '../catalog/queue-order.ts';
import { findCurrentSubmission } from '../catalog/submissions.ts';
import { changeVideo, findVideo, listVideos, lockVideo, toVideo } from '../catalog/videos.ts';
import { readWaits } from '../catalog/waiting-reasons.ts';
import { type UntoldWish, wish } from '../catalog/wishes.ts';
import type { Caller } from '../domain/caller.ts';
import { Refusal } from '../domain/failure.ts';
import { estimateMicroUsd, type ModelOffer } from '../domain/models.ts';
import { choose } from '../domain/prefer.ts';
import type { DialectName } from '../domain/vendor.ts';
import { isEnded, type Video } from '../domain/video.ts';
import type { VideoFilter } from '../domain/video-filter.ts';
import { checkRequest, type VideoDraft, type VideoRequest } from '../domain/video-request.ts';
import type { VideoWorkflows } from '../domain/video-workflows.ts';
import type { WaitingFor } from '../domain/waiting-for.ts';
import type { MediaStore } from '../media/media-store.ts';
import { purgeMedia } from '../recovery/purge.ts';
import { tellWish } from '../recovery/wishes.ts';
import { announceGrants } from '../submissions/dependencies.ts';
import { keepInputImage } from './images.ts';
import { rearchiveClip } from './rearchive.ts';
import { Starter } from './starter.ts';

export interface CreateOrder {
  readonly caller: Caller;
  readonly dialect: DialectName;
  readonly draft: VideoDraft;
  /** The dialect's retention; the caller's own replaces it. */
  readonly retentionSeconds: number;
  /** With `bodyHash` set as well, a repeat returns the first video. */
  readonly idempotencyKey: string | null;
  readonly bodyHash: string;
  readonly times?: CreateTimes;
}

/** What a caller says of when its video is wanted, in whatever dialect. */
export interface CreateTimes {
  /** Not begun by then: expired. */
  readonly startBefore?: Date;
  /** Not ended by then: cancelled. */
  readonly endBefore?: Date;
  /** Order among the caller's own, the greatest first; 0 when absent. */
  readonly priority?: number;
}

/** X11: the expiry that other dialects have printed never moves. */
export interface RetentionTerms {
  readonly dialect: DialectName;
  readonly retentionSeconds: number;
}

/** Every method throws `Refusal` for what the caller may not or cannot have. */
export interface Gateway {
  /** The caller whose key this is, null for an unknown or disabled one. */
  authenticate(apiKey: string): Promise<Caller | null>;
  create(order: CreateOrder): Promise<Video>;
  /** As many videos of one order, all or none; a repeat returns the same ones. */
  createMany(order: CreateOrder, count: number): Promise<readonly Video[]>;
  /** A caller's own video (root: anyone's); hidden ones only where asked for. */
  read(caller: Caller, id: string, options?: { readonly includeHidden?: boolean }): Promise<Video>;
  list(filter: VideoFilter): Promise<{ readonly videos: readonly Video[]; readonly nextCursor: string | null }>;
  /** Place in the queue, 1 first; null when the video does not wait. */
  queuePosition(video: Video): Promise<number | null>;
  /** What each of these videos waits for, by its id; those that wait for nothing are left out. */
  waits(videos: readonly Video[]): Promise<ReadonlyMap<string, WaitingFor>>;
  cancel(caller: Caller, id: string): Promise<Video>;
  /** Decides a lost answer that nothing else has decided (root alone). */
  resolve(caller: Caller, id: string, decision: LostAnswerDecision): Promise<Video>;
  /** Removes from the caller's history; with `purgesMedia` the media die at once. */
  remove(caller: Caller, id: string, options: { readonly purgesMedia: boolean }): Promise<void>;
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
  /** Ends what goes on in the background; resolves when it has. */
  close(): Promise<void>;
}

/** What the documented APIs ask for; the rest is for our own routes and for the process. */
export type DialectGateway = Pick<
  Gateway,
  | 'authenticate'
  | 'create'
  | 'createMany'
  | 'read'
  | 'list'
  | 'cancel'
  | 'remove'
  | 'retain'
  | 'spriteSheetKey'
  | 'offers'
  | 'watch'
>;

export interface GatewayDependencies {
  readonly db: Db;
  readonly store: MediaStore;
  readonly workflows: VideoWorkflows;
  readonly spriteSheets: SpriteSheets;
  /** Wakes whoever follows a video after each of its changes. */
  readonly subscribe: (videoId: string, onChange: () => void) => () => void;
  readonly log: { warn(fields: object, message: string): void };
}

/** The gateway over the catalog, the media store and Temporal. */
export function createGateway(dependencies: GatewayDependencies): Gateway {
  const { db, store, workflows, spriteSheets, subscribe, log } = dependencies;
  const starter = new Starter({ db, workflows, log });

  async function offersFor(caller: Caller, model?: string): Promise<readonly ModelOffer[]> {
    if (model !== undefined && caller.models !== null && !caller.models.includes(model)) {
      throw new Refusal('forbidden', `this key may not use model ${model}`, { param: 'model' });
    }
    const offers = await latestOffers(db);
    if (offers.length === 0) {
      throw new Refusal('unavailable', 'the models of the upstreams are not known yet', { retryAfterSeconds: 2 });
    }
    return offers.filter((offer) => {
      return (model === undefined || offer.model === model) && (caller.models?.includes(offer.model) ?? true);
    });
  }

  async function own(caller: Caller, id: string, includeHidden = false): Promise<Video> {
    const video = await findVideo(db, id);
    const isTheirs = video !== null && (caller.isRoot || video.callerId === caller.id);
    if (!isTheirs || (video.hiddenAt !== null && !includeHidden)) {
      throw new Refusal('not_found', `there is no video ${id}`);
    }
    return video;
  }

  async function normalise(
    draft: VideoDraft,
    values: Pick<VideoRequest, 'durationSeconds' | 'aspectRatio' | 'quality'>,
  ) {
    const { mode, prompt, extra, remixOf } = draft;
    const images = await Promise.all(draft.images.map((image) => keepInputImage({ db, store }, image)));
    return { mode, prompt, images, extra, ...values, ...(remixOf !== undefined && { remixOf }) };
  }

  async function prepare(order: CreateOrder): Promise<NewVideo> {
    const { caller, dialect, draft, idempotencyKey, bodyHash, times = {} } = order;
    const { startBefore = null, endBefore: endBeforeAt = null, priority = 0 } = times;
    checkRequest(draft);
    const { offer, values } = choose(draft, await offersFor(caller, draft.model ?? undefined));
    const createdAt = new Date();
    const retentionSeconds = caller.retentionSeconds ?? order.retentionSeconds;
    const expiresAt = new Date(createdAt.getTime() + retentionSeconds * 1000);
    return {
      id: newVideoId(),
      callerId: caller.id,
      dialect,
      request: { model: offer.model, ...(await normalise(draft, values)) },
      estimateMicroUsd: estimateMicroUsd(offer, values.durationSeconds),
      createdAt,
      expiresAt,
      queueDeadlineAt: queueDeadline(createdAt, expiresAt, startBefore, endBeforeAt),
      endBeforeAt,
      priority,
      batchId: null,
      limits: caller,
      idempotency: idempotencyKey === null ? null : { key: idempotencyKey, bodyHash },
    };
  }

  /** What was accepted once is answered again, whatever has become of models and settings since. */
  async function repeatedBy({ caller, idempotencyKey: key, bodyHash }: CreateOrder): Promise<Video | null> {
    return key === null ? null : await findRepeated(db, { callerId: caller.id, key, bodyHash });
  }

  /** The video has its end at once, but for one whose create is being sent: it has it when that is answered. */
  async function endUnlessSending(videoId: string): Promise<void> {
    if ((await findCurrentSubmission(db, videoId))?.state === 'sending') return;
    const failure = { kind: 'cancelled', message: 'cancelled by its caller or an operator', upstream: null } as const;
    const { grants } = await endVideo(db, videoId, { state: 'cancelled', failure, archive: null });
    await announceGrants({ workflows, log }, grants);
  }

  /** Before a start that is on its way has come to its end, no workflow could be told anything. */
  async function tell(wished: UntoldWish): Promise<void> {
    await starter.settled(wished.videoId);
    const outcome = await tellWish({ db, workflows, log }, wished);
    if (outcome !== 'told') starter.catchUpLater();
  }

  return {
    authenticate: (apiKey) => findCallerByKey(db, apiKey),

    async create(order) {
      const earlier = await repeatedBy(order);
      if (earlier) return earlier;
      const { video, repeated } = await acceptVideo(db, await prepare(order));
      if (!repeated) starter.start(video);
      return video;
    },

    async createMany(order, count) {
      const first = await prepare(order);
      const accepted = await inTransaction(db, async (tx) => {
        const all: Awaited<ReturnType<typeof acceptVideo>>[] = [];
        for (let index = 0; index < count; index++) all.push(await acceptVideo(tx, nthOf(first, { index, count })));
        return all;
      });
      for (const { video, repeated } of accepted) if (!repeated) starter.start(video);
      return accepted.map(({ video }) => video);
    },

    read: (caller, id, options) => own(caller, id, options?.includeHidden),

    list: (filter) => listVideos(db, filter),

    queuePosition: async (video) => (video.state === 'queued' ? await queuePosition(db, video.id) : null),

    waits: (videos) => readWaits(db, videos),

    async cancel(caller, id) {
      const video = await own(caller, id, true);
      if (isEnded(video.state)) return video;
      const wished = await wish(db, id, 'cancel');
      if (wished) {
        await endUnlessSending(id);
        await tell(wished);
      }
      return await own(caller, id, true);
    },

    async resolve(caller, id, decision) {
      const { grants, wished } = await resolveLostAnswer(db, id, decision);
      await announceGrants({ workflows, log }, grants);
      if (wished) await tell(wished);
      return await own(caller, id, true);
    },

    async remove(caller, id, { purgesMedia }) {
      await own(caller, id);
      const isToBePurged = await inTransaction(db, async (tx) => {
        const row = await lockVideo(tx, id);
        if (!row) return false;
        const now = new Date();
        // From here on nobody is given the media, and what is archived later has outlived its time already. Should the
        // removal be interrupted, the sweep does it as that of any other video.
        const isLive = row.expiresAt > now;
        await changeVideo(tx, id, { hiddenAt: now, ...(purgesMedia && isLive && { expiresAt: now }) });
        return purgesMedia && row.endedAt !== null;
      });
      if (isToBePurged) await purgeMedia({ db, store }, id);
    },

    async retain(caller, id, { dialect, retentionSeconds }) {
      const video = await own(caller, id);
      if (video.dialect !== dialect) {
        throw new Refusal('conflict', `the expiry of a video made in the dialect ${video.dialect} cannot be moved`);
      }
      return await inTransaction(db, async (tx) => {
        const row = await lockVideo(tx, id);
        if (!row || isOver(row)) throw new Refusal('gone', 'the media have been purged');
        const expiresAt = new Date(row.createdAt.getTime() + retentionSeconds * 1000);
        await changeVideo(tx, id, { expiresAt });
        return { ...toVideo(row), expiresAt };
      });
    },

    async recheck(caller, id) {
      const video = await own(caller, id);
      const wished = await wish(db, id, 'recheck');
      if (wished) await tell(wished);
      return video;
    },

    async rearchive(caller, id) {
      const video = await own(caller, id, true);
      await rearchiveClip({ db, store, workflows }, video);
      return video;
    },

    spriteSheetKey: (video) => spriteSheets.ensure(video),

    estimate: async (caller, order) => await estimatePrice(db, order, await offersFor(caller, order.model)),

    offers: (caller) => offersFor(caller),

    watch: subscribe,

    close: () => starter.close(),
  };
}

const newVideoId = () => `video_${uuidv7()}`;

/** One of several videos of an order: its own id, and its own key. */
function nthOf(first: NewVideo, ofOrder: HoldOfOrder): NewVideo {
  if (ofOrder.index === 0) return { ...first, ofOrder };
  const { idempotency } = first;
  return {
    ...first,
    ofOrder,
    id: newVideoId(),
    idempotency: idempotency && { ...idempotency, key: nthKey(idempotency.key, ofOrder.index) },
  };
}

/** Whether a video's media have had their time: what is purged cannot be kept any longer. */
function isOver({ endedAt, expiresAt, purgedAt }: Pick<Video, 'endedAt' | 'expiresAt' | 'purgedAt'>): boolean {
  return purgedAt !== null || (endedAt !== null && expiresAt.getTime() <= Date.now());
}
