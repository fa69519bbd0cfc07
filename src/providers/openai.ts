/** The provider for OpenAI's `/v1/videos`, of whichever server: creates, looks at and lists videos. */

import { type Frame, sizeOf } from '../domain/frame.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import type { Provider, ProviderCall, ProviderFacts, StartCall, TaskList, TaskStatus } from '../domain/provider.ts';
import { DOCUMENTED_TIMING } from '../domain/vendor.ts';
import type { ImageReference, VideoRequest } from '../domain/video-request.ts';
import { type Headers, retryAfterMs } from '../net/retry-after.ts';
import { type EncodedBody, encodeMultipart } from '../net/trusted/encoded-body.ts';
import { type JsonReply, unexpectedAnswer } from '../net/trusted/request-json.ts';
import {
  DEFAULT_FRAME,
  KNOWN_KEYS,
  LIST_LIMIT,
  OPENAI_PATHS,
  type OpenaiVideo,
  POLL_AFTER_HEADER,
  video as videoSchema,
} from '../wire/openai.ts';
import { type CreatedTask, sendCreate } from './create-outcome.ts';
import {
  dateMs,
  entriesUnder,
  get,
  isSuccess,
  microUsdOf,
  pathOf,
  refuseUnsent,
  requireSuccess,
  wholePercent,
} from './read-answer.ts';

const FACTS: ProviderFacts = {
  // Neither the document nor the SDKs name a key that the server honours, or a cancel.
  honoursIdempotencyKey: false,
  cancels: false,
  // Guesses, like the lifetime below: generous where nothing was heard.
  listWindow: { answeredMs: 5_000, unansweredMs: 30_000 },
  timing: DOCUMENTED_TIMING.openai,
  resultTtlMs: 86_400_000,
};

/** The fields that adoption compares; the others may be as odd as they like without hiding a video from the list. */
const listedVideo = videoSchema.pick({
  id: true,
  model: true,
  prompt: true,
  seconds: true,
  created_at: true,
  cost_cents: true,
});

/** The fields that a look reads. */
const watchedVideo = videoSchema.pick({
  id: true,
  status: true,
  progress: true,
  expires_at: true,
  error: true,
  cost_cents: true,
});
type WatchedVideo = Pick<OpenaiVideo, keyof typeof watchedVideo.shape>;

export const openai = {
  name: 'openai',
  facts: FACTS,
  async start(request, call) {
    const problem = findProblem(request);
    if (problem !== undefined) return refuseUnsent(problem);
    return await sendCreate(call, {
      url: call.baseUrl + OPENAI_PATHS.videos,
      makeBody: () => createBody(request, call),
      readTask: readCreated,
    });
  },
  check: async (taskId, call) => readStatus(await get(call, pathOf(OPENAI_PATHS.video, taskId)), taskId, call),
  list: async (call) => readList(await get(call, `${OPENAI_PATHS.videos}?limit=${LIST_LIMIT.max}&order=desc`)),
  async probe(call) {
    requireSuccess(await get(call, `${OPENAI_PATHS.videos}?limit=1`), 'the list of videos');
  },
} satisfies Omit<Provider, 'name'> & { name: 'openai' };

/** What the API has no words for; undefined where it has words for everything. */
function findProblem(request: VideoRequest): string | undefined {
  const { mode, images, durationSeconds } = request;
  // OV-09
  if (!Number.isInteger(durationSeconds)) return `/v1/videos takes whole seconds, not ${durationSeconds}`;
  const frame = wantedFrame(request);
  if (frame && sizeOf(frame) === undefined)
    return `/v1/videos has no size for ${frame.aspectRatio} in ${frame.quality}`;
  // OV-10
  if (images.length > 1) return `/v1/videos takes one reference image, not ${images.length}`;
  if (mode !== 'text' && images.length === 0) return `mode ${mode} needs an image`;
  return undefined;
}

/** OV-08: what one half leaves open is as in the default size; undefined where both are open, and no size is sent. */
function wantedFrame({ aspectRatio, quality }: VideoRequest): Frame | undefined {
  if (aspectRatio === null && quality === null) return undefined;
  return { aspectRatio: aspectRatio ?? DEFAULT_FRAME.aspectRatio, quality: quality ?? DEFAULT_FRAME.quality };
}

/** OV-03, OV-10: an image is a file in a form, wherever it comes from; JSON elsewhere. */
async function createBody(request: VideoRequest, call: StartCall): Promise<JsonObject | EncodedBody> {
  const [image] = request.images;
  const fields = createFields(request, call);
  return image === undefined ? fields : await multipartBody(fields, image, call);
}

