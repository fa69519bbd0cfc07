/** An order as a dialect hands it in, and the video that it becomes: model, price, images, times. */

import { uuidv7 } from 'uuidv7';
import {
  acceptVideo,
  checkAdmission,
  findRepeated,
  type NewVideo,
  nthKey,
  queueDeadline,
} from '../catalog/acceptance.ts';
import { readClockLately } from '../catalog/clock.ts';
import { type Db, inTransaction } from '../catalog/driver/database.ts';
import type { HoldOfOrder } from '../catalog/ledger.ts';
import { latestOffers } from '../catalog/models.ts';
import type { SecretBox } from '../catalog/secret-box.ts';
import type { Caller } from '../domain/caller.ts';
import type { DeliveryTarget } from '../domain/clip-delivery.ts';
import { defined } from '../domain/defined.ts';
import { Refusal } from '../domain/failure.ts';
import type { IdempotencyKey } from '../domain/idempotency-key.ts';
import { estimateMicroUsd, type ModelOffer } from '../domain/models.ts';
import type { MicroUsd } from '../domain/money.ts';
import { choose } from '../domain/prefer.ts';
import type { Traces } from '../domain/trace.ts';
import type { DialectName } from '../domain/vendor.ts';
import type { Video } from '../domain/video.ts';
import { checkRequest, imagesProblem, type VideoDraft } from '../domain/video-request.ts';
import { jobIdOf } from '../domain/webhook.ts';
import type { MediaStore } from '../media/media-store.ts';
import { keepInputImage } from './images.ts';

type AcceptedVideo = Awaited<ReturnType<typeof acceptVideo>>;

/** What tells a repeat of an order from another one. */
export interface KeyedOrder {
  readonly caller: Caller;
  /** A repeat returns the first video; null: none is one. */
  readonly idempotency: IdempotencyKey | null;
}

export interface CreateOrder extends KeyedOrder {
  readonly dialect: DialectName;
  readonly draft: VideoDraft;
  /** The dialect's retention; the caller's own replaces it. */
  readonly retentionSeconds: number;
  readonly times?: CreateTimes;
  /** Where its end is told. */
  readonly callback?: CreateCallback;
  /** Where its clip is delivered. */
  readonly deliverTo?: DeliveryTarget;
}

/** Where a create wants to be told of its end, in any dialect. */
export interface CreateCallback {
  readonly url: string;
  /** Each clip of an order by itself, or all of them at once in the AI SDK's words. */
  readonly tells: 'each clip' | 'the job';
}

/** What a caller says of when its video is wanted, in any dialect. */
export interface CreateTimes {
  /** Not begun by then: expired. */
  readonly startBefore?: Date;
  /** Not ended by then: cancelled. */
  readonly endBefore?: Date;
  /** Order among the caller's own, the greatest first; 0 when absent. */
  readonly priority?: number;
}

/** The models that a caller may use now, or the offers of one of them. */
export async function offersFor(db: Db, caller: Caller, model?: string): Promise<readonly ModelOffer[]> {
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

interface RequestOptions {
  readonly offers: readonly ModelOffer[];
  /** Refuses before an image is stored. */
  readonly admit?: (estimateMicroUsd: MicroUsd) => Promise<void>;
  readonly keepsImages?: boolean;
}

/**
 * A draft as one of these offers takes it, and its price; its images are stored by then.
 * @throws Refusal where none takes it.
 */
export async function requestOf(
  { db, store }: { readonly db: Db; readonly store: MediaStore },
  draft: VideoDraft,
  { offers, admit, keepsImages = true }: RequestOptions,
): Promise<Pick<NewVideo, 'request' | 'estimateMicroUsd'>> {
  checkRequest(draft);
  const { offer, values } = choose(draft, offers);
  const { mode, prompt, extra, remixOf, againOf } = draft;
  const price = estimateMicroUsd(offer, values.durationSeconds);
  const given = keepsImages ? draft.images : [];
  if (given.some(({ kind }) => kind === 'bytes')) await admit?.(price);
  const images = await Promise.all(given.map((image) => keepInputImage({ db, store }, image)));
  return {
    request: defined({ model: offer.model, mode, prompt, images, extra, ...values, remixOf, againOf }),
    estimateMicroUsd: price,
  };
}

interface PrepareDependencies {
  readonly db: Db;
  readonly store: MediaStore;
  readonly secrets: Pick<SecretBox, 'seal'>;
  readonly traces: Pick<Traces, 'traceParent'>;
}

/** The video that an order stands for, or the first of several, complete but for its acceptance; its images are stored by then. */
export async function prepareVideo(
  { db, store, secrets, traces }: PrepareDependencies,
  order: CreateOrder,
  count = 1,
): Promise<NewVideo> {
  const { caller, dialect, draft, idempotency, times = {}, callback, deliverTo } = order;
  const { startBefore = null, endBefore: endBeforeAt = null, priority = 0 } = times;
  // Where one is changed and the other kept, they need not fit.
  const problem = imagesProblem(draft.mode, draft.images);
  if (problem !== null) throw new Refusal('invalid_request', problem, { param: 'input_images' });
  const offers = await offersFor(db, caller, draft.model ?? undefined);
  const admit = (price: MicroUsd) =>
    checkAdmission(db, { callerId: caller.id, limits: caller, amountMicroUsd: count * price });
  const priced = await requestOf({ db, store }, draft, { offers, admit });
  const id = newVideoId();
  const createdAt = await readClockLately(db);
  const retentionSeconds = caller.retentionSeconds ?? order.retentionSeconds;
  const expiresAt = new Date(createdAt.getTime() + retentionSeconds * 1000);
  return {
    id,
    callerId: caller.id,
    dialect,
    ...priced,
    createdAt,
    expiresAt,
    queueDeadlineAt: queueDeadline(createdAt, expiresAt, startBefore, endBeforeAt),
    endBeforeAt,
    priority,
    batchId: null,
    limits: caller,
    // Its trace goes on below the request that is being answered.
    traceParent: traces.traceParent(),
    idempotency,
    ...(deliverTo && { deliverTo: secrets.seal(JSON.stringify(deliverTo)) }),
    ...(callback && { callback: { url: callback.url, jobId: callback.tells === 'the job' ? jobIdOf(id) : null } }),
  };
}

/** What was accepted once is answered again, also where models and settings have changed since; null where it was not. */
export async function findEarlierVideos(
  db: Db,
  { caller, idempotency }: KeyedOrder,
  count = 1,
): Promise<readonly Video[] | null> {
  if (idempotency === null) return null;
  const earlier: Video[] = [];
  for (let index = 0; index < count; index++) {
    const key = nthKey(idempotency.key, index);
    const video = await findRepeated(db, { ...idempotency, callerId: caller.id, key });
    if (video === null) return null;
    earlier.push(video);
  }
  return earlier;
}

/** The same of an order of one video. */
export async function findEarlierVideo(db: Db, order: KeyedOrder): Promise<Video | null> {
  const [earlier] = (await findEarlierVideos(db, order)) ?? [];
  return earlier ?? null;
}

/** Accepts several videos of an order, the first of which is prepared: all or none. */
export async function acceptAll(db: Db, first: NewVideo, count: number): Promise<readonly AcceptedVideo[]> {
  return await inTransaction(db, async (tx) => {
    const accepted: AcceptedVideo[] = [];
    for (let index = 0; index < count; index++) accepted.push(await acceptVideo(tx, nthOf(first, { index, count })));
    return accepted;
  });
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
