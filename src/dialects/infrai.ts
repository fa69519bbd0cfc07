/** infrai inbound: jobs that name no model, with cancel, retention and bulk delete, as its page documents. */

import { Refusal } from '../domain/failure.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import type { ModelOffer } from '../domain/models.ts';
import type { ProviderName } from '../domain/vendor.ts';
import type { VideoState } from '../domain/video.ts';
import type { VideoDraft } from '../domain/video-request.ts';
import {
  DEFAULT_PREFERENCE,
  type GenerateBody,
  generateBody,
  INFRAI_PATHS,
  INSUFFICIENT_CREDIT,
  type InfraiState,
  KNOWN_KEYS,
  LIST_LIMIT,
  setRetentionBody,
} from '../wire/infrai.ts';
import type { Dialect, DialectAnswer, DialectRequest, ListQuery, VideoPage, VideoView } from './dialect.ts';
import { endFailure } from './end-failure.ts';
import { imageAtUrl } from './image-input.ts';
import { pollAnswer } from './poll-answer.ts';
import {
  checkPrompt,
  checkShortText,
  forwardedKeys,
  readBody,
  readCreateBody,
  refuse,
  refuseForeignWords,
} from './read-body.ts';
import { readLimit } from './read-query.ts';
import { refusalCode, refusalText, shownParam } from './refusal-words.ts';

/** X11: nothing is documented but the cap of 90 days; a month is ours. */
const DEFAULT_RETENTION_SECONDS = 30 * 86_400;

/** Nothing is documented; as often as the other APIs ask to be polled. */
const POLL_SECONDS = 5;

/** X3, X15: our words for our states, since theirs are never listed. */
const STATE_OF: Readonly<Record<VideoState, InfraiState>> = {
  queued: 'queued',
  submitting: 'running',
  unconfirmed: 'running',
  generating: 'running',
  archiving: 'running',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  expired: 'expired',
};

/** IN-11: there is no such parameter; a model that is named all the same is taken, since any works in any dialect. */
function readModel(body: unknown): string | null {
  const model = isJsonObject(body) ? (body['model'] ?? null) : null;
  if (model !== null && typeof model !== 'string') refuse('model', 'must be a text');
  checkShortText('model', model);
  return model;
}

/** IN-08: fractions are not excluded, but no model makes them. */
function readDuration({ duration_seconds: seconds }: GenerateBody): number | undefined {
  if (seconds != null && !Number.isSafeInteger(seconds)) refuse('duration_seconds', 'must be whole seconds');
  return seconds ?? undefined;
}

/** IN-06 to IN-12, X13; null in an optional field counts as absent. */
function parseGenerate({ body }: DialectRequest) {
  const read = readCreateBody(generateBody, body);
  checkPrompt(read.prompt);
  const image = read.reference_image_url;
  const duration = readDuration(read);
  const aspect = read.aspect ?? read.aspect_ratio;
  refuseForeignWords(body, KNOWN_KEYS);
  const draft: VideoDraft = {
    model: readModel(body),
    prefer: read.prefer ?? DEFAULT_PREFERENCE,
    mode: image == null ? 'text' : 'image',
    prompt: read.prompt,
    images: image == null ? [] : [imageAtUrl('reference_image_url', image)],
    extra: forwardedKeys(body, [...KNOWN_KEYS, 'model']),
    ...(duration !== undefined && { durationSeconds: duration }),
    ...(aspect != null && { aspectRatio: aspect }),
    ...(read.resolution != null && { quality: read.resolution }),
  };
  // IN-12: the same store as the header's.
  return { draft, ...(read.idempotency_key != null && { idempotencyKey: read.idempotency_key }) };
}

/** IN-13: a job; what it has not got is left out. */
function renderJob({ video, clipUrl, posterUrl }: VideoView): JsonObject {
  const failure = video.state === 'cancelled' ? null : endFailure(video);
  return {
    job_id: video.id,
    state: STATE_OF[video.state],
    ...(clipUrl !== null && { video_url: clipUrl }),
    ...(posterUrl !== null && { thumbnail_url: posterUrl }),
    ...(failure !== null && { error: { code: failure.kind.toUpperCase(), message: failure.message } }),
  };
}

function renderCreated(view: VideoView): DialectAnswer {
  return { status: 200, body: renderJob(view) };
}

function renderStatus(view: VideoView): DialectAnswer {
  return pollAnswer(view.video, renderJob(view), POLL_SECONDS);
}

/** IN-18, X16: with what was chosen for it; until an account has the job, its vendor is the first that offers the model. */
function renderDetail(view: VideoView, [offer]: readonly ModelOffer[]): DialectAnswer {
  const { request, provider, archive } = view.video;
  const body = {
    ...renderJob(view),
    duration_seconds: request.durationSeconds,
    resolution: request.quality ?? (archive === null ? null : `${archive.height}p`),
    vendor: provider ?? offer?.provider ?? null,
    model: request.model,
  };
  return pollAnswer(view.video, body, POLL_SECONDS);
}

/** IN-20, IN-21, X15. */
function parseList({ query }: DialectRequest): ListQuery {
  const cursor = query['cursor'];
  return { limit: readLimit(query['limit'], LIST_LIMIT), ...(cursor && { cursor }) };
}

