/** The provider for infrai: creates, looks at, cancels and lists jobs; it knows neither models nor costs. */

import type { JsonObject } from '../domain/json.ts';
import type { Provider, ProviderCall, ProviderFacts, StartCall, TaskList, TaskStatus } from '../domain/provider.ts';
import { DOCUMENTED_TIMING } from '../domain/vendor.ts';
import type { VideoRequest } from '../domain/video-request.ts';
import { retryAfterMs } from '../net/retry-after.ts';
import { type JsonReply, requestJson, unexpectedAnswer } from '../net/trusted/request-json.ts';
import {
  ASPECTS,
  INFRAI_PATHS,
  KNOWN_KEYS,
  LIST_LIMIT,
  RESOLUTIONS,
  readState,
  type VideoJob,
  videoJob,
} from '../wire/infrai.ts';
import { type CreatedTask, sendCreate } from './create-outcome.ts';
import { entriesUnder, get, isSuccess, pathOf, READ_TIMEOUT_MS, refuseUnsent, requireSuccess } from './read-answer.ts';

const FACTS: ProviderFacts = {
  // IN-12, IN-32
  honoursIdempotencyKey: true,
  cancels: true,
  // IN-35: jobs in the list show neither time nor prompt, so nothing is told from it; a lost create is sent again.
  listWindow: null,
  timing: DOCUMENTED_TIMING.infrai,
  // A guess: the document does not say how long a result is kept.
  resultTtlMs: 86_400_000,
};

export const infrai = {
  name: 'infrai',
  facts: FACTS,
  async start(request, call) {
    const problem = findProblem(request);
    if (problem !== undefined) return refuseUnsent(problem);
    return await sendCreate(call, {
      url: call.baseUrl + INFRAI_PATHS.generate,
      makeBody: async () => generateBody(request, call),
      readTask: readCreated,
    });
  },
  check: async (taskId, call) => readStatus(await get(call, pathOf(INFRAI_PATHS.status, taskId)), taskId),
  /** IN-16, X15: `ok` false means that the job had ended, which the next look shows. */
  async cancel(taskId, call) {
    requireSuccess(await postCancel(taskId, call), 'a cancelled job');
  },
  list: async (call) => readList(await get(call, `${INFRAI_PATHS.list}?limit=${LIST_LIMIT.max}`)),
  async probe(call) {
    requireSuccess(await get(call, `${INFRAI_PATHS.list}?limit=1`), 'the list of jobs');
  },
} satisfies Omit<Provider, 'name'> & { name: 'infrai' };

/** What the API has no words for; undefined where it has words for everything. */
function findProblem({ mode, images, aspectRatio, quality }: VideoRequest): string | undefined {
  const [image, ...others] = images;
  if (aspectRatio !== null && !isOneOf(ASPECTS, aspectRatio)) {
    return `infrai makes clips of ${ASPECTS.join(', ')}, not ${aspectRatio}`;
  }
  if (quality !== null && !isOneOf(RESOLUTIONS, quality)) {
    return `infrai makes clips in ${RESOLUTIONS.join(', ')}, not ${quality}`;
  }
  if (others.length > 0) return `infrai takes one reference image, not ${images.length}`;
  if (mode !== 'text' && image === undefined) return `mode ${mode} needs an image`;
  return undefined;
}

function isOneOf(allowed: readonly string[], value: string): boolean {
  return allowed.includes(value);
}

/** IN-06 to IN-12: everything that has a price is said explicitly; forwarded keys never replace one of these. */
function generateBody(request: VideoRequest, call: StartCall): JsonObject {
  const forwarded = Object.entries(request.extra).filter(([key]) => !KNOWN_KEYS.includes(key));
  const [image] = request.images;
  return {
    ...Object.fromEntries(forwarded),
    prompt: request.prompt,
    duration_seconds: request.durationSeconds,
    // X13: the table's name, not the examples'.
    ...(request.aspectRatio !== null && { aspect: request.aspectRatio }),
    ...(request.quality !== null && { resolution: request.quality }),
    // IN-07: by URL alone, so what was uploaded gets one of ours.
    ...(image && { reference_image_url: image.kind === 'url' ? image.url : call.linkImage(image) }),
    // X16: what stands for a model.
    prefer: call.upstreamModel,
    idempotency_key: call.idempotencyKey,
  };
}

/** IN-13, IN-35: the id, and no cost. */
function readCreated(body: unknown): CreatedTask | undefined {
  const job = videoJob.pick({ job_id: true }).safeParse(body);
  return job.success ? { taskId: job.data.job_id, costMicroUsd: null } : undefined;
}

/** IN-17: the example sends the id in the body as well. */
function postCancel(taskId: string, { baseUrl, apiKey, signal }: ProviderCall): Promise<JsonReply> {
  const url = baseUrl + pathOf(INFRAI_PATHS.cancel, taskId);
  return requestJson({ method: 'POST', url, apiKey, signal, timeoutMs: READ_TIMEOUT_MS, body: { job_id: taskId } });
}

function readStatus(reply: JsonReply, taskId: string): TaskStatus {
  if (reply.status === 404 || reply.status === 410) return { kind: 'missing' };
  const read = videoJob.safeParse(reply.body);
  if (!isSuccess(reply) || !read.success || read.data.job_id !== taskId) throw unexpectedAnswer(reply, 'the job');
  const job = read.data;
  const state = readState(job.state ?? '');
  switch (state) {
    case 'completed':
      return { kind: 'succeeded', result: resultOf(job), costMicroUsd: null };
    case 'failed':
      return { kind: 'failed', upstream: wordsOf(job), costMicroUsd: null };
    case 'cancelled':
    case 'expired':
      return { kind: 'failed', upstream: { code: state, ...wordsOf(job) }, costMicroUsd: null };
    default:
      return {
        kind: 'pending',
        progress: null,
        word: job.state ?? '',
        known: state !== undefined,
        retryAfterMs: retryAfterMs(reply.headers, reply.upstreamNowMs),
      };
  }
}

/** IN-13, IN-25: a link that stands for itself; when it dies is not said. */
function resultOf({ video_url }: VideoJob) {
  return video_url ? { url: video_url, needsKey: false, expiresAtMs: null } : null;
}

function wordsOf({ error }: VideoJob) {
  if (typeof error === 'string') return error === '' ? {} : { message: error };
  return { ...(error?.code && { code: error.code }), ...(error?.message && { message: error.message }) };
}

/** IN-19: the first page, which holds what is recent. */
function readList(reply: JsonReply): TaskList {
  const entries = isSuccess(reply) ? entriesUnder('items', reply.body) : undefined;
  if (entries === undefined) throw unexpectedAnswer(reply, 'the list of jobs');
  const tasks = entries.map((entry) => {
    const job = videoJob.pick({ job_id: true }).safeParse(entry);
    if (!job.success) throw unexpectedAnswer(reply, 'a list of readable jobs');
    return { taskId: job.data.job_id, createdAtMs: undefined, costMicroUsd: null };
  });
  return { tasks, upstreamNowMs: reply.upstreamNowMs };
}
