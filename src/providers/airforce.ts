/** The provider for api.airforce, current revision: creates, looks at and lists tasks, and reads its models. */

import type { Json, JsonObject } from '../domain/json.ts';
import type { PublishedModel } from '../domain/models.ts';
import { microUsdFromCents } from '../domain/money.ts';
import type { Provider, ProviderCall, ProviderFacts, StartCall, TaskList, TaskStatus } from '../domain/provider.ts';
import { UpstreamError } from '../domain/upstream-error.ts';
import { DOCUMENTED_TIMING } from '../domain/vendor.ts';
import type { ImageReference, VideoRequest } from '../domain/video-request.ts';
import { retryAfterMs } from '../net/retry-after.ts';
import { requestEvents } from '../net/trusted/request-events.ts';
import { type JsonReply, unexpectedAnswer } from '../net/trusted/request-json.ts';
import {
  AIRFORCE_PATHS,
  type AirforceTask,
  KNOWN_KEYS,
  modelList,
  pushedState,
  STREAM_EVENTS,
  TASK_LIFETIME_SECONDS,
  task as taskSchema,
  videoCaps,
} from '../wire/airforce.ts';
import { type CreatedTask, sendCreate } from './create-outcome.ts';
import {
  dateMs,
  entriesUnder,
  get,
  isSuccess,
  microUsdOf,
  pathOf,
  requireSuccess,
  wholePercent,
} from './read-answer.ts';

const TASK_LIFETIME_MS = TASK_LIFETIME_SECONDS * 1000;

const FACTS: ProviderFacts = {
  // AF-52: the document names neither an idempotency key nor a cancel.
  honoursIdempotencyKey: false,
  cancels: false,
  // A guess, as the document says nothing of how soon a task is listed: generous where nothing was heard.
  listWindow: { answeredMs: 5_000, unansweredMs: 30_000 },
  timing: DOCUMENTED_TIMING.airforce,
  resultTtlMs: TASK_LIFETIME_MS,
};

/** The fields that adoption compares; the others may be as odd as they like without hiding a task from the list. */
const listedTask = taskSchema.pick({
  task_id: true,
  model: true,
  prompt: true,
  duration_seconds: true,
  created: true,
  expires_at: true,
  cost_cents: true,
});

export const airforce: Provider = {
  name: 'airforce',
  facts: FACTS,
  start: (request, call) =>
    sendCreate(call, {
      url: call.baseUrl + AIRFORCE_PATHS.create,
      makeBody: () => createBody(request, call),
      readTask: readCreated,
    }),
  check: async (taskId, call) => readStatus(await get(call, pathOf(AIRFORCE_PATHS.task, taskId)), taskId),
  follow: untilPushedOver,
  list: async (call) => readList(await get(call, AIRFORCE_PATHS.tasks)),
  models: async (call) => readModels(await get(call, AIRFORCE_PATHS.models)),
  probe: async (call) => requireSuccess(await get(call, AIRFORCE_PATHS.tasks), 'the list of tasks'),
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
  return { b64_json: Buffer.from(bytes).toString('base64') };
}

/** AF-20, AF-26: only the id is needed for the task to be ours. */
function readCreated(body: unknown): CreatedTask | undefined {
  const id = taskSchema.pick({ task_id: true }).safeParse(body);
  if (!id.success) return undefined;
  const cost = taskSchema.pick({ cost_cents: true }).safeParse(body);
  return { taskId: id.data.task_id, costMicroUsd: microUsdOf(cost.data?.cost_cents) };
}

function readStatus(reply: JsonReply, taskId: string): TaskStatus {
  if (reply.status === 404 || reply.status === 410) return { kind: 'missing' };
  const read = taskSchema.safeParse(reply.body);
  if (!isSuccess(reply) || !read.success || read.data.task_id !== taskId) throw unexpectedAnswer(reply, 'the task');
  const task = read.data;
  const costMicroUsd = microUsdOf(task.cost_cents);
  switch (task.status) {
    case 'completed':
      return { kind: 'succeeded', result: resultOf(task), costMicroUsd };
    case 'failed':
      return { kind: 'failed', upstream: failureOf(task), costMicroUsd };
    case 'expired':
      return { kind: 'failed', upstream: { code: 'expired', ...failureOf(task) }, costMicroUsd };
    default:
      return {
        kind: 'pending',
        progress: wholePercent(task.progress),
        word: task.status ?? '',
        known: task.status === 'queued' || task.status === 'processing',
        retryAfterMs: retryAfterMs(reply.headers, reply.upstreamNowMs),
      };
  }
}

