/** The provider for api.airforce, current revision: creates, polls and lists tasks, and reads its models. */

import type { Json, JsonObject } from '../domain/json.ts';
import type { PublishedModel } from '../domain/models.ts';
import { microUsdFromCents } from '../domain/money.ts';
import type { Provider, ProviderCall, ResultLink, StartCall } from '../domain/provider.ts';
import { UpstreamError } from '../domain/upstream-error.ts';
import { PROVIDER_FACTS } from '../domain/vendor.ts';
import { type ImageReference, isStorable, MODES, type VideoRequest } from '../domain/video-request.ts';
import { base64Of } from '../net/base64/encode.ts';
import { requestEvents } from '../net/trusted/request-events.ts';
import { type JsonReply, unexpectedAnswer } from '../net/trusted/request-json.ts';
import { AIRFORCE_PATHS, KNOWN_KEYS, modelList, pushedState, STREAM_EVENTS, videoCaps } from '../wire/airforce.ts';
import { pathOf } from '../wire/path.ts';
import { sendCreate } from './create-outcome.ts';
import { entriesUnder, get, isSuccess, requireJson, senderOf } from './read-answer.ts';
import { idOf, instantMs } from './reading/fields.ts';
import { linkIn } from './reading/result-link.ts';
import { readTaskList } from './reading/task-list.ts';
import { readTaskStatus } from './reading/task-status.ts';

const { resultTtlMs: TASK_LIFETIME_MS } = PROVIDER_FACTS.airforce;

/** Characters; a guess. */
const LONGEST_CHOICE = 100;

export const airforce: Provider = {
  name: 'airforce',
  facts: PROVIDER_FACTS.airforce,
  start: (request, call) =>
    sendCreate(call, {
      path: AIRFORCE_PATHS.create,
      makeBody: () => createBody(request, call),
      // AF-20
      idKey: 'task_id',
      prompt: request.prompt,
    }),
  poll: async (taskId, call) =>
    readTaskStatus(await get(call, pathOf(AIRFORCE_PATHS.task, taskId)), { wanted: 'the task', resultOf }),
  follow: untilPushedOver,
  list: async (call) =>
    readTaskList(await get(call, AIRFORCE_PATHS.tasks), {
      wanted: 'the list of tasks',
      entriesKey: 'data',
      idKey: 'task_id',
      // The list's examples leave `created` out, and a task lives exactly as long as AF-04 says.
      derived: { key: 'expires_at', laterMs: TASK_LIFETIME_MS },
    }),
  models: async (call) => readModels(await get(call, AIRFORCE_PATHS.models)),
  probe: async (call) => requireJson(await get(call, AIRFORCE_PATHS.tasks), 'the list of tasks'),
};

/** AF-09 to AF-17: everything that has a price is said explicitly; forwarded keys never replace one of these. */
async function createBody(request: VideoRequest, call: StartCall): Promise<JsonObject> {
  const forwarded = Object.entries(request.extra).filter(([key]) => !KNOWN_KEYS.includes(key));
  const images = await Promise.all(request.images.map((image) => inputImage(image, call)));
  return {
    ...Object.fromEntries(forwarded),
    model: call.upstreamModel,
    prompt: request.prompt,
    mode: request.mode,
    duration_seconds: request.durationSeconds,
    ...(request.aspectRatio !== null && { aspect_ratio: request.aspectRatio }),
    ...(request.quality !== null && { quality: request.quality }),
    ...(images.length > 0 && { input_images: images }),
  };
}

/** AF-15: by URL, or carried as base64. */
async function inputImage(image: ImageReference, call: StartCall): Promise<Json> {
  if (image.kind === 'url') return { url: image.url };
  const { bytes } = await call.loadImage(image);
  return { b64_json: base64Of(bytes) };
}

/** AF-35 to AF-38. */
async function untilPushedOver(taskId: string, { baseUrl, ...call }: ProviderCall): Promise<void> {
  const url = baseUrl + pathOf(AIRFORCE_PATHS.stream, taskId);
  for await (const event of requestEvents({ ...senderOf(call), url })) if (tellsEnd(event, taskId)) return;
  throw new UpstreamError('lost', `the events of ${url} ended before the task`);
}

/** AF-37, AF-38: the last state, or the word after it; AO-15: an event of the end's own name. What cannot be read tells nothing. */
function tellsEnd({ event, data }: { readonly event?: string | undefined; readonly data: string }, taskId: string) {
  if (event === STREAM_EVENTS.done) return true;
  if (event !== STREAM_EVENTS.change && !isEndStatus(event)) return false;
  const state = pushedState.safeParse(data);
  return state.success && (state.data.task_id ?? taskId) === taskId && isEndStatus(state.data.status);
}

function isEndStatus(status: string | null | undefined): boolean {
  return status === 'completed' || status === 'failed' || status === 'expired';
}

/** AF-31, AF-50: a link of any host that carries its own signature and dies with the task. */
function resultOf(task: JsonObject): ResultLink | null {
  const url = linkIn(task, 'result_url');
  if (url === undefined) return null;
  // AF-04: both ends of the lifetime say the same.
  const createdAtMs = instantMs(task['created']);
  const endMs = createdAtMs === undefined ? null : createdAtMs + TASK_LIFETIME_MS;
  return { url, needsKey: false, expiresAtMs: instantMs(task['expires_at']) ?? endMs };
}

/** @throws UpstreamError also for a list without a model of video: it would take back all that were published. */
function readModels(reply: JsonReply): readonly PublishedModel[] {
  const entries = isSuccess(reply) ? entriesUnder('data', reply.body) : undefined;
  const models = (entries ?? []).flatMap((entry) => readModel(entry) ?? []);
  if (models.length > 0) return models;
  const problem = entries
    ? `none of its ${entries.length} entries is a readable model of video`
    : 'it has no array of data';
  throw unexpectedAnswer(reply, 'the list of models', problem);
}

/** AF-02, AF-44 to AF-47; undefined for models of another kind and for those that cannot be read. */
function readModel(entry: unknown): PublishedModel | undefined {
  const model = modelList.shape.data.element.safeParse(entry);
  const caps = videoCaps.safeParse(model.data?.video_caps);
  const upstreamModel = idOf(model.data?.id);
  if (upstreamModel === undefined || !model.success || !caps.success) return undefined;
  const { min_duration_s: minDurationSeconds, max_duration_s: maxDurationSeconds } = caps.data;
  const isVideo = model.data.output_modalities?.includes('video') ?? true;
  // A mode of which nothing is known cannot be asked for.
  const modes = MODES.filter((mode) => caps.data.modes?.includes(mode));
  const takesNone = modes.length === 0 && (caps.data.modes ?? []).length > 0;
  if (!isVideo || takesNone || minDurationSeconds > maxDurationSeconds) return undefined;
  return {
    upstreamModel,
    pricePerSecondMicroUsd: microUsdFromCents(caps.data.price_per_second_cents),
    capabilities: {
      modes,
      aspectRatios: caps.data.aspect_ratios?.filter(isChoice) ?? [],
      qualities: caps.data.qualities?.filter(isChoice) ?? [],
      minDurationSeconds,
      maxDurationSeconds,
      durationsSeconds: null,
    },
  };
}

/** Whether a text can be one of a model's choices. */
function isChoice(text: string): boolean {
  return text.length <= LONGEST_CHOICE && isStorable(text);
}
