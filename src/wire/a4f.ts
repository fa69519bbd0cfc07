/** a4f: the one synchronous create with its base64 answer, its models and its error codes, as documented. */

import { z } from 'zod';

/** A4-01, A4-28: there is nothing else; a caller that hangs up has lost its video. */
export const A4F_PATHS = { create: '/v1/video/generations' } as const;

/** A4-05. */
export const QUALITIES = ['480p', '720p', '1080p'] as const;
/** A4-07. */
export const RATIOS = ['1:1', '16:9', '9:16', '3:4', '4:3'] as const;
/** A4-07: what a create that leaves it out gets. */
export const DEFAULT_RATIO: (typeof RATIOS)[number] = '9:16';
/** A4-06: of all models together; each has a maximum of its own. */
export const DURATION_SECONDS = { min: 1, max: 8 } as const;

/** A4-03 to A4-07: the create body. Unknown keys are kept. */
export const createBody = z.looseObject({
  model: z.string().min(1),
  prompt: z.string().min(1),
  quality: z.enum(QUALITIES),
  duration: z.int().min(DURATION_SECONDS.min).max(DURATION_SECONDS.max),
  ratio: z.enum(RATIOS).nullish(),
});
export type CreateBody = z.infer<typeof createBody>;

/** The keys above: everything else in a body is forwarded. */
export const KNOWN_KEYS = Object.keys(createBody.shape);

/** What the page says of one model. */
export interface DocumentedModel {
  readonly maxDurationSeconds: number;
  readonly qualities: readonly (typeof QUALITIES)[number][];
}

/** A4-13 to A4-19. X18: none of them makes 480p, although A4-05 offers it. */
export const MODELS = {
  'provider-2/seedance-lite': { maxDurationSeconds: 5, qualities: ['1080p'] },
  'provider-2/kling-v2.1': { maxDurationSeconds: 5, qualities: ['720p', '1080p'] },
  'provider-2/sora-2': { maxDurationSeconds: 4, qualities: ['720p', '1080p'] },
  'provider-2/veo-fast': { maxDurationSeconds: 8, qualities: ['720p', '1080p'] },
  'provider-2/seedance-pro': { maxDurationSeconds: 5, qualities: ['1080p'] },
  'provider-2/sora-2-pro': { maxDurationSeconds: 5, qualities: ['720p', '1080p'] },
  'provider-2/veo': { maxDurationSeconds: 8, qualities: ['720p', '1080p'] },
} as const satisfies Record<string, DocumentedModel>;

/** A4-21 to A4-26: each code with its status. A4-27: they stand in the error's `code`; the envelope is not shown. */
export const ERROR_STATUSES = {
  /** A4-21: a value is missing, of the wrong kind or out of every range. */
  invalid_request_error: 400,
  /** A4-22: more seconds or another quality than the model makes. */
  n_exceeds_model_limit: 400,
  invalid_api_key: 401,
  /** A4-24: the model is not in the plan. */
  permission_denied_error: 403,
  /** A4-25: too many requests, or the day's quota. */
  rate_limit_exceeded: 429,
  /** A4-26: the model failed. */
  provider_error: 500,
} as const;
export type A4fErrorCode = keyof typeof ERROR_STATUSES;

/**
 * A4-08 to A4-12: an answer without the clip itself, which is far too large to be read as a whole: its `b64_json` is
 * null here. `created` is when the video was completed (X20).
 */
export const videoAnswer = z.looseObject({
  created: z.number().nullish(),
  data: z
    .array(
      z.looseObject({
        b64_json: z.string().nullish(),
        url: z.string().nullish(),
        revised_prompt: z.string().nullish(),
      }),
    )
    .min(1),
});
