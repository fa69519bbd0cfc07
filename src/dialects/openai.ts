/** OpenAI's `/v1/videos` inbound, as apifree documents it and the SDKs call it, at both of its paths. */

import { Refusal, type RefusalKind } from '../domain/failure.ts';
import { frameOf, KNOWN_SIZES, sizeOf } from '../domain/frame.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import type { ModelOffer } from '../domain/models.ts';
import { isEnded, type Video, type VideoState } from '../domain/video.ts';
import { draftOf, type ImageInput, type VideoDraft, type VideoRequest } from '../domain/video-request.ts';
import {
  type CreateBody,
  createBody,
  KNOWN_KEYS,
  LIST_LIMIT,
  OPENAI_ALIAS,
  OPENAI_PATHS,
  type OpenaiStatus,
  POLL_AFTER_HEADER,
  remixBody,
  VARIANTS,
} from '../wire/openai/videos.ts';
import type {
  CreateRoute,
  Dialect,
  DialectAnswer,
  DialectRequest,
  DialectRoute,
  ListQuery,
  VideoPage,
  VideoView,
} from './dialect.ts';
import { endFailure } from './end-failure.ts';
import { errorEnvelope } from './error-envelope.ts';
import { imageFromUrl, imageOfBytes } from './image-input.ts';
import { checkPrompt, checkShortText, forwardedKeys, readCreateBody, refuse, refuseForeignWords } from './read-body.ts';
import { readChoice, readLimit } from './read-query.ts';
import { refusalCode, shownParam } from './refusal-words.ts';
import { UploadedFile } from './uploaded-file.ts';

/** X11: no retention is documented; a day, as with the other upstreams. */
const RETENTION_SECONDS = 86_400;
/** How often a video is worth asking for; without a hint the Python SDK asks every second. */
const POLL_SECONDS = 5;
/** X3: until the archive is verified a video is not done, though the upstream says so. */
const MOST_RUNNING_PROGRESS = 99;

/** OV-17, X3; what was cancelled or never finished has no word of its own. */
const STATUS_OF: Readonly<Record<VideoState, OpenaiStatus>> = {
  queued: 'queued',
  submitting: 'in_progress',
  unconfirmed: 'in_progress',
  generating: 'in_progress',
  archiving: 'in_progress',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'failed',
  expired: 'failed',
};

/** OV-10: the one file there may be, apart from what the schema reads. */
function splitFile(body: unknown): { readonly fields: unknown; readonly file: UploadedFile | null } {
  if (!isJsonObject(body)) return { fields: body, file: null };
  let file: UploadedFile | null = null;
  const fields = Object.entries(body).filter(([key, value]) => {
    if (!(value instanceof UploadedFile)) return true;
    if (key !== 'input_reference') refuse(key, 'must not be a file');
    file = value;
    return false;
  });
  return { fields: Object.fromEntries(fields), file };
}

/** OV-10: a file in a form, else an image by URL or `data:` URL; one that was uploaded before is not there yet. */
function readReference({ input_reference: named }: CreateBody, file: UploadedFile | null): readonly ImageInput[] {
  if (file !== null) return [imageOfBytes('input_reference', file.bytes)];
  if (named?.image_url == null) return [];
  return [imageFromUrl('input_reference.image_url', named.image_url)];
}

/** OV-08: a size is a quality and an aspect ratio. */
function readSize(size: string | null | undefined) {
  if (size == null) return {};
  return frameOf(size) ?? refuse('size', `must be one of ${KNOWN_SIZES.join(', ')}`);
}

/** OV-06 to OV-11; `stream` has no effect, and null in an optional field counts as absent. */
function parseCreate({ body }: DialectRequest): ReturnType<CreateRoute['parse']> {
  const { fields, file } = splitFile(body);
  const read = readCreateBody(createBody, fields);
  checkShortText('model', read.model);
  checkPrompt(read.prompt);
  const images = readReference(read, file);
  const fileId = file === null ? read.input_reference?.file_id : null;
  refuseForeignWords(fields, KNOWN_KEYS);
  const draft: VideoDraft = {
    model: read.model,
    mode: images.length === 0 && fileId == null ? 'text' : 'image',
    prompt: read.prompt,
    images,
    extra: forwardedKeys(fields, KNOWN_KEYS),
    ...readSize(read.size),
    ...(read.seconds != null && { durationSeconds: read.seconds }),
  };
  return { draft, ...(fileId != null && { imageFile: { id: fileId, param: 'input_reference.file_id' } }) };
}