/** IN-19. */
function renderList({ views, nextCursor }: VideoPage): DialectAnswer {
  const items = views.map(renderJob);
  return { status: 200, body: { items, ...(nextCursor !== null && { next_cursor: nextCursor }) } };
}

/** IN-25: what is not there yet is a conflict, what is no longer there is gone. */
function renderDownloadUrl({ video, clipUrl, linksExpireAt }: VideoView): DialectAnswer {
  if (video.state !== 'completed') throw new Refusal('conflict', `the job is ${STATE_OF[video.state]}, not completed`);
  if (clipUrl === null) throw new Refusal('gone', 'the video has been purged');
  return { status: 200, body: { url: clipUrl, expires_at: linksExpireAt.toISOString() } };
}

/** IN-26 */
function renderRetention({ video }: VideoView, days: number): DialectAnswer {
  const body = { job_id: video.id, retention_days: days, expires_at: video.expiresAt.toISOString() };
  return { status: 200, body };
}

function renderVendor(vendor: ProviderName, offers: readonly ModelOffer[]): JsonObject {
  return {
    vendor,
    models: [...new Set(offers.map(({ model }) => model))],
    resolutions: [...new Set(offers.flatMap(({ capabilities }) => capabilities.qualities))],
    max_duration_seconds: Math.max(...offers.map(({ capabilities }) => capabilities.maxDurationSeconds)),
    // There are no routes for either.
    supports_extend: false,
    supports_upscale: false,
  };
}

/** IN-30: a vendor is whom we buy from. */
function renderCapabilities(offers: readonly ModelOffer[]): DialectAnswer {
  const vendors = [...new Set(offers.map(({ provider }) => provider))];
  const body = {
    vendors: vendors.map((vendor) =>
      renderVendor(
        vendor,
        offers.filter(({ provider }) => provider === vendor),
      ),
    ),
  };
  return { status: 200, body };
}

/** Their names for parameters that models refuse. */
const PARAM_OF: ReadonlyMap<string, string> = new Map([
  ['quality', 'resolution'],
  ['aspect_ratio', 'aspect'],
  ['mode', 'reference_image_url'],
  ['input_images', 'reference_image_url'],
]);

/** IN-03: the one code that is documented; the others are made like it. */
function renderRefusal(refusal: Refusal): DialectAnswer {
  const { httpStatus } = refusal;
  const code = httpStatus === 402 ? INSUFFICIENT_CREDIT : refusalCode(refusal).toUpperCase();
  const message = refusalText(refusal, shownParam(refusal, PARAM_OF));
  return { status: httpStatus, body: { error: { code, message } } };
}

const ok = (isOk: boolean): DialectAnswer => ({ status: 200, body: { ok: isOk } });

/** The documented face of infrai: all ten capabilities (IN-31). */
export const infrai: Dialect = {
  name: 'infrai',
  retentionSeconds: DEFAULT_RETENTION_SECONDS,
  renderRefusal,
  routes: [
    {
      kind: 'create',
      method: 'POST',
      path: INFRAI_PATHS.generate,
      meaning: 'creates a job; `idempotency_key` in the body is the same as the header',
      parse: parseGenerate,
      render: renderCreated,
    },
    {
      kind: 'read',
      method: 'GET',
      path: INFRAI_PATHS.status,
      meaning: 'the job: `queued running completed failed cancelled expired`',
      render: renderStatus,
    },
    // IN-16, IN-17: what the body says is ignored (X14); too late is not an error.
    {
      kind: 'cancel',
      method: 'POST',
      path: INFRAI_PATHS.cancel,
      meaning: '`{ok}`, false for a job that has ended',
      render: ok,
    },
    {
      kind: 'detail',
      method: 'GET',
      path: INFRAI_PATHS.get,
      meaning: 'the job with duration, resolution, vendor and model',
      render: renderDetail,
    },
    {
      kind: 'list',
      method: 'GET',
      path: INFRAI_PATHS.list,
      meaning: '`?limit=&cursor=`, newest first',
      parse: parseList,
      render: renderList,
    },
    // IN-22, IN-23: idempotent by itself, so a key beside it changes nothing.
    {
      kind: 'delete',
      method: 'DELETE',
      path: INFRAI_PATHS.delete,
      meaning: 'removes job and clip; a running one is cancelled first',
      // X9: jobs are cancelled before they are deleted, and their artifacts go at once (IN-22).
      purgesMedia: true,
      whileRunning: 'cancel',
      unknownId: 'success',
      render: () => ok(true),
    },
    {
      kind: 'deleteAll',
      method: 'POST',
      path: INFRAI_PATHS.deleteAll,
      meaning: "the same for all of the caller's jobs",
      render: (deleted) => ({ status: 200, body: { deleted } }),
    },
    {
      kind: 'read',
      method: 'GET',
      path: INFRAI_PATHS.downloadUrl,
      meaning: 'a signed link and when it dies; 409 before the end',
      render: renderDownloadUrl,
    },
    {
      kind: 'retain',
      method: 'POST',
      path: INFRAI_PATHS.setRetention,
      meaning: '`{days}` from 1 to 90, counted from the creation; 30 without it',
      parse: ({ body }) => readBody(setRetentionBody, body),
      render: renderRetention,
    },
    {
      kind: 'models',
      method: 'GET',
      path: INFRAI_PATHS.capabilities,
      meaning: 'vendors with models, resolutions and longest durations',
      render: renderCapabilities,
    },
  ],
};
