/** api.airforce inbound: create, read, stream, list and delete tasks, and the video models, as its page documents. */

import type { Refusal } from '../domain/failure.ts';
import type { JsonObject } from '../domain/json.ts';
import type { ModelOffer } from '../domain/models.ts';
import { centsFromMicroUsd } from '../domain/money.ts';
import type { Video, VideoState } from '../domain/video.ts';
import { type ImageInput, imagesProblem, type Mode, type VideoDraft } from '../domain/video-request.ts';
import {
  AIRFORCE_PATHS,
  type AirforceStatus,
  type CreateBody,
  createBody,
  KNOWN_KEYS,
  LIST_LIMIT,
  POLL_SECONDS,
  STREAM_EVENTS,
  TASK_LIFETIME_SECONDS,
} from '../wire/airforce.ts';
import type {
  CreateRoute,
  Dialect,
  DialectAnswer,
  DialectRequest,
  DialectRoute,
  VideoPage,
  VideoView,
} from './dialect.ts';
import { endFailure } from './end-failure.ts';
import { imageAtUrl, imageFromBase64 } from './image-input.ts';
import { pollAnswer } from './poll-answer.ts';
import { checkPrompt, checkShortText, forwardedKeys, readCreateBody, refuse } from './read-body.ts';
import { refusalCode, refusalText } from './refusal-words.ts';

/** AF-29, X3: their words for our states; a cancelled task has no word of its own. */
const STATUS_OF: Readonly<Record<VideoState, AirforceStatus>> = {
  queued: 'queued',
  submitting: 'processing',
  unconfirmed: 'processing',
  generating: 'processing',
  archiving: 'processing',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'failed',
  expired: 'expired',
};

/** X3: until the archive is verified a task is not done, though the upstream says so. */
const MOST_RUNNING_PROGRESS = 99;

function readImages(body: CreateBody, mode: Mode): readonly ImageInput[] {
  const images = body.input_images ?? [];
  const problem = imagesProblem(mode, images);
  if (problem !== null) refuse('input_images', problem);
  return images.map(({ url, b64_json }, index) =>
    url == null
      ? imageFromBase64(`input_images.${index}.b64_json`, b64_json ?? '')
      : imageAtUrl(`input_images.${index}.url`, url),
  );
}

/** AF-09 to AF-17; null in an optional field counts as absent. */
export function parseCreate({ body }: DialectRequest): { readonly draft: VideoDraft } {
  const read = readCreateBody(createBody, body);
  checkShortText('model', read.model);
  checkPrompt(read.prompt);
  checkShortText('aspect_ratio', read.aspect_ratio);
  checkShortText('quality', read.quality);
  const mode = read.mode ?? 'text';
  const draft: VideoDraft = {
    model: read.model,
    mode,
    prompt: read.prompt,
    images: readImages(read, mode),
    extra: forwardedKeys(body, KNOWN_KEYS),
    ...(read.duration_seconds != null && { durationSeconds: read.duration_seconds }),
    ...(read.aspect_ratio != null && { aspectRatio: read.aspect_ratio }),
    ...(read.quality != null && { quality: read.quality }),
  };
  return { draft };
}

/** AF-23, AF-24, AF-04: unix seconds; the lifetime is added to the second that is shown, so the sum is exact. */
export function times({ createdAt, expiresAt }: Video): { readonly created: number; readonly expires_at: number } {
  const created = Math.floor(createdAt.getTime() / 1000);
  const lifetimeSeconds = Math.round((expiresAt.getTime() - createdAt.getTime()) / 1000);
  return { created, expires_at: created + lifetimeSeconds };
}

/** AF-20 to AF-26: the answer to a create; the same when an idempotency key repeats it. */
function renderCreated({ video }: VideoView): DialectAnswer {
  const body = {
    task_id: video.id,
    status: 'queued',
    model: video.request.model,
    ...times(video),
    progress: 0,
    cost_cents: centsFromMicroUsd(video.estimateMicroUsd),
  };
  return { status: 200, body };
}

/** AF-26, AF-33, AF-48: the estimate until settled; nothing for what failed, unless a cancelled task was billed. */
export function costCents({ state, estimateMicroUsd, settledMicroUsd }: Video): number {
  if (state === 'failed' || state === 'expired') return 0;
  const unsettled = state === 'cancelled' ? 0 : estimateMicroUsd;
  return centsFromMicroUsd(settledMicroUsd ?? unsettled);
}

/** AF-32: text, for every end but completed. */
function errorText(video: Video): string | null {
  const failure = endFailure(video);
  if (failure === null) return null;
  return video.state === 'cancelled' ? `cancelled: ${failure.message}` : failure.message;
}

/** AF-30, X3. */
export function progressOf({ state, progress }: Video): number {
  return state === 'completed' ? 100 : Math.min(progress, MOST_RUNNING_PROGRESS);
}

