/** The provider for a4f: one create that answers when the clip is done, and carries it; there is nothing else to ask. */

import type { JsonObject } from '../domain/json.ts';
import type { Provider, ProviderFacts, StartCall, StartOutcome } from '../domain/provider.ts';
import { UpstreamError } from '../domain/upstream-error.ts';
import { DOCUMENTED_TIMING } from '../domain/vendor.ts';
import type { StoredClip } from '../domain/video.ts';
import type { VideoRequest } from '../domain/video-request.ts';
import { MalformedVideoBody } from '../net/base64/decoder.ts';
import { readVideoBody } from '../net/base64/video-body.ts';
import { retryAfterMs } from '../net/retry-after.ts';
import { requestStream, type StreamedAnswer } from '../net/trusted/request-stream.ts';
import { A4F_PATHS, ERROR_STATUSES, KNOWN_KEYS, QUALITIES, RATIOS } from '../wire/a4f.ts';
import { isUpstreamsAnswer, refusalReasonOf } from './create-outcome.ts';
import { refuseUnsent } from './read-answer.ts';

const FACTS: ProviderFacts = {
  honoursIdempotencyKey: false,
  listWindow: null,
  cancels: false,
  timing: DOCUMENTED_TIMING.a4f,
  resultTtlMs: 86_400_000,
};

/** An error's body, and what of it is shown. */
const MAX_ERROR_BYTES = 64 * 1024;
const MESSAGE_LENGTH = 2000;

export const a4f = {
  name: 'a4f',
  facts: FACTS,
  async start(request, call) {
    const problem = findProblem(request);
    if (problem !== undefined) return refuseUnsent(problem);
    try {
      const url = call.baseUrl + A4F_PATHS.create;
      const answer = await requestStream({
        method: 'POST',
        url,
        apiKey: call.apiKey,
        accept: 'application/json',
        body: createBody(request, call),
        signal: call.signal,
      });
      try {
        return answer.status >= 200 && answer.status < 300 ? await receive(answer, call) : await judge(answer);
      } finally {
        await answer.close();
      }
    } catch (error) {
      return judgeError(error);
    }
  },
  /** A4-28: no task can be looked at; what a create did not deliver is never known. */
  check: async () => ({ kind: 'missing' }),
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

/** The clip goes to storage as it comes; only a body that was complete to its last byte makes it one. */
async function receive({ body }: StreamedAnswer, call: StartCall): Promise<StartOutcome> {
  let sizeBytes: number | null = null;
  async function* pieces() {
    const rest = yield* readVideoBody(body);
    sizeBytes = rest.sizeBytes;
  }
  const stored: StoredClip = await call.storeClip(pieces());
  return { kind: 'delivered', clip: sizeBytes === null || sizeBytes === 0 ? null : stored };
}

/** A4-21 to A4-27: the code stands in the error; only `provider_error` says that a task was made, and that it failed. */
async function judge({ status, headers, body }: StreamedAnswer): Promise<StartOutcome> {
  const { code, message } = readError(await readText(body));
  const upstream = { status, ...(code !== undefined && { code }), ...(message !== undefined && { message }) };
  if (code === 'provider_error' && status === ERROR_STATUSES.provider_error) return { kind: 'failed', upstream };
  const reason = refusalReasonOf(status);
  if (reason === null) return { kind: 'lost', answered: isUpstreamsAnswer(status), upstream };
  return { kind: 'refused', reason, upstream, retryAfterMs: retryAfterMs(headers, Date.now()) };
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    sizeBytes += chunk.byteLength;
    if (sizeBytes > MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readError(text: string): { readonly code?: string; readonly message?: string } {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: unknown; message?: unknown } };
    return {
      ...(typeof error?.code === 'string' && { code: error.code }),
      ...(typeof error?.message === 'string' && { message: error.message.slice(0, MESSAGE_LENGTH) }),
    };
  } catch {
    return { message: text.slice(0, 500) };
  }
}

function judgeError(error: unknown): StartOutcome {
  if (error instanceof UpstreamError && error.phase === 'not sent') return { kind: 'not sent', message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'lost', answered: error instanceof MalformedVideoBody, upstream: { message } };
}
