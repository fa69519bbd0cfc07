/** A create at a described API: its body from the description's fields, and what the answer says became of it. */

import { frameOf, sizeOf } from '../../domain/frame.ts';
import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import type { RefusalReason, StartCall, StartOutcome } from '../../domain/provider.ts';
import type { ImageReference, VideoRequest } from '../../domain/video-request.ts';
import { base64Of } from '../../net/base64/encode.ts';
import { type EncodedBody, encodeMultipart, type FilePart } from '../../net/trusted/encoded-body.ts';
import { type JsonReply, upstreamWords } from '../../net/trusted/request-json.ts';
import { saidText } from '../../net/upstream-words.ts';
import type { Description } from '../../wire/description.ts';
import { type FieldValue, valuesIn } from '../../wire/description-fields.ts';
import {
  evidenceOf,
  type JudgedCreate,
  judgeReply,
  judgeSaidError,
  lost,
  refused,
  sendCreate,
} from '../create-outcome.ts';
import { isSuccess, refuseUnsent } from '../read-answer.ts';
import { idOf } from '../reading/fields.ts';
import { reasonIn } from '../refusal-words.ts';
import { costAt } from './cost.ts';
import { expandPath, fillFields, headersOf, type Values } from './exchange.ts';
import { firstAt, valueAt } from './pointer.ts';

/** What a request's mode leaves of the description's create. */
interface Variant {
  readonly path: string;
  readonly fields: JsonObject;
  readonly taskPrefix: string;
}

/** Sends the create, unless the API has no words for it. */
export async function start(description: Description, request: VideoRequest, call: StartCall): Promise<StartOutcome> {
  const variant = variantFor(description, request);
  const problem = findProblem(description, request, variant);
  if (problem !== undefined) return refuseUnsent(problem);
  const { method, idempotencyHeader, body } = description.create;
  return await sendCreate(call, {
    method,
    path: expandPath(variant.path, { model: call.upstreamModel }),
    idKey: '',
    prompt: request.prompt,
    headers: {
      ...headersOf(description, call.apiKey),
      ...(idempotencyHeader && { [idempotencyHeader.toLowerCase()]: call.idempotencyKey }),
    },
    makeBody: async () => {
      const fields = await bodyFields(description, { request, call, variant });
      return body === 'form' ? await formBody(fields, variant, { request, call }) : fields;
    },
    judge: (reply, create) => judge(description, variant, { reply, create }),
  });
}

function variantFor({ create }: Description, { mode, images }: VideoRequest): Variant {
  const { image, reference = image } = create.modes;
  const own = images.length === 0 ? undefined : mode === 'reference' ? reference : image;
  return {
    path: own?.path ?? create.path,
    fields: { ...create.fields, ...own?.fields },
    taskPrefix: own?.taskPrefix ?? create.taskPrefix,
  };
}

/** What the API has no words for, so that it would come out as another clip; undefined where it has words for everything. */
function findProblem(description: Description, request: VideoRequest, { fields }: Variant): string | undefined {
  const { name, limits, create } = description;
  const { mode, images, aspectRatio, quality } = request;
  const says = (...values: readonly FieldValue[]) => values.some((value) => valuesIn(fields).includes(value));
  if (images.length > limits.images) return `${name} takes ${limits.images} images, not ${images.length}`;
  if (mode !== 'text' && images.length === 0) return `mode ${mode} needs an image`;
  if (aspectRatio !== null && !says('aspectRatio', 'size'))
    return `${name} has no words for the aspect ratio ${aspectRatio}`;
  if (quality !== null && !says('quality', 'size')) return `${name} has no words for the quality ${quality}`;
  if (quality !== null && says('quality') && create.qualities && !Object.hasOwn(create.qualities, quality)) {
    return `${name} makes clips in ${Object.keys(create.qualities).join(', ')}, not ${quality}`;
  }
  if (
    says('size') &&
    (aspectRatio ?? quality) !== null &&
    wantedSize(description, request, says('quality')) === undefined
  ) {
    return `${name} has no size for ${aspectRatio ?? 'any aspect ratio'} in ${quality ?? 'any quality'}`;
  }
  return undefined;
}