/** AF-28 to AF-34: a task; what it has not got is left out. */
function renderTask({ video, clipUrl }: VideoView): JsonObject {
  const error = errorText(video);
  return {
    task_id: video.id,
    status: STATUS_OF[video.state],
    progress: progressOf(video),
    // X10: our own signed link, never the upstream's.
    ...(clipUrl !== null && { result_url: clipUrl }),
    ...(error !== null && { error }),
    model: video.request.model,
    duration_seconds: video.request.durationSeconds,
    ...times(video),
    cost_cents: costCents(video),
  };
}

/** AF-27: the answer says when to ask again, at the documented interval. */
function renderRead(view: VideoView): DialectAnswer {
  return pollAnswer(view.video, renderTask(view), POLL_SECONDS);
}

/** AF-39, AF-40. */
function renderList({ views }: VideoPage): DialectAnswer {
  return { status: 200, body: { data: views.map(renderTask) } };
}

/** AF-10, AF-44 to AF-47. */
function showModel({ model, pricePerSecondMicroUsd, capabilities }: ModelOffer): JsonObject {
  const { durationsSeconds } = capabilities;
  return {
    id: model,
    object: 'model',
    created: 0,
    owned_by: 'clipyard',
    output_modalities: ['video'],
    video_caps: {
      aspect_ratios: capabilities.aspectRatios,
      qualities: capabilities.qualities,
      min_duration_s: capabilities.minDurationSeconds,
      max_duration_s: capabilities.maxDurationSeconds,
      ...(durationsSeconds !== null && { durations_s: durationsSeconds }),
      modes: capabilities.modes,
      price_per_second_cents: centsFromMicroUsd(pricePerSecondMicroUsd),
    },
  };
}

/** AF-02: each model once, though several accounts may offer it; the preferred account's offer speaks for all. */
function renderModels(offers: readonly ModelOffer[]): DialectAnswer {
  const byModel = new Map<string, ModelOffer>();
  for (const offer of offers) {
    if (!byModel.has(offer.model)) byModel.set(offer.model, offer);
  }
  return { status: 200, body: { object: 'list', data: [...byModel.values()].map(showModel) } };
}

/** Of both revisions. */
export const modelRoutes: readonly DialectRoute[] = [
  {
    kind: 'models',
    method: 'GET',
    path: AIRFORCE_PATHS.models,
    meaning: 'the models on offer',
    render: renderModels,
  },
  // No page has it; OpenAI's clients, which are used with this API's models as well, ask for it.
  {
    kind: 'model',
    method: 'GET',
    path: AIRFORCE_PATHS.model,
    meaning: 'one of them, as it stands in that list',
    render: (offer) => ({ status: 200, body: showModel(offer) }),
  },
];

/** AF-52 leaves errors open: a text as in tasks (AF-32), and a code beside it. */
function renderRefusal(refusal: Refusal): DialectAnswer {
  return { status: refusal.httpStatus, body: { error: refusalText(refusal), code: refusalCode(refusal) } };
}

const create: CreateRoute = {
  kind: 'create',
  method: 'POST',
  path: AIRFORCE_PATHS.create,
  meaning: 'creates a task',
  // X1: the words of this API that the others at the same path do not have.
  ownKeys: ['duration_seconds', 'aspect_ratio', 'mode', 'input_images'],
  parse: parseCreate,
  render: renderCreated,
};

/** The documented face of api.airforce's current revision. */
export const airforce: Dialect = {
  name: 'airforce',
  retentionSeconds: TASK_LIFETIME_SECONDS,
  renderRefusal,
  routes: [
    create,
    {
      kind: 'read',
      method: 'GET',
      path: AIRFORCE_PATHS.task,
      meaning: 'the task, with `Retry-After` while it runs',
      render: renderRead,
    },
    // X2: there are no query parameters, so all are ignored.
    {
      kind: 'list',
      method: 'GET',
      path: AIRFORCE_PATHS.tasks,
      meaning: "the caller's newest 100",
      parse: () => ({ limit: LIST_LIMIT }),
      render: renderList,
    },
    {
      kind: 'stream',
      method: 'GET',
      path: AIRFORCE_PATHS.stream,
      meaning: 'server-sent events, one for each change',
      // AF-35, AF-37: the whole task each time.
      renderChange: (view) => ({ event: STREAM_EVENTS.change, data: JSON.stringify(renderTask(view)) }),
      // AF-38
      closing: [{ event: STREAM_EVENTS.done, data: STREAM_EVENTS.doneData }],
    },
    {
      kind: 'delete',
      method: 'DELETE',
      path: AIRFORCE_PATHS.task,
      meaning: "removes the record from the caller's history",
      // AF-43: the record only; the media go when their time is up.
      purgesMedia: false,
      // X9
      whileRunning: 'hide',
      // AF-42: the same for every id, so that it tells nothing.
      unknownId: 'success',
      render: () => ({ status: 200, body: { deleted: true } }),
    },
    ...modelRoutes,
  ],
};