/** OV-06 to OV-09: everything that has a price is said explicitly; forwarded keys never replace one of these. */
function createFields(request: VideoRequest, call: StartCall): JsonObject {
  const forwarded = Object.entries(request.extra).filter(([key]) => !KNOWN_KEYS.includes(key));
  const frame = wantedFrame(request);
  const size = frame && sizeOf(frame);
  return {
    ...Object.fromEntries(forwarded),
    model: call.upstreamModel,
    prompt: request.prompt,
    seconds: String(request.durationSeconds),
    ...(size !== undefined && { size }),
  };
}

async function multipartBody(fields: JsonObject, image: ImageReference, call: StartCall): Promise<EncodedBody> {
  const { bytes, mediaType } = await call.loadImage(image);
  const filename = `reference.${mediaType.split('/')[1] ?? 'bin'}`;
  return await encodeMultipart(formTexts('', fields), { field: 'input_reference', filename, mediaType, bytes });
}

/** Contract, 3.2: nested values by the SDK's names, `a[b]` and `a[]`; null is what is not there. */
function formTexts(prefix: string, value: Json): readonly (readonly [string, string])[] {
  if (value === null) return [];
  if (isJsonObject(value)) {
    return Object.entries(value).flatMap(([key, inner]) => formTexts(prefix ? `${prefix}[${key}]` : key, inner));
  }
  if (typeof value === 'object') return value.flatMap((inner) => formTexts(`${prefix}[]`, inner));
  return [[prefix, String(value)]];
}

/** OV-14: only the id is needed for the video to be ours. */
function readCreated(body: unknown): CreatedTask | undefined {
  const created = videoSchema.pick({ id: true, cost_cents: true }).safeParse(body);
  return created.success ? { taskId: created.data.id, costMicroUsd: microUsdOf(created.data.cost_cents) } : undefined;
}

function readStatus(reply: JsonReply, taskId: string, call: ProviderCall): TaskStatus {
  if (reply.status === 404 || reply.status === 410) return { kind: 'missing' };
  const read = watchedVideo.safeParse(reply.body);
  if (!isSuccess(reply) || !read.success || read.data.id !== taskId) throw unexpectedAnswer(reply, 'the video');
  const video = read.data;
  const costMicroUsd = microUsdOf(video.cost_cents);
  switch (video.status) {
    case 'completed':
      return { kind: 'succeeded', result: contentOf(video, call), costMicroUsd };
    case 'failed':
      return { kind: 'failed', upstream: wordsOf(video), costMicroUsd };
    default:
      return {
        kind: 'pending',
        progress: wholePercent(video.progress),
        word: video.status ?? '',
        known: video.status === 'queued' || video.status === 'in_progress',
        retryAfterMs: retryAfterMs(reply.headers, reply.upstreamNowMs) ?? pollAfterMs(reply.headers),
      };
  }
}

/** OV-24: the clip lies behind the account's own key; a `url` that some servers add is not documented and not used. */
function contentOf({ id, expires_at }: WatchedVideo, { baseUrl }: ProviderCall) {
  const url = baseUrl + pathOf(OPENAI_PATHS.content, id);
  return { url, needsKey: true, expiresAtMs: dateMs(expires_at) ?? null };
}

function wordsOf({ error }: WatchedVideo) {
  return { ...(error?.code && { code: error.code }), ...(error?.message && { message: error.message }) };
}

/** Contract, 3.4. */
function pollAfterMs(headers: Headers): number | undefined {
  const text = headers[POLL_AFTER_HEADER] ?? '';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

function readList(reply: JsonReply): TaskList {
  const entries = isSuccess(reply) ? entriesUnder('data', reply.body) : undefined;
  if (entries === undefined) throw unexpectedAnswer(reply, 'the list of videos');
  const tasks = entries.map((entry) => {
    const read = listedVideo.safeParse(entry);
    const createdAtMs = dateMs(read.data?.created_at);
    // A video that cannot be read might be the one that is looked for: better no list than one that lacks it.
    if (!read.success || createdAtMs === undefined) throw unexpectedAnswer(reply, 'a list of readable videos');
    return {
      taskId: read.data.id,
      createdAtMs,
      model: read.data.model ?? undefined,
      prompt: read.data.prompt ?? undefined,
      durationSeconds: secondsOf(read.data.seconds),
      costMicroUsd: microUsdOf(read.data.cost_cents),
    };
  });
  return { tasks, upstreamNowMs: reply.upstreamNowMs };
}

/** OV-20: text or a number; what is neither says nothing. */
function secondsOf(seconds: string | number | null | undefined): number | undefined {
  const read = seconds == null || seconds === '' ? Number.NaN : Number(seconds);
  return Number.isFinite(read) ? read : undefined;
}
