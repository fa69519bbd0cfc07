/** The provider for OpenAI's `/v1/videos`, of whichever server: creates, polls and lists videos. */

import { type Frame, sizeOf } from '../domain/frame.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import type { Provider, ProviderCall, ResultLink, StartCall, StartOutcome, TaskStatus } from '../domain/provider.ts';
import { PROVIDER_FACTS } from '../domain/vendor.ts';
import type { VideoRequest } from '../domain/video-request.ts';
import { retryAfterMs } from '../net/retry-after.ts';
import { type EncodedBody, encodeMultipart, type FilePart } from '../net/trusted/encoded-body.ts';
import type { JsonReply } from '../net/trusted/request-json.ts';
import { DEFAULT_FRAME, KNOWN_KEYS, LIST_LIMIT, OPENAI_PATHS, POLL_AFTER_HEADER } from '../wire/openai/videos.ts';
import { pathOf } from '../wire/path.ts';
import { sendCreate } from './create-outcome.ts';
import { get, refuseUnsent, requireJson } from './read-answer.ts';
import { instantMs } from './reading/fields.ts';
import { linkIn } from './reading/result-link.ts';
import { readTaskList } from './reading/task-list.ts';
import { readTaskStatus } from './reading/task-status.ts';

/** Base URLs whose servers take creates as forms alone, as they themselves have said since this process began. */
const TAKES_FORMS = new Set<string>();

export const openai = {
  name: 'openai',
  facts: PROVIDER_FACTS.openai,
  async start(request, call) {
    const problem = findProblem(request);
    if (problem !== undefined) return refuseUnsent(problem);
    // OV-03, OV-10: an image is a file in a form, wherever it comes from; JSON elsewhere.
    if (request.images.length > 0 || TAKES_FORMS.has(call.baseUrl)) return await send(request, call, formBody);
    return await sendJson(request, call);
  },
  poll: async (taskId, call) => readStatus(await get(call, pathOf(OPENAI_PATHS.video, taskId)), taskId, call),
  list: async (call) =>
    readTaskList(await get(call, `${OPENAI_PATHS.videos}?limit=${LIST_LIMIT.max}&order=desc`), {
      wanted: 'the list of videos',
      entriesKey: 'data',
      idKey: 'id',
    }),
  async probe(call) {
    requireJson(await get(call, `${OPENAI_PATHS.videos}?limit=1`), 'the list of videos');
  },
} satisfies Omit<Provider, 'name'> & { name: 'openai' };

type MakeBody = (request: VideoRequest, call: StartCall) => Promise<JsonObject | EncodedBody>;

function send(request: VideoRequest, call: StartCall, makeBody: MakeBody): Promise<StartOutcome> {
  return sendCreate(call, {
    path: OPENAI_PATHS.videos,
    makeBody: () => makeBody(request, call),
    // OV-14
    idKey: 'id',
    prompt: request.prompt,
  });
}

/** A refusal proves that nothing was made, so where it asks for a form the create is sent once more, in the time left. */
async function sendJson(request: VideoRequest, call: StartCall): Promise<StartOutcome> {
  const sentMs = performance.now();
  const outcome = await send(request, call, async () => createFields(request, call));
  const leftMs = Math.floor(call.timeoutMs - (performance.now() - sentMs));
  if (!asksForForm(outcome) || leftMs <= 0) return outcome;
  const second = await send(request, { ...call, timeoutMs: leftMs }, formBody);
  if (second.kind === 'started') TAKES_FORMS.add(call.baseUrl);
  return second;
}

const BAD_BODIES: readonly (number | undefined)[] = [400, 415, 422];
const UNSUPPORTED_MEDIA_TYPE = 415;
/** A form is named, or what every create has is said to be missing: the body was not read as what it is. */
const FORM_WORDS =
  /multipart|form.?data|urlencoded|\b(?:prompt|model)\b.*\b(?:required|missing)|missing.*\b(?:prompt|model)\b/is;

function asksForForm(outcome: StartOutcome): boolean {
  if (outcome.kind !== 'refused' || outcome.reason !== 'request') return false;
  const { status, code = '', message = '' } = outcome.upstream;
  if (!BAD_BODIES.includes(status)) return false;
  return status === UNSUPPORTED_MEDIA_TYPE || FORM_WORDS.test(`${code} ${message}`);
}

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

async function formBody(request: VideoRequest, call: StartCall): Promise<EncodedBody> {
  return await encodeMultipart(formTexts('', createFields(request, call)), await referenceFile(request, call));
}

/** OV-10; undefined where the request has no image. */
async function referenceFile({ images: [image] }: VideoRequest, call: StartCall): Promise<FilePart | undefined> {
  if (image === undefined) return undefined;
  const { bytes, mediaType } = await call.loadImage(image);
  const filename = `reference.${mediaType.split('/')[1] ?? 'bin'}`;
  return { field: 'input_reference', filename, mediaType, bytes };
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

function readStatus(reply: JsonReply, taskId: string, call: ProviderCall): TaskStatus {
  const resultOf = (video: JsonObject) => resultIn(video, taskId, call);
  const status = readTaskStatus(reply, { wanted: 'the video', resultOf });
  if (status.kind !== 'pending' || status.retryAfterMs !== undefined) return status;
  // Contract, 3.4: bounded as every other hint is.
  const hint = { 'retry-after-ms': reply.headers[POLL_AFTER_HEADER] ?? '' };
  return { ...status, retryAfterMs: retryAfterMs(hint, reply.upstreamNowMs) };
}

/**
 * A link that the answer has stands for itself: the servers that add one may have no content route. OV-24: without one
 * the clip lies at the content route, behind the account's own key.
 */
function resultIn(video: JsonObject, taskId: string, { baseUrl }: ProviderCall): ResultLink {
  const expiresAtMs = instantMs(video['expires_at']) ?? null;
  const content = { url: baseUrl + pathOf(OPENAI_PATHS.content, taskId), needsKey: true };
  const link = linkIn(video);
  if (link === undefined) return { ...content, expiresAtMs };
  const place = placeOf(link, baseUrl);
  // A link to the video itself is none to its clip.
  if (place === placeOf(baseUrl + pathOf(OPENAI_PATHS.video, taskId), baseUrl)) return { ...content, expiresAtMs };
  if (place !== placeOf(content.url, baseUrl)) return { url: link, needsKey: false, otherwise: content, expiresAtMs };
  // OpenRouter names its content route so, whose `index` belongs to it.
  return { ...content, url: new URL(link, baseUrl).href, expiresAtMs };
}

/** Origin and path, however they are escaped; undefined for what is no URL. */
function placeOf(link: string, baseUrl: string): string | undefined {
  try {
    const { origin, pathname } = new URL(link, baseUrl);
    return origin + decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
}
