/** Everything that can end or refuse a video or fail an activity: tables of facts, and the error that carries a kind. */

import type { FilmFailureKind } from './film.ts';

interface VideoFailureFacts {
  /** What the caller pays for a video that ended so: nothing, or what the task cost if it completed upstream. */
  readonly charge: 'none' | 'if completed';
  readonly meaning: string;
  /** What its caller does next. */
  readonly advice: string | null;
}

/** Kinds that end a video that had been accepted. */
export const VIDEO_FAILURES = {
  upstream_failed: {
    charge: 'none',
    meaning: 'The upstream reports that the task failed.',
    advice: 'Ask for the clip again; where the upstream names the prompt or an image, change that first.',
  },
  upstream_refused: {
    charge: 'none',
    meaning: 'The upstream refused to create the task.',
    advice: 'Change the request as the upstream says; it will refuse the same one again.',
  },
  input_image_unusable: {
    charge: 'none',
    meaning: 'An input image could not be fetched, or is not an image that can be passed on.',
    advice: 'Put the image where it can be fetched, or send it as a file.',
  },
  upstream_no_output: {
    charge: 'none',
    meaning: 'The upstream reports success without a link to the result.',
    advice: 'Ask for the clip again.',
  },
  answer_lost: {
    charge: 'none',
    meaning: 'The answer to the create was lost and it cannot be told whether a task exists.',
    advice:
      'Ask for the clip again: nothing is charged for this one. Its upstream may bill it all the same, so who runs the account looks at its list of tasks first.',
  },
  result_expired: {
    charge: 'none',
    meaning: 'The upstream finished, but its link was dead before the clip was archived.',
    advice: 'Have its link fetched once more (`rearchive`), or ask for the clip again.',
  },
  result_invalid: {
    charge: 'none',
    meaning: 'The upstream finished, but the bytes at its link are not the video.',
    advice: 'Ask for the clip again.',
  },
  deadline_exceeded: {
    charge: 'none',
    meaning: 'The video was not finished in the time it had.',
    advice: 'Ask for the clip again, with more time where it is short.',
  },
  cancelled: { charge: 'if completed', meaning: 'The caller or an operator cancelled the video.', advice: null },
  no_account: {
    charge: 'none',
    meaning: 'No configured account can serve the video.',
    advice: 'Ask for the clip again when an account offers the model.',
  },
  start_refused: {
    charge: 'none',
    meaning: 'Temporal refused to start the video.',
    advice: 'Tell the operator: the words of Temporal name a limit or a defect.',
  },
} as const satisfies Record<string, VideoFailureFacts>;

interface RefusalFacts {
  readonly httpStatus: number;
  /** When to come back, where the refusal itself does not say it better: then `Retry-After` always says it. */
  readonly retryAfterSeconds?: number;
  readonly meaning: string;
}

/** Kinds that refuse a request: nothing was accepted, nothing is kept. */
export const REFUSALS = {
  invalid_request: { httpStatus: 400, meaning: 'The request does not fit the dialect or the model.' },
  unknown_model: { httpStatus: 400, meaning: 'No offered model has this id.' },
  unauthenticated: { httpStatus: 401, meaning: 'The API key is missing or not known.' },
  insufficient_credit: { httpStatus: 402, meaning: 'The credit is spent.' },
  credit_held: { httpStatus: 402, meaning: 'The credit is held by videos that have not ended.' },
  forbidden: { httpStatus: 403, meaning: 'The key may not do this.' },
  not_found: { httpStatus: 404, meaning: 'There is no such thing, or it belongs to another caller.' },
  method_not_allowed: { httpStatus: 405, meaning: 'The route exists, but not with this method.' },
  conflict: { httpStatus: 409, meaning: 'The state of the thing does not allow this.' },
  gone: { httpStatus: 410, meaning: 'The media have been purged.' },
  precondition_failed: { httpStatus: 412, meaning: 'The file is not the one that the conditions of the request mean.' },
  too_large: { httpStatus: 413, meaning: 'The request is larger than its bound.' },
  unsupported_media_type: {
    httpStatus: 415,
    meaning: 'The content type is not one this route reads, or the body is encoded.',
  },
  idempotency_mismatch: { httpStatus: 422, meaning: 'The idempotency key was used with another body.' },
  too_many_videos: {
    httpStatus: 429,
    retryAfterSeconds: 5,
    meaning: 'The caller already has as many videos as it may.',
  },
  rate_limited: { httpStatus: 429, retryAfterSeconds: 5, meaning: 'Too many requests in too short a time.' },
  internal: { httpStatus: 500, meaning: 'A defect of the gateway; the request id finds it in the log.' },
  unavailable: { httpStatus: 503, retryAfterSeconds: 5, meaning: 'The gateway cannot serve this now.' },
} as const satisfies Record<string, RefusalFacts>;