/** Contract, 3.2: the source's settings under a new prompt. */
function parseRemix({ body }: DialectRequest, source: Video): { readonly draft: VideoDraft } {
  const { prompt } = readCreateBody(remixBody, body);
  checkPrompt(prompt);
  const draft: VideoDraft = { ...draftOf(source.request), prompt, remixOf: source.id };
  return { draft };
}

const unixSeconds = (date: Date): number => Math.floor(date.getTime() / 1000);

/** OV-21: what was asked for in their words, else what the clip turned out to be. */
function sizeText({ aspectRatio, quality }: VideoRequest, archive: Video['archive']): string | null {
  const asked = aspectRatio === null || quality === null ? undefined : sizeOf({ aspectRatio, quality });
  return asked ?? (archive === null ? null : `${archive.width}x${archive.height}`);
}

/** X3, X4. */
function renderError(video: Video): JsonObject | null {
  const failure = endFailure(video);
  if (failure === null) return null;
  return { code: video.state === 'expired' ? 'expired' : failure.kind, message: failure.message };
}

/** OV-14 to OV-21, contract 3.3. A link at the top level saves some clients the download by way of `content`. */
export function renderVideo({ video, clipUrl }: VideoView): JsonObject {
  const { id, state, request, progress, endedAt, archive } = video;
  const isCompleted = state === 'completed';
  return {
    id,
    object: 'video',
    model: request.model,
    status: STATUS_OF[state],
    progress: isCompleted ? 100 : Math.min(progress, MOST_RUNNING_PROGRESS),
    created_at: unixSeconds(video.createdAt),
    completed_at: isCompleted && endedAt !== null ? unixSeconds(endedAt) : null,
    expires_at: unixSeconds(video.expiresAt),
    error: renderError(video),
    prompt: request.prompt,
    remixed_from_video_id: request.remixOf ?? null,
    seconds: String(request.durationSeconds),
    size: sizeText(request, archive),
    ...(clipUrl !== null && { url: clipUrl }),
  };
}

function renderPlain(view: VideoView): DialectAnswer {
  return { status: 200, body: renderVideo(view) };
}

/** OV-22, contract 3.4: with the time to ask again. */
function renderRead(view: VideoView): DialectAnswer {
  const answer = renderPlain(view);
  if (isEnded(view.video.state)) return answer;
  return {
    ...answer,
    headers: { [POLL_AFTER_HEADER]: String(POLL_SECONDS * 1000), 'retry-after': String(POLL_SECONDS) },
  };
}

const ORDERS = { asc: 'oldest', desc: 'newest' } as const;

/** Contract, 3.2: `after` is the id of the last video of the page before. */
function parseList({ query }: DialectRequest): ListQuery {
  const { after } = query;
  const order = readChoice('order', query['order'], ['asc', 'desc']) ?? 'desc';
  return { limit: readLimit(query['limit'], LIST_LIMIT), order: ORDERS[order], ...(after && { cursor: after }) };
}

/** Contract, 3.3. */
function renderList({ views, nextCursor }: VideoPage): DialectAnswer {
  const body = {
    object: 'list',
    data: views.map(renderVideo),
    first_id: views[0]?.video.id ?? null,
    last_id: views.at(-1)?.video.id ?? null,
    has_more: nextCursor !== null,
  };
  return { status: 200, body };
}

const MEDIA_OF = { video: 'clip', thumbnail: 'poster', spritesheet: 'spritesheet' } as const;

/**
 * Contract, 3.2. While the clip is not there yet the answer is 409, which the SDKs take as passing and ask again, where
 * a 404 is final to them; a video that ended without a clip is 404, and a purged one 410 (X3, X22).
 */
function chooseContent({ query }: DialectRequest, { id, state }: Video) {
  const variant = readChoice('variant', query['variant'], VARIANTS) ?? 'video';
  if (!isEnded(state)) {
    throw new Refusal('conflict', `video ${id} is not ready; it is ${STATUS_OF[state]}`, {
      code: 'not_ready',
      retryAfterSeconds: POLL_SECONDS,
    });
  }
  return MEDIA_OF[variant];
}

const showModel = (id: string): JsonObject => ({ id, object: 'model', created: 0, owned_by: 'clipyard' });

