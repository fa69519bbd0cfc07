/** The provider for a4f: one create that answers when the clip is done, and carries it; there is nothing else to ask. */

import type { JsonObject } from '../domain/json.ts';
import type { Provider, StartCall, StartOutcome } from '../domain/provider.ts';
import { UpstreamError } from '../domain/upstream-error.ts';
import { PROVIDER_FACTS } from '../domain/vendor.ts';
import type { StoredClip } from '../domain/video.ts';
import type { VideoRequest } from '../domain/video-request.ts';
import { MalformedVideoBody } from '../net/base64/decoder.ts';
import { readVideoBody } from '../net/base64/video-body.ts';
import { type JsonReply, readReply } from '../net/trusted/request-json.ts';
import { requestStream, type StreamedAnswer } from '../net/trusted/request-stream.ts';
import { upstreamText } from '../net/upstream-text.ts';
import { A4F_PATHS, ERROR_STATUSES, KNOWN_KEYS, QUALITIES, RATIOS } from '../wire/a4f.ts';
import { type JudgedCreate, judgeReply, judgeSaidError } from './create-outcome.ts';
import { refuseUnsent, senderOf } from './read-answer.ts';

/** So much of an error's body is read. */
const MAX_ERROR_BYTES = 64 * 1024;

/** A4-24: the one code whose words need not say what it is about. */
const DOCUMENTED_CODES = { permission_denied_error: 'model not allowed' } as const;

export const a4f = {
  name: 'a4f',
  facts: PROVIDER_FACTS.a4f,
  async start(request, call) {
    const problem = findProblem(request);
    if (problem !== undefined) return refuseUnsent(problem);
    try {
      const answer = await requestStream({
        method: 'POST',
        url: call.baseUrl + A4F_PATHS.create,
        ...senderOf(call),
        accept: 'application/json',
        body: createBody(request, call),
      });
      try {
        const create = judgedCreate(request, call);
        const isSuccess = answer.status >= 200 && answer.status < 300;
        return isSuccess ? await receive(answer, call, create) : await judge(answer, call, create);
      } finally {
        await answer.close();
      }
    } catch (error) {
      return judgeError(error);
    }
  },
  /** A4-28: no task can be polled; what a create did not deliver is never known. */
  poll: async () => ({ kind: 'missing' }),
} satisfies Omit<Provider, 'name'> & { name: 'a4f' };

/** What the API has no words for; undefined where it has words for everything. */
function findProblem({ mode, aspectRatio, quality, durationSeconds }: VideoRequest): string | undefined {
  if (mode !== 'text') return `a4f makes clips from text alone, not in mode ${mode}`;
  if (!(QUALITIES as readonly (string | null)[]).includes(quality)) {
    return `a4f makes clips in ${QUALITIES.join(', ')}, not ${quality ?? 'an unstated quality'}`;
  }
  if (aspectRatio !== null && !(RATIOS as readonly string[]).includes(aspectRatio)) {
    return `a4f makes clips of ${RATIOS.join(', ')}, not ${aspectRatio}`;
  }
  return Number.isInteger(durationSeconds) ? undefined : 'a4f makes clips of whole seconds';
}

/** A4-03 to A4-07; forwarded keys never replace one of these. */
function createBody(request: VideoRequest, call: StartCall): JsonObject {
  const forwarded = Object.entries(request.extra).filter(([key]) => !KNOWN_KEYS.includes(key));
  return {
    ...Object.fromEntries(forwarded),
    model: call.upstreamModel,
    prompt: request.prompt,
    quality: request.quality,
    duration: request.durationSeconds,
    ...(request.aspectRatio !== null && { ratio: request.aspectRatio }),
  };
}

function judgedCreate({ prompt }: VideoRequest, { baseUrl, upstreamModel }: StartCall): JudgedCreate {
  // Its answers name no task, so no key of theirs is documented.
  const task = { idKey: 'id', documentedCodes: DOCUMENTED_CODES };
  return { ...task, baseUrl, path: A4F_PATHS.create, prompt, upstreamModel };
}

/** The clip goes to storage as it comes; only a body that was complete to its last byte makes it one. */
async function receive(answer: StreamedAnswer, call: StartCall, create: JudgedCreate): Promise<StartOutcome> {
  let rest: { readonly body: unknown; readonly sizeBytes: number | null } = { body: null, sizeBytes: null };
  async function* pieces() {
    rest = yield* readVideoBody(answer.body);
  }
  const stored: StoredClip = await call.storeClip(pieces());
  if (rest.sizeBytes !== null && rest.sizeBytes > 0) return { kind: 'delivered', clip: stored };
  const reply = toReply(answer, Buffer.from(JSON.stringify(rest.body)), call);
  return judgeSaidError(reply, create) ?? { kind: 'delivered', clip: null };
}

/** A4-21 to A4-27: the code stands in the error; only `provider_error` says that a task was made, and that it failed. */
async function judge(answer: StreamedAnswer, call: StartCall, create: JudgedCreate): Promise<StartOutcome> {
  const outcome = judgeReply(toReply(answer, await readBytes(answer.body), call), create);
  if (!('upstream' in outcome)) return outcome;
  const { status, code } = outcome.upstream;
  const hasFailed = code === 'provider_error' && status === ERROR_STATUSES.provider_error;
  return hasFailed ? { kind: 'failed', upstream: outcome.upstream } : outcome;
}

function toReply({ status, headers }: StreamedAnswer, bytes: Uint8Array, call: StartCall): JsonReply {
  return readReply({ status, headers, bytes }, call);
}

async function readBytes(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(chunks);
}

function judgeError(error: unknown): StartOutcome {
  if (error instanceof UpstreamError) {
    const { phase, message, upstream } = error;
    return phase === 'not sent' ? { kind: 'not sent', message } : { kind: 'lost', answered: false, upstream };
  }
  const message = upstreamText(error instanceof Error ? error.message : String(error));
  return { kind: 'lost', answered: error instanceof MalformedVideoBody, upstream: { message } };
}
