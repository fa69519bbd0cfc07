/** The AI SDK's gateway protocol inbound: several clips under one operation, by one long answer or by asking. */

import type { Refusal, RefusalKind } from '../domain/failure.ts';
import { frameOf, KNOWN_SIZES } from '../domain/frame.ts';
import type { JsonObject } from '../domain/json.ts';
import type { ModelOffer } from '../domain/models.ts';
import { isEnded } from '../domain/video.ts';
import type { ImageInput, VideoDraft } from '../domain/video-request.ts';
import {
  AI_GATEWAY_PATHS,
  type GatewayErrorType,
  type GatewayFile,
  type GatewayWarning,
  type GenerateBody,
  generateBody,
  KNOWN_KEYS,
  MODEL_HEADER,
  SPECIFICATION_VERSION,
  statusBody,
} from '../wire/ai-gateway.ts';
import type { Dialect, DialectAnswer, DialectRequest, Job, ServerSentEvent, VideoView } from './dialect.ts';
import { endFailure } from './end-failure.ts';
import { imageAtUrl, imageFromBase64 } from './image-input.ts';
import { checkPrompt, checkShortText, forwardedKeys, readBody, refuse, refuseForeignWords } from './read-body.ts';
import { refusalCode, refusalText, shownParam } from './refusal-words.ts';

/** X11: no retention is documented; a day, as with the other upstreams. */
const RETENTION_SECONDS = 86_400;
/** Options under this name are meant for a gateway's own routing, which ours does not take from callers. */
const GATEWAY_OPTIONS = 'gateway';
const ADAPTIVE = 'adaptive';

function readModel({ headers }: DialectRequest): string {
  const model = headers[MODEL_HEADER];
  if (model === undefined) refuse(MODEL_HEADER, 'this header must name the model');
  checkShortText(MODEL_HEADER, model);
  return model;
}

