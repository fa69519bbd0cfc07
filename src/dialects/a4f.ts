/** a4f inbound: one create that answers with the clip itself when it is done, as its page documents. */

import { Refusal, type RefusalKind } from '../domain/failure.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Video } from '../domain/video.ts';
import type { VideoDraft } from '../domain/video-request.ts';
import { A4F_PATHS, type A4fErrorCode, type CreateBody, createBody, DEFAULT_RATIO, KNOWN_KEYS } from '../wire/a4f.ts';
import type { Dialect, DialectAnswer, DialectRequest, VideoView } from './dialect.ts';
import { endFailure } from './end-failure.ts';
import { errorEnvelope, errorType } from './error-envelope.ts';
import { checkPrompt, checkShortText, forwardedKeys, readCreateBody, refuseForeignWords } from './read-body.ts';
import { refusalCode, shownParam } from './refusal-words.ts';

/** Nothing is documented, since the clip is in the answer; a day lets a caller who lost it fetch it again. */
const RETENTION_SECONDS = 86_400;

/** A4-21: what is wrong for every model; the code sets it apart from what a model refuses. */
function readStrictly(body: unknown): CreateBody {
  try {
    const read = readCreateBody(createBody, body);
    refuseForeignWords(body, KNOWN_KEYS);
    return read;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { kind, message, param } = error;
    const code = 'invalid_request_error' satisfies A4fErrorCode;
    throw new Refusal(kind, message, { code, cause: error, ...(param !== undefined && { param }) });
  }
}

/** A4-03 to A4-07; other keys are forwarded. */
function parseCreate({ body }: DialectRequest): { readonly draft: VideoDraft } {
  const read = readStrictly(body);
  checkShortText('model', read.model);
  checkPrompt(read.prompt);
  const draft: VideoDraft = {
    model: read.model,
    mode: 'text',
    prompt: read.prompt,
    images: [],
    extra: forwardedKeys(body, KNOWN_KEYS),
    durationSeconds: read.duration,
    aspectRatio: read.ratio ?? DEFAULT_RATIO,
    quality: read.quality,
  };
  return { draft };
}

/** A4-08 to A4-12, X20: the time is that of completion; one clip, and the reserved keys are null. */
function surroundClip({ endedAt, createdAt }: Video): { readonly before: string; readonly after: string } {
  const created = Math.floor((endedAt ?? createdAt).getTime() / 1000);
  return {
    before: `{"created":${created},"data":[{"b64_json":"`,
    after: '","url":null,"revised_prompt":null}]}',
  };
}

function renderError(status: number, error: { readonly message: string; readonly code: string }): DialectAnswer {
  const body: JsonObject = { message: error.message, type: errorType(status), param: null, code: error.code };
  return { status, body: { error: body } };
}

/** A4-26. */
function renderFailed({ video }: VideoView): DialectAnswer {
  const message = endFailure(video)?.message ?? 'the video has no clip';
  return renderError(500, { message, code: 'provider_error' satisfies A4fErrorCode });
}

/** X19: the video goes on, and its id says where it will be. */
function renderUnfinished({ video }: VideoView): DialectAnswer {
  const message = `video ${video.id} has not ended yet; it goes on and can be read by its id`;
  return renderError(504, { message, code: 'provider_timeout' });
}

/** A4-22: what a model, not the page, refuses. */
const MODEL_LIMITS: readonly (string | undefined)[] = ['duration_seconds', 'quality'];

/** A4-21 to A4-25, A4-27: their codes, in `code`. */
const CODE_OF: Readonly<Partial<Record<RefusalKind, A4fErrorCode>>> = {
  invalid_request: 'invalid_request_error',
  unknown_model: 'invalid_request_error',
  unauthenticated: 'invalid_api_key',
  forbidden: 'permission_denied_error',
  too_many_videos: 'rate_limit_exceeded',
  rate_limited: 'rate_limit_exceeded',
};

/** Their names for what our models call otherwise. */
const PARAM_OF: ReadonlyMap<string, string> = new Map([
  ['duration_seconds', 'duration'],
  ['aspect_ratio', 'ratio'],
]);

function codeOf(refusal: Refusal): string {
  const { kind, param, code } = refusal;
  const isModelLimit = kind === 'invalid_request' && code === undefined && MODEL_LIMITS.includes(param);
  if (isModelLimit) return 'n_exceeds_model_limit' satisfies A4fErrorCode;
  return CODE_OF[kind] ?? refusalCode(refusal);
}

function renderRefusal(refusal: Refusal): DialectAnswer {
  return errorEnvelope(refusal, { code: codeOf(refusal), param: shownParam(refusal, PARAM_OF) });
}

/** The documented face of a4f. */
export const a4f: Dialect = {
  name: 'a4f',
  retentionSeconds: RETENTION_SECONDS,
  renderRefusal,
  routes: [
    {
      kind: 'createAndWait',
      method: 'POST',
      path: A4F_PATHS.create,
      meaning: 'creates a clip and answers with it in base64 when it is done',
      // X1: the words of this API that the others at the same path do not have.
      ownKeys: ['duration', 'ratio'],
      parse: parseCreate,
      surroundClip,
      renderFailed,
      renderUnfinished,
    },
  ],
};