function renderModels(offers: readonly ModelOffer[]): DialectAnswer {
  const ids = [...new Set(offers.map(({ model }) => model))];
  const data = ids.map(showModel);
  return { status: 200, body: { object: 'list', data } };
}

/** Their names for parameters that models and lists refuse. */
const PARAM_OF: ReadonlyMap<string, string> = new Map([
  ['duration_seconds', 'seconds'],
  ['aspect_ratio', 'size'],
  ['quality', 'size'],
  ['mode', 'input_reference'],
  ['input_images', 'input_reference'],
  ['cursor', 'after'],
]);

/** Their words where they have some. */
const CODE_OF: Readonly<Partial<Record<RefusalKind, string>>> = {
  unauthenticated: 'invalid_api_key',
  unknown_model: 'model_not_found',
};

/** OV-23, contract 3.4: problem details would show as no body at all. */
function renderRefusal(refusal: Refusal): DialectAnswer {
  const { kind } = refusal;
  const code = refusal.code ?? CODE_OF[kind] ?? refusalCode(refusal);
  return errorEnvelope(refusal, { code, param: shownParam(refusal, PARAM_OF) });
}

const notOffered = (what: string) => ({
  kind: 'unsupported' as const,
  meaning: '400 `not_supported`',
  problem: `${what} are not supported: no upstream offers them`,
});

const videoRoutes: readonly DialectRoute[] = [
  {
    kind: 'create',
    method: 'POST',
    path: OPENAI_PATHS.videos,
    meaning: 'creates a video; JSON or multipart',
    takesForms: true,
    parse: parseCreate,
    render: renderPlain,
  },
  {
    kind: 'list',
    method: 'GET',
    path: OPENAI_PATHS.videos,
    meaning: '`?limit=&after=&order=asc|desc`',
    parse: parseList,
    render: renderList,
  },
  {
    kind: 'read',
    method: 'GET',
    path: OPENAI_PATHS.video,
    meaning: 'the video, with `openai-poll-after-ms` while it runs',
    render: renderRead,
  },
  {
    kind: 'delete',
    method: 'DELETE',
    path: OPENAI_PATHS.video,
    meaning: 'removes an ended video and its clip; 409 before the end',
    purgesMedia: true,
    // X9: only what has ended can be deleted.
    whileRunning: 'refuse',
    unknownId: 'not found',
    render: (id) => ({ status: 200, body: { id, object: 'video.deleted', deleted: true } }),
  },
  {
    kind: 'content',
    method: 'GET',
    path: OPENAI_PATHS.content,
    meaning:
      'the clip, or with `?variant=thumbnail` its poster, `?variant=spritesheet` up to 25 pictures from all along it; ' +
      '409 until it is ready, 404 `spritesheet_unavailable` without ffmpeg',
    choose: chooseContent,
  },
  {
    kind: 'remix',
    method: 'POST',
    path: OPENAI_PATHS.remix,
    meaning: 'a new video with the same settings and another prompt; JSON or multipart, which the SDK for Java sends',
    takesForms: true,
    parse: parseRemix,
    render: renderPlain,
  },
  { method: 'POST', path: OPENAI_PATHS.edits, ...notOffered('edits') },
  { method: 'POST', path: OPENAI_PATHS.extensions, ...notOffered('extensions') },
  { method: 'POST', path: OPENAI_PATHS.characters, ...notOffered('characters') },
  { method: 'GET', path: OPENAI_PATHS.character, ...notOffered('characters') },
];

/** OV-02: the same under the other path, whole and part. */
function atAlias(route: DialectRoute): DialectRoute {
  return { ...route, path: route.path.replace(OPENAI_PATHS.videos, OPENAI_ALIAS) };
}

/** The documented face of `/v1/videos`. */
export const openai: Dialect = {
  name: 'openai',
  retentionSeconds: RETENTION_SECONDS,
  renderRefusal,
  routes: [
    ...videoRoutes,
    ...videoRoutes.map(atAlias),
    {
      kind: 'models',
      method: 'GET',
      path: OPENAI_PATHS.models,
      meaning: "the models on offer, in OpenAI's shape",
      render: renderModels,
    },
    {
      kind: 'model',
      method: 'GET',
      path: OPENAI_PATHS.model,
      meaning: 'one of them',
      render: ({ model }) => ({ status: 200, body: showModel(model) }),
    },
  ],
};
