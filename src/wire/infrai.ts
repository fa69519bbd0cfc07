/** infrai: paths, bodies and state words as documented, each rule above what obeys it. */

import { z } from 'zod';

/** IN-01, IN-31: the whole published contract; ids stand in the path. */
export const INFRAI_PATHS = {
  generate: '/v1/video/generate',
  status: '/v1/video/status/:id',
  cancel: '/v1/video/cancel/:id',
  get: '/v1/video/get/:id',
  list: '/v1/video/list',
  delete: '/v1/video/delete/:id',
  deleteAll: '/v1/video/delete_all',
  downloadUrl: '/v1/video/download_url/:id',
  setRetention: '/v1/video/set_retention/:id',
  capabilities: '/v1/video/capabilities',
} as const;

/** IN-03: the only error that is named, with status 402. */
export const INSUFFICIENT_CREDIT = 'INSUFFICIENT_CREDIT';

/** IN-09. */
export const ASPECTS = ['16:9', '9:16', '1:1'] as const;
/** IN-10: which of them a model has is its vendor's matter. */
export const RESOLUTIONS = ['720p', '1080p', '4k'] as const;
/** IN-11, X16: there is no model; this chooses among vendors. */
export const PREFERENCES = ['balanced', 'cheapest', 'smartest'] as const;
export type Preference = (typeof PREFERENCES)[number];
/** IN-11: what the documented example sends, and what its absence is taken for (a guess). */
export const DEFAULT_PREFERENCE: Preference = 'balanced';

/** X3, X15: the document lists no state words, so these are ours. */
export const STATES = ['queued', 'running', 'completed', 'failed', 'cancelled', 'expired'] as const;
export type InfraiState = (typeof STATES)[number];

/** IN-12, IN-23, IN-28: identical retries with the same key return the same result. */
const idempotencyKey = z.string().min(1).nullish();

/** IN-06 to IN-12: the body of a create. Unknown keys are kept. */
export const generateBody = z
  .looseObject({
    prompt: z.string().min(1),
    reference_image_url: z.string().min(1).nullish(),
    // IN-08: a number, so fractions are not excluded.
    duration_seconds: z.number().positive().nullish(),
    aspect: z.enum(ASPECTS).nullish(),
    // X13: the table says `aspect`, the examples send this; both are read.
    aspect_ratio: z.enum(ASPECTS).nullish(),
    resolution: z.enum(RESOLUTIONS).nullish(),
    prefer: z.enum(PREFERENCES).nullish(),
    idempotency_key: idempotencyKey,
  })
  .refine(({ aspect, aspect_ratio }) => aspect == null || aspect_ratio == null || aspect === aspect_ratio, {
    path: ['aspect'],
    message: 'must not differ from aspect_ratio',
  });
export type GenerateBody = z.infer<typeof generateBody>;

/** The keys above: everything else in a body is forwarded. */
export const KNOWN_KEYS = Object.keys(generateBody.shape);

/** IN-26, IN-27, X12: whole days; the example's 0 is out of range like every other. */
export const RETENTION_DAYS = { min: 1, max: 90 } as const;
const DAYS_PROBLEM = `must be whole days from ${RETENTION_DAYS.min} to ${RETENTION_DAYS.max}`;

/** IN-27 to IN-29, X14: a `job_id` beside it is ignored, since the path has the id. */
export const setRetentionBody = z.looseObject({
  days: z.int(DAYS_PROBLEM).min(RETENTION_DAYS.min, DAYS_PROBLEM).max(RETENTION_DAYS.max, DAYS_PROBLEM),
  idempotency_key: idempotencyKey,
});

/** IN-22, IN-23: a delete may carry its key in a body. */
export const deleteBody = z.looseObject({ idempotency_key: idempotencyKey });

/** IN-21, X15: the page size is nowhere bounded; these numbers are ours. */
export const LIST_LIMIT = { default: 20, max: 100 } as const;

/** IN-13, X15: text, or an object as we print it. */
const jobError = z.union([z.string(), z.looseObject({ code: z.string().nullish(), message: z.string().nullish() })]);

/** IN-13: a job as it is documented, with an error of any type. */
export const videoJob = z.looseObject({
  job_id: z.string().min(1),
  state: z.string().nullish(),
  video_url: z.string().nullish(),
  thumbnail_url: z.string().nullish(),
  error: jobError.nullish().catch(null),
});

/** IN-18: the same in full. */
export const videoJobDetail = videoJob.extend({
  duration_seconds: z.number(),
  resolution: z.string(),
  vendor: z.string(),
  model: z.string(),
});

/** IN-19, IN-20, IN-35: newest first is assumed; jobs show neither times nor prompts. */
export const videoJobPage = z.looseObject({ items: z.array(videoJob), next_cursor: z.string().nullish() });

/** IN-16, IN-22; a cancel that comes too late answers false (X15). */
export const okAnswer = z.looseObject({ ok: z.boolean() });

/** IN-24. */
export const deletedAnswer = z.looseObject({ deleted: z.int().nonnegative() });

/** IN-25: `expires_at` is text, taken for ISO 8601. */
export const downloadUrlAnswer = z.looseObject({ url: z.string(), expires_at: z.string() });

/** IN-26. */
export const retentionAnswer = z.looseObject({
  job_id: z.string(),
  retention_days: z.int(),
  expires_at: z.string(),
});

/** IN-30: there is no route to extend or upscale, though the flags may promise one. */
export const capabilitiesAnswer = z.looseObject({
  vendors: z.array(
    z.looseObject({
      vendor: z.string(),
      models: z.array(z.string()),
      resolutions: z.array(z.string()),
      max_duration_seconds: z.number(),
      supports_extend: z.boolean(),
      supports_upscale: z.boolean(),
    }),
  ),
});