/** Where one half of a frame is open. */
const USUAL = { aspectRatio: '16:9', quality: '720p' } as const;

/** The size that the description has for a frame; undefined where it has none, or one of another quality. */
function wantedSize(
  { create: { ratios } }: Description,
  request: VideoRequest,
  saysQuality: boolean,
): string | undefined {
  const { aspectRatio, quality } = request;
  const ratio = aspectRatio ?? USUAL.aspectRatio;
  if (ratios === undefined) return sizeOf({ aspectRatio: ratio, quality: quality ?? USUAL.quality });
  const exact = quality === null ? undefined : own(ratios, `${ratio} ${quality}`);
  if (exact !== undefined || !Object.hasOwn(ratios, ratio)) return exact;
  const size = own(ratios, ratio);
  const shown = frameOf(size?.replace(':', 'x') ?? '')?.quality;
  const isOther = quality !== null && !saysQuality && shown !== undefined && shown !== quality;
  return isOther ? undefined : size;
}

function own<Choice extends string>(choices: Readonly<Record<string, Choice>>, key: string): Choice | undefined {
  return Object.hasOwn(choices, key) ? choices[key] : undefined;
}

interface Filling {
  readonly request: VideoRequest;
  readonly call: StartCall;
  readonly variant: Variant;
}

/** The description's fields with their values; forwarded keys never replace one of these. */
async function bodyFields(description: Description, filling: Filling): Promise<JsonObject> {
  const { extra } = description.create;
  const { fields } = filling.variant;
  const values = await valuesFor(description, filling);
  const body = fillFields(fields, values);
  if (extra === null) return body;
  const known = valueAt(fields, extra);
  const forwarded = Object.entries(filling.request.extra).filter(
    ([key]) => !isJsonObject(known) || !Object.hasOwn(known, key),
  );
  return forwarded.length === 0 ? body : within(body, extra.split('/').slice(1), Object.fromEntries(forwarded));
}

/** An object with others' members beside those at a place in it. */
function within(object: JsonObject, [key, ...rest]: readonly string[], added: JsonObject): JsonObject {
  if (key === undefined) return { ...added, ...object };
  const inner = Object.hasOwn(object, key) ? object[key] : {};
  return { ...object, [key]: within(isJsonObject(inner) ? inner : {}, rest, added) };
}

/** What the fields ask for, and nothing else: no image is fetched that is not sent. */
async function valuesFor(description: Description, { request, call, variant }: Filling): Promise<Values> {
  const asked = new Set(valuesIn(variant.fields));
  const { images, aspectRatio, quality, durationSeconds } = request;
  const { qualities } = description.create;
  const readers: Readonly<
    Record<Exclude<FieldValue, 'imageFile'>, () => Promise<Json | undefined> | Json | undefined>
  > = {
    prompt: () => request.prompt,
    model: () => call.upstreamModel,
    durationSeconds: () => durationSeconds,
    durationText: () => String(durationSeconds),
    durationSuffixed: () => `${durationSeconds}s`,
    size: () =>
      (aspectRatio ?? quality) === null ? undefined : wantedSize(description, request, asked.has('quality')),
    aspectRatio: () => aspectRatio ?? undefined,
    quality: () => (quality === null ? undefined : qualities ? own(qualities, quality) : quality),
    mode: () => request.mode,
    idempotencyKey: () => call.idempotencyKey,
    imageUrl: () => images.map((image) => urlOf(image, call))[0],
    imageUrls: () => (images.length === 0 ? undefined : images.map((image) => urlOf(image, call))),
    imageData: async () => (await dataUrls(images.slice(0, 1), call))?.[0],
    imageDatas: () => dataUrls(images, call),
    imageBase64: async () => images[0] && base64Of((await call.loadImage(images[0])).bytes),
    imageMediaType: async () => images[0] && (await call.loadImage(images[0])).mediaType,
  };
  const read = Object.entries(readers).map(
    async ([name, value]) => [name, asked.has(name) ? await value() : undefined] as const,
  );
  return Object.fromEntries(await Promise.all(read));
}

function urlOf(image: ImageReference, call: StartCall): string {
  return image.kind === 'url' ? image.url : call.linkImage(image);
}