interface ActivityFailureFacts {
  /** Whether another attempt is made. */
  readonly passes: boolean;
  readonly meaning: string;
}

/** What an activity fails as besides the kinds above, which are final. */
export const ACTIVITY_FAILURES = {
  no_result: {
    passes: false,
    meaning: 'The catalog is an older copy, without the result that was to be archived: the video is opened again.',
  },
  result_not_ready: { passes: true, meaning: 'The result cannot be had yet.' },
  not_delivered: { passes: true, meaning: "The caller's own storage did not take the clip." },
  share_taken: { passes: true, meaning: 'Its caller has as many deliveries under way at this worker as it may.' },
  account_missing: { passes: true, meaning: 'The result needs the key of an account that is not configured.' },
} as const satisfies Record<string, ActivityFailureFacts>;

export type VideoFailureKind = keyof typeof VIDEO_FAILURES;
export type RefusalKind = keyof typeof REFUSALS;
/** Every type that an activity fails under. */
export type ActivityFailureType = keyof typeof ACTIVITY_FAILURES | VideoFailureKind | FilmFailureKind | RefusalKind;

/** Whether an activity that failed so is tried again. */
export function passes(type: ActivityFailureType): boolean {
  const facts: Readonly<Record<string, ActivityFailureFacts>> = ACTIVITY_FAILURES;
  return facts[type]?.passes ?? false;
}

/** Whether a video can end under this type. */
export function isVideoFailureKind(type: string): type is VideoFailureKind {
  return Object.hasOwn(VIDEO_FAILURES, type);
}

/** What its caller does next; null where there is nothing to do, or the kind is one of a later version. */
export function adviceOn(kind: string): string | null {
  return isVideoFailureKind(kind) ? VIDEO_FAILURES[kind].advice : null;
}

/** What an upstream said when it failed or refused; every field as it said it. */
export interface UpstreamWords {
  readonly status?: number;
  readonly code?: string;
  readonly message?: string;
  readonly requestId?: string;
}

/** Why a video ended other than completed. */
export interface VideoFailure {
  readonly kind: VideoFailureKind;
  readonly message: string;
  readonly upstream: UpstreamWords | null;
}

/** A failure of this kind, in its own words or in those of the failure table. */
export function failureOf(kind: VideoFailureKind, message: string = VIDEO_FAILURES[kind].meaning): VideoFailure {
  return { kind, message, upstream: null };
}

interface RefusalDetails {
  /** The request's parameter at fault, where there is one. */
  readonly param?: string;
  /** A more exact code than the kind, where a dialect documents one. */
  readonly code?: string;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** A request that is refused; each dialect renders it in its own error shape. */
export class Refusal extends Error {
  readonly kind: RefusalKind;
  readonly param: string | undefined;
  readonly code: string | undefined;
  readonly httpStatus: number;
  readonly retryAfterSeconds: number | undefined;

  constructor(kind: RefusalKind, message: string, details: RefusalDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'Refusal';
    this.kind = kind;
    this.param = details.param;
    this.code = details.code;
    const facts: RefusalFacts = REFUSALS[kind];
    this.httpStatus = facts.httpStatus;
    this.retryAfterSeconds = details.retryAfterSeconds ?? facts.retryAfterSeconds;
  }
}
