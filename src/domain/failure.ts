/** Everything that can end or refuse a video: one table of facts per kind, and the error that carries a kind. */

interface FailureFacts {
  /** `never`: the answer is final; `later`: the same request may succeed after a wait. */
  readonly retry: 'never' | 'later';
  /** Status of an HTTP answer that refuses a request for this reason. */
  readonly httpStatus: number;
  /** What the caller pays for a video that ended so: nothing, or what the task cost if it completed upstream. */
  readonly charge: 'none' | 'if completed';
  readonly meaning: string;
}

/** Kinds that end a video that had been accepted. */
export const VIDEO_FAILURES = {
  upstream_failed: {
    retry: 'later',
    httpStatus: 502,
    charge: 'none',
    meaning: 'The upstream reports that the task failed.',
  },
  upstream_refused: {
    retry: 'never',
    httpStatus: 502,
    charge: 'none',
    meaning: 'The upstream refused to create the task.',
  },
  input_image_unusable: {
    retry: 'never',
    httpStatus: 400,
    charge: 'none',
    meaning: 'An input image could not be fetched, or is not an image that can be passed on.',
  },
  upstream_no_output: {
    retry: 'later',
    httpStatus: 502,
    charge: 'none',
    meaning: 'The upstream reports success without a link to the result.',
  },
  answer_lost: {
    retry: 'later',
    httpStatus: 502,
    charge: 'none',
    meaning: 'The answer to the create was lost and it cannot be told whether a task exists.',
  },
  result_expired: {
    retry: 'later',
    httpStatus: 410,
    charge: 'none',
    meaning: 'The upstream finished, but its link was dead before the clip was archived.',
  },
  result_invalid: {
    retry: 'later',
    httpStatus: 502,
    charge: 'none',
    meaning: 'The upstream finished, but the bytes at its link are not the video.',
  },
  deadline_exceeded: {
    retry: 'later',
    httpStatus: 504,
    charge: 'none',
    meaning: 'The video was not finished in the time it had.',
  },
  cancelled: {
    retry: 'never',
    httpStatus: 409,
    charge: 'if completed',
    meaning: 'The caller or an operator cancelled the video.',
  },
  no_account: {
    retry: 'later',
    httpStatus: 503,
    charge: 'none',
    meaning: 'No configured account can serve the video.',
  },
  start_refused: {
    retry: 'never',
    httpStatus: 500,
    charge: 'none',
    meaning: 'Temporal refused to start the video.',
  },
} as const satisfies Record<string, FailureFacts>;

/** Kinds that refuse a request: nothing was accepted, nothing is kept. */
export const REFUSALS = {
  invalid_request: {
    retry: 'never',
    httpStatus: 400,
    charge: 'none',
    meaning: 'The request does not fit the dialect or the model.',
  },
  unknown_model: { retry: 'never', httpStatus: 400, charge: 'none', meaning: 'No offered model has this id.' },
  unauthenticated: { retry: 'never', httpStatus: 401, charge: 'none', meaning: 'The API key is missing or not known.' },
  insufficient_credit: { retry: 'never', httpStatus: 402, charge: 'none', meaning: 'The credit is spent.' },
  credit_held: {
    retry: 'later',
    httpStatus: 402,
    charge: 'none',
    meaning: 'The credit is held by videos that have not ended.',
  },
  forbidden: { retry: 'never', httpStatus: 403, charge: 'none', meaning: 'The key may not do this.' },
  not_found: {
    retry: 'never',
    httpStatus: 404,
    charge: 'none',
    meaning: 'There is no such thing, or it belongs to another caller.',
  },
  method_not_allowed: {
    retry: 'never',
    httpStatus: 405,
    charge: 'none',
    meaning: 'The route exists, but not with this method.',
  },
  conflict: { retry: 'never', httpStatus: 409, charge: 'none', meaning: 'The state of the thing does not allow this.' },
  gone: { retry: 'never', httpStatus: 410, charge: 'none', meaning: 'The media have been purged.' },
  precondition_failed: {
    retry: 'never',
    httpStatus: 412,
    charge: 'none',
    meaning: 'The file is not the one that If-Match names.',
  },
  too_large: { retry: 'never', httpStatus: 413, charge: 'none', meaning: 'The request is larger than its bound.' },
  unsupported_media_type: {
    retry: 'never',
    httpStatus: 415,
    charge: 'none',
    meaning: 'The content type is not one this route reads.',
  },
  idempotency_mismatch: {
    retry: 'never',
    httpStatus: 422,
    charge: 'none',
    meaning: 'The idempotency key was used with another body.',
  },
  too_many_videos: {
    retry: 'later',
    httpStatus: 429,
    charge: 'none',
    meaning: 'The caller already has as many videos as it may.',
  },
  rate_limited: { retry: 'later', httpStatus: 429, charge: 'none', meaning: 'Too many requests in too short a time.' },
  internal: {
    retry: 'later',
    httpStatus: 500,
    charge: 'none',
    meaning: 'A defect of the gateway; the request id finds it in the log.',
  },
  unavailable: { retry: 'later', httpStatus: 503, charge: 'none', meaning: 'The gateway cannot serve this now.' },
} as const satisfies Record<string, FailureFacts>;

export type VideoFailureKind = keyof typeof VIDEO_FAILURES;
export type RefusalKind = keyof typeof REFUSALS;

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
  readonly retryAfterSeconds: number | undefined;

  constructor(kind: RefusalKind, message: string, details: RefusalDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'Refusal';
    this.kind = kind;
    this.param = details.param;
    this.code = details.code;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  get httpStatus(): number {
    return REFUSALS[this.kind].httpStatus;
  }
}