async function dataUrls(images: readonly ImageReference[], call: StartCall): Promise<readonly string[] | undefined> {
  if (images.length === 0) return undefined;
  const loaded = await Promise.all(images.map((image) => call.loadImage(image)));
  return loaded.map((image) => `data:${image.mediaType};base64,${base64Of(image.bytes)}`);
}

/** A form: nested values as JSON, the image as its file. */
async function formBody(
  fields: JsonObject,
  { fields: asked }: Variant,
  { request, call }: Omit<Filling, 'variant'>,
): Promise<EncodedBody> {
  const texts = Object.entries(fields).flatMap(([key, value]) =>
    value === null ? [] : [[key, typeof value === 'object' ? JSON.stringify(value) : String(value)] as const],
  );
  const field = Object.keys(asked).find((key) => asked[key] === '$imageFile');
  const [image] = request.images;
  return await encodeMultipart(texts, field !== undefined && image ? await filePart(field, image, call) : undefined);
}

async function filePart(field: string, image: ImageReference, call: StartCall): Promise<FilePart> {
  const { bytes, mediaType } = await call.loadImage(image);
  return { field, filename: `reference.${mediaType.split('/')[1] ?? 'bin'}`, mediaType, bytes };
}

interface Answered {
  readonly reply: JsonReply;
  readonly create: JudgedCreate;
}

/** What the description states of a code comes first, then what is true of every API; a task is only what its pointer names. */
function judge(description: Description, { taskPrefix }: Variant, answered: Answered): StartOutcome {
  const { reply, create } = answered;
  const stated = own(description.refusals, String(reply.status));
  if (stated !== undefined) return judgeStated(stated, answered);
  // From 500 on it may be a proxy that speaks, and the task may be there.
  const error = reply.status < 500 ? errorIn(description, answered) : undefined;
  if (error) return error;
  if (!isSuccess(reply)) return judgeReply(reply, create);
  const taskId = firstAt(reply.body, description.create.taskId, idOf);
  const named = taskId === undefined ? undefined : idOf(taskPrefix + taskId);
  if (named !== undefined) return { kind: 'started', taskId: named, costMicroUsd: costAt(description, reply.body) };
  return judgeSaidError(reply, create) ?? lost(reply);
}

/** An error in an answer whose status code says none, or whose own code says more than the status code. */
function errorIn({ create: { error }, refusals }: Description, { reply, create }: Answered): StartOutcome | undefined {
  const found = error && valueAt(reply.body, error.code);
  const code = typeof found === 'boolean' ? String(found) : saidText(found);
  if (!error || code === undefined || error.fine.includes(code)) return undefined;
  const message = firstAt(reply.body, error.message, (value) => saidText(value));
  const words = { ...upstreamWords(reply), code, ...(message !== undefined && { message }) };
  // As if the answer said so in the usual place.
  const plain: Answered = { reply: { ...reply, body: { error: { code, message: message ?? null } } }, create };
  const stated = own(refusals, code);
  if (stated !== undefined) return judgeStated(stated, plain, words);
  if (!isSuccess(reply)) return undefined;
  return judgeSaidError(plain.reply, create) ?? refused(reply, 'request', words);
}

function judgeStated(
  stated: Description['refusals'][string],
  answered: Answered,
  words = upstreamWords(answered.reply),
): StartOutcome {
  const { reply } = answered;
  if (stated === 'lost') return lost(reply);
  if (stated === 'request') return refused(reply, 'request', words);
  return refused(reply, stated === 'model' ? 'model not allowed' : accountReason(answered), words);
}

const ACCOUNT_REASONS: Readonly<Record<number, RefusalReason>> = {
  401: 'unauthenticated',
  402: 'no credit',
  403: 'unauthenticated',
};

/** Why an account is refused, where it is said that it is: full for now, unless status or words say more. */
function accountReason({ reply, create }: Answered): RefusalReason {
  const byStatus = ACCOUNT_REASONS[reply.status];
  if (byStatus) return byStatus;
  const said = reasonIn(evidenceOf(reply, create));
  return said === 'no credit' || said === 'unauthenticated' ? said : 'rate limited';
}