function readFile(param: string, file: GatewayFile): ImageInput {
  if (file.mediaType != null && !/^image\//i.test(file.mediaType)) refuse(param, 'must be an image');
  return file.type === 'url' ? imageAtUrl(`${param}.url`, file.url) : imageFromBase64(`${param}.data`, file.data);
}

/** GW-01: the image that the clip starts from. */
function startImageOf({ image, frameImages }: GenerateBody): GatewayFile | undefined {
  return image ?? frameImages?.find(({ frameType }) => frameType === 'first_frame')?.image;
}

/** GW-01: a start image goes before references, which no model here takes beside it. */
function readImages(read: GenerateBody): Pick<VideoDraft, 'mode' | 'images'> {
  const first = startImageOf(read);
  if (first !== undefined) return { mode: 'image', images: [readFile('image', first)] };
  const images = (read.inputReferences ?? []).map((file, index) => readFile(`inputReferences.${index}`, file));
  return { mode: images.length === 0 ? 'text' : 'reference', images };
}

/** GW-01: a size in pixels says the ratio as well, and must not contradict the one that is named. */
function readFrame({ resolution, aspectRatio: ratio }: GenerateBody): Pick<VideoDraft, 'aspectRatio' | 'quality'> {
  checkShortText('resolution', resolution);
  checkShortText('aspectRatio', ratio);
  const named = ratio == null || ratio === ADAPTIVE ? {} : { aspectRatio: ratio };
  if (resolution == null) return named;
  if (!/^\d+x\d+$/.test(resolution)) return { ...named, quality: resolution };
  const frame = frameOf(resolution) ?? refuse('resolution', `must be one of ${KNOWN_SIZES.join(', ')}`);
  if (named.aspectRatio !== undefined && named.aspectRatio !== frame.aspectRatio) {
    refuse('resolution', `${resolution} has the aspect ratio ${frame.aspectRatio}, not ${named.aspectRatio}`);
  }
  return frame;
}

/** What every provider is told under its own name goes to whichever makes the clip; two must not contradict. */
function readOptions({ providerOptions }: GenerateBody): JsonObject {
  const options = new Map<string, unknown>();
  for (const [provider, named] of Object.entries(providerOptions ?? {})) {
    for (const [key, value] of provider === GATEWAY_OPTIONS ? [] : Object.entries(named)) {
      if (options.has(key) && JSON.stringify(options.get(key)) !== JSON.stringify(value)) {
        refuse('providerOptions', `${key} has more than one value`);
      }
      options.set(key, value);
    }
  }
  return Object.fromEntries(options) as JsonObject;
}

/** GW-01, GW-02; null in an optional field counts as absent. */
function parseGenerate(request: DialectRequest) {
  const read = readBody(generateBody, request.body);
  checkPrompt(read.prompt);
  refuseForeignWords(request.body, KNOWN_KEYS);
  const draft: VideoDraft = {
    model: readModel(request),
    prompt: read.prompt,
    extra: forwardedKeys({ ...readOptions(read), ...forwardedKeys(request.body, KNOWN_KEYS) }, []),
    ...readImages(read),
    ...readFrame(read),
    ...(read.duration != null && { durationSeconds: read.duration }),
  };
  return { draft, count: read.n ?? 1 };
}

/** GW-02: a start may name where it is told. */
function parseStart(request: DialectRequest) {
  const { callbackUrl } = readBody(generateBody, request.body);
  const callback = callbackUrl != null && { param: 'callbackUrl', url: callbackUrl };
  return { ...parseGenerate(request), ...(callback && { callback }) };
}

const unsupported = (feature: string, details: string): GatewayWarning => ({ type: 'unsupported', feature, details });

/** GW-05: what was asked for and will not be in the clip, though nothing is wrong with asking. */
function warningsOf({ body }: DialectRequest): readonly GatewayWarning[] {
  const read = readBody(generateBody, body);
  return [
    read.fps != null && unsupported('fps', 'the frame rate is the one of the model'),
    read.aspectRatio === ADAPTIVE && unsupported('aspectRatio', `${ADAPTIVE}: the clip gets the default of the model`),
    read.frameImages?.some(({ frameType }) => frameType === 'last_frame') &&
      unsupported('frameImages', 'last_frame: clips can be given their first frame only'),
    startImageOf(read) !== undefined &&
      !!read.inputReferences?.length &&
      unsupported('inputReferences', 'references are not combined with a first frame'),
    read.providerOptions?.[GATEWAY_OPTIONS] !== undefined &&
      unsupported(`providerOptions.${GATEWAY_OPTIONS}`, 'accounts are chosen by the configuration'),
  ].filter((warning) => typeof warning === 'object');
}

/** GW-05: the long answer tells by itself. */
function untoldOf({ body }: DialectRequest): readonly GatewayWarning[] {
  const isNamed = readBody(generateBody, body).callbackUrl != null;
  return isNamed ? [unsupported('callbackUrl', 'nothing is sent there, for this answer tells of the end')] : [];
}

const operationOf = (views: readonly VideoView[]) => ({ videos: views.map(({ video }) => video.id) });

/** GW-02; the secret that signs what the callback is told is shown in this answer alone. */
function renderStarted(views: readonly VideoView[], request: DialectRequest, job: Job | null): DialectAnswer {
  const asyncJob = job && { jobId: job.id, status: 'pending', webhookSigningSecret: job.secret };
  const body = { operation: operationOf(views), warnings: [...warningsOf(request)] };
  return { status: 200, body: { ...body, ...(asyncJob && { providerMetadata: { gateway: { asyncJob } } }) } };
}

/** What became of an operation. */
type Outcome =
  | { readonly kind: 'pending' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'failed'; readonly message: string }
  | {
      readonly kind: 'completed';
      readonly body: { readonly videos: JsonObject[]; readonly warnings: GatewayWarning[] };
    };

/** Why a view has no clip to show; null when it has one. */
function problemOf({ video, clipUrl }: VideoView): string | null {
  const failure = endFailure(video);
  if (failure !== null) return `video ${video.id}: ${failure.message}`;
  return clipUrl === null ? `video ${video.id}: the clip has been removed` : null;
}

/** GW-03, GW-04: clips that were made are paid, so they are shown although others of the operation failed. */
function outcomeOf(views: readonly VideoView[]): Outcome {
  if (!views.every(({ video }) => isEnded(video.state))) return { kind: 'pending' };
  if (views.every(({ video }) => video.state === 'cancelled')) return { kind: 'cancelled' };
  const problems = views.map(problemOf).filter((problem) => problem !== null);
  const videos = views.flatMap(({ clipUrl }) =>
    clipUrl === null ? [] : [{ type: 'url', url: clipUrl, mediaType: 'video/mp4' }],
  );
  if (videos.length === 0) return { kind: 'failed', message: problems.join('; ') };
  return { kind: 'completed', body: { videos, warnings: problems.map((message) => ({ type: 'other', message })) } };
}

/** What the client keeps beside the clips. */
function metadataOf(views: readonly VideoView[]): JsonObject {
  const videos = views.map(({ video }) => ({
    id: video.id,
    state: video.state,
    expiresAt: video.expiresAt.toISOString(),
  }));
  return { clipyard: { videos } };
}

/** GW-03. */
function renderStatus(views: readonly VideoView[]): DialectAnswer {
  const outcome = outcomeOf(views);
  switch (outcome.kind) {
    case 'pending':
    case 'cancelled':
      return { status: 200, body: { status: outcome.kind } };
    case 'failed':
      return { status: 200, body: { status: 'error', error: outcome.message } };
    case 'completed':
      return { status: 200, body: { status: 'completed', ...outcome.body, providerMetadata: metadataOf(views) } };
  }
}

/**
 * GW-01: nothing until all have ended, then the one event. A failure has a status that the client does not repeat by
 * itself: it would have the clips made, and paid, again.
 */
function renderEnd(views: readonly VideoView[], request: DialectRequest): ServerSentEvent | null {
  const outcome = outcomeOf(views);
  if (outcome.kind === 'pending') return null;
  if (outcome.kind === 'completed') {
    const { videos, warnings } = outcome.body;
    const result = {
      type: 'result',
      videos,
      warnings: [...warningsOf(request), ...untoldOf(request), ...warnings],
      providerMetadata: metadataOf(views),
    };
    return { data: JSON.stringify(result) };
  }
  const message = outcome.kind === 'cancelled' ? 'the video was cancelled' : outcome.message;
  const errorType: GatewayErrorType = 'failed_dependency';
  return { data: JSON.stringify({ type: 'error', message, errorType, statusCode: 424, param: null }) };
}

/** Their names for parameters that models refuse. */
const PARAM_OF: ReadonlyMap<string, string> = new Map([
  ['duration_seconds', 'duration'],
  ['aspect_ratio', 'aspectRatio'],
  ['quality', 'resolution'],
  ['mode', 'image'],
  ['input_images', 'inputReferences'],
  ['model', MODEL_HEADER],
]);

/** GW-06: the client's classes; every other refusal is an invalid request. */
const TYPE_OF: Readonly<Partial<Record<RefusalKind, GatewayErrorType>>> = {
  unauthenticated: 'authentication_error',
  forbidden: 'forbidden',
  unknown_model: 'model_not_found',
  not_found: 'not_found',
  too_many_videos: 'rate_limit_exceeded',
  rate_limited: 'rate_limit_exceeded',
  internal: 'internal_server_error',
  unavailable: 'internal_server_error',
};

/** GW-06. */
function renderRefusal(refusal: Refusal): DialectAnswer {
  const { kind } = refusal;
  const param = shownParam(refusal, PARAM_OF);
  const error = {
    message: refusalText(refusal, param),
    type: TYPE_OF[kind] ?? 'invalid_request_error',
    param: param ?? null,
    code: refusalCode(refusal),
  };
  // The status that the client's own class for it has.
  return { status: kind === 'unknown_model' ? 404 : refusal.httpStatus, body: { error } };
}

/** What the client itself asks for to list models; of prices it knows those of tokens alone. */
function renderModels(offers: readonly ModelOffer[]): DialectAnswer {
  const ids = [...new Set(offers.map(({ model }) => model))];
  const models = ids.map((id) => ({
    id,
    name: id,
    specification: { specificationVersion: SPECIFICATION_VERSION, provider: 'clipyard', modelId: id },
    modelType: 'video',
  }));
  return { status: 200, body: { models } };
}

/** The face of the AI SDK's gateway protocol. */
export const aiGateway: Dialect = {
  name: 'ai-gateway',
  retentionSeconds: RETENTION_SECONDS,
  renderRefusal,
  routes: [
    {
      kind: 'createMany',
      method: 'POST',
      path: AI_GATEWAY_PATHS.start,
      meaning: '`{operation,warnings}` at once; `callbackUrl` is told when all clips have ended',
      parse: parseStart,
      render: renderStarted,
    },
    {
      kind: 'createManyAndStream',
      method: 'POST',
      path: AI_GATEWAY_PATHS.generate,
      meaning: 'a stream of heartbeats until all clips have ended, then one event with their links',
      parse: parseGenerate,
      renderEnd,
    },
    {
      kind: 'readMany',
      method: 'POST',
      path: AI_GATEWAY_PATHS.status,
      meaning: '`{operation}` → `{status}`: `pending`, `completed` with `videos`, `error` or `cancelled`',
      parse: ({ body }) => readBody(statusBody, body).operation.videos,
      render: renderStatus,
    },
    {
      kind: 'models',
      method: 'GET',
      path: AI_GATEWAY_PATHS.models,
      meaning: 'the models on offer, for `getAvailableModels`',
      render: renderModels,
    },
  ],
};
