/** The provider for infrai: creates, polls, cancels and lists jobs; it knows neither models nor costs. */

import type { JsonObject } from '../domain/json.ts';
import type { Provider, ProviderCall, ResultLink, StartCall } from '../domain/provider.ts';
import { PROVIDER_FACTS } from '../domain/vendor.ts';
import type { VideoRequest } from '../domain/video-request.ts';
import { type JsonReply, requestJson } from '../net/trusted/request-json.ts';
import { ASPECTS, INFRAI_PATHS, KNOWN_KEYS, LIST_LIMIT, RESOLUTIONS } from '../wire/infrai.ts';
import { pathOf } from '../wire/path.ts';
import { sendCreate } from './create-outcome.ts';
import { get, READ_TIMEOUT_MS, refuseUnsent, requireJson, requireSuccess, senderOf } from './read-answer.ts';
import { instantMs } from './reading/fields.ts';
import { linkIn } from './reading/result-link.ts';
import { readTaskList } from './reading/task-list.ts';
import { readTaskStatus } from './reading/task-status.ts';

export const infrai = {
  name: 'infrai',
  facts: PROVIDER_FACTS.infrai,
  async start(request, call) {
    const problem = findProblem(request);
    if (problem !== undefined) return refuseUnsent(problem);
    return await sendCreate(call, {
      path: INFRAI_PATHS.generate,
      makeBody: async () => generateBody(request, call),
      // IN-13
      idKey: 'job_id',
      prompt: request.prompt,
    });
  },
  poll: async (taskId, call) =>
    readTaskStatus(await get(call, pathOf(INFRAI_PATHS.status, taskId)), { wanted: 'the job', resultOf }),
  /** IN-16, X15: `ok` false means that the job had ended, which the next poll shows. */
  async cancel(taskId, call) {
    requireSuccess(await postCancel(taskId, call), 'a cancelled job');
  },
  /** IN-19: the first page, which holds what is recent. */
  list: async (call) =>
    readTaskList(await get(call, `${INFRAI_PATHS.list}?limit=${LIST_LIMIT.max}`), {
      wanted: 'the list of jobs',
      entriesKey: 'items',
      idKey: 'job_id',
    }),
  async probe(call) {
    requireJson(await get(call, `${INFRAI_PATHS.list}?limit=1`), 'the list of jobs');
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

/** IN-17: the example sends the id in the body as well. */
function postCancel(taskId: string, { baseUrl, ...call }: ProviderCall): Promise<JsonReply> {
  const url = baseUrl + pathOf(INFRAI_PATHS.cancel, taskId);
  const body = { job_id: taskId };
  return requestJson({ ...senderOf(call), method: 'POST', url, timeoutMs: READ_TIMEOUT_MS, body });
}

/** IN-13, IN-25: a link that stands for itself; when it dies is not documented. */
function resultOf(job: JsonObject): ResultLink | null {
  const url = linkIn(job, 'video_url');
  return url === undefined ? null : { url, needsKey: false, expiresAtMs: instantMs(job['expires_at']) ?? null };
}