/** AF-35 to AF-38. */
async function untilPushedOver(taskId: string, { baseUrl, apiKey, signal }: ProviderCall): Promise<void> {
  const url = baseUrl + pathOf(AIRFORCE_PATHS.stream, taskId);
  for await (const event of requestEvents({ url, apiKey, signal })) if (tellsEnd(event, taskId)) return;
  throw new UpstreamError('lost', `the events of ${url} ended before the task`);
}

/** AF-37, AF-38: the last state, or the word after it. What cannot be read tells nothing. */
function tellsEnd({ event, data }: { readonly event?: string | undefined; readonly data: string }, taskId: string) {
  if (event === STREAM_EVENTS.done) return true;
  if (event !== STREAM_EVENTS.change) return false;
  const state = pushedState.safeParse(data);
  return state.success && (state.data.task_id ?? taskId) === taskId && isEndStatus(state.data.status);
}

function isEndStatus(status: string | null | undefined): boolean {
  return status === 'completed' || status === 'failed' || status === 'expired';
}

/** AF-31, AF-50: a link of any host that carries its own signature and dies with the task. */
function resultOf(task: AirforceTask) {
  if (!task.result_url) return null;
  // AF-04: both ends of the lifetime say the same.
  const expiresAtMs = dateMs(task.expires_at) ?? dateMs(task.created, TASK_LIFETIME_MS) ?? null;
  return { url: task.result_url, needsKey: false, expiresAtMs };
}

/** AF-32, AO-13: the error is text in one revision and an object in the other. */
function failureOf({ error }: AirforceTask) {
  if (typeof error === 'string') return error === '' ? {} : { message: error };
  return { ...(error?.type && { code: error.type }), ...(error?.message && { message: error.message }) };
}

function readList(reply: JsonReply): TaskList {
  const entries = isSuccess(reply) ? entriesUnder('data', reply.body) : undefined;
  if (entries === undefined) throw unexpectedAnswer(reply, 'the list of tasks');
  const tasks = entries.map((entry) => {
    const read = listedTask.safeParse(entry);
    // The list's examples leave `created` out, and a task lives exactly as long as AF-04 says.
    const createdAtMs = dateMs(read.data?.created) ?? dateMs(read.data?.expires_at, -TASK_LIFETIME_MS);
    // A task that cannot be read might be the one that is looked for: better no list than one that lacks it.
    if (!read.success || createdAtMs === undefined) throw unexpectedAnswer(reply, 'a list of readable tasks');
    return {
      taskId: read.data.task_id,
      createdAtMs,
      model: read.data.model ?? undefined,
      prompt: read.data.prompt ?? undefined,
      durationSeconds: read.data.duration_seconds ?? undefined,
      costMicroUsd: microUsdOf(read.data.cost_cents),
    };
  });
  return { tasks, upstreamNowMs: reply.upstreamNowMs };
}

function readModels(reply: JsonReply): readonly PublishedModel[] {
  const entries = isSuccess(reply) ? entriesUnder('data', reply.body) : undefined;
  if (entries === undefined) throw unexpectedAnswer(reply, 'the list of models');
  return entries.flatMap((entry) => readModel(entry) ?? []);
}

/** AF-02, AF-44 to AF-47; undefined for models of another kind and for those that cannot be read. */
function readModel(entry: unknown): PublishedModel | undefined {
  const model = modelList.shape.data.element.safeParse(entry);
  const caps = videoCaps.safeParse(model.data?.video_caps);
  if (!model.success || !caps.success) return undefined;
  const { min_duration_s: minDurationSeconds, max_duration_s: maxDurationSeconds } = caps.data;
  const isVideo = model.data.output_modalities?.includes('video') ?? true;
  if (!isVideo || minDurationSeconds > maxDurationSeconds) return undefined;
  return {
    upstreamModel: model.data.id,
    pricePerSecondMicroUsd: microUsdFromCents(caps.data.price_per_second_cents),
    capabilities: {
      modes: caps.data.modes ?? [],
      aspectRatios: caps.data.aspect_ratios ?? [],
      qualities: caps.data.qualities ?? [],
      minDurationSeconds,
      maxDurationSeconds,
      durationsSeconds: null,
    },
  };
}
