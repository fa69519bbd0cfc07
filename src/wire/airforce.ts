/** api.airforce, current revision: paths, bodies and status words as documented, each rule above what obeys it. */

import { z } from 'zod';
import { PROVIDER_FACTS } from '../domain/vendor.ts';
import { MODES } from '../domain/video-request.ts';

/** AF-06, AF-28, AF-36, AF-39, AF-41, AF-02: one create, one task resource with its stream, one list, the models. */
export const AIRFORCE_PATHS = {
  create: '/v1/video/generations',
  tasks: '/v1/video/tasks',
  task: '/v1/video/tasks/:id',
  stream: '/v1/video/tasks/:id/stream',
  models: '/v1/models',
  model: '/v1/models/:id',
} as const;

/** AF-04: a task and its result last exactly this long from its creation. */
export const TASK_LIFETIME_SECONDS = PROVIDER_FACTS.airforce.resultTtlMs / 1000;

/** AF-40: the list shows this many tasks at most, newest first, and takes no parameters. */
export const LIST_LIMIT = 100;

/** AF-27: callers are asked to poll every 5 to 15 seconds; tasks take 30 seconds to 4 minutes. The shortest wait. */
export const POLL_SECONDS = PROVIDER_FACTS.airforce.timing.minPollMs / 1000;

/** AF-49: the tasks one key may have at once. */
export const MAX_CONCURRENT_TASKS = 4;

/** AF-29. */
export const STATUSES = ['queued', 'processing', 'completed', 'failed', 'expired'] as const;
export type AirforceStatus = (typeof STATUSES)[number];

/** AF-15: an image is named by URL or carried as base64, not both and not neither. */
const inputImage = z
  .strictObject({ url: z.string().nullish(), b64_json: z.string().nullish() })
  .refine((image) => (image.url == null) !== (image.b64_json == null), 'must have exactly one of url and b64_json');

/** AF-09 to AF-17: the create body. Unknown keys are kept, since they are forwarded as they stand (AF-17). */
export const createBody = z.looseObject({
  model: z.string().min(1),
  prompt: z.string().min(1),
  // AF-11: text is the default.
  mode: z.enum(MODES).nullish(),
  // AF-12: whole seconds in the model's range; the model's minimum when absent.
  duration_seconds: z.int().positive().nullish(),
  // AF-13, AF-14: which values are allowed is the model's matter.
  aspect_ratio: z.string().nullish(),
  quality: z.string().nullish(),
  input_images: z.array(inputImage).nullish(),
});
export type CreateBody = z.infer<typeof createBody>;

/** The keys above: everything else in a body is forwarded. */
export const KNOWN_KEYS = Object.keys(createBody.shape);

/** AF-20 to AF-26, AF-28 to AF-34: a task as it is documented. */
export const task = z.looseObject({
  task_id: z.string().min(1),
  status: z.string().nullish(),
  model: z.string().nullish(),
  created: z.number().nullish(),
  expires_at: z.number().nullish(),
  // AF-30
  progress: z.number().nullish(),
  // AF-31: set by the upstream's own provider, so any host.
  result_url: z.string().nullish(),
  // AF-32: text here, an object in the older revision (AO-13); both are read.
  error: z.union([z.string(), z.looseObject({ type: z.string().nullish(), message: z.string().nullish() })]).nullish(),
  // AF-26, AF-33: an estimate at first, the settled cost at the end.
  cost_cents: z.number().nonnegative().nullish(),
  duration_seconds: z.number().nullish(),
  prompt: z.string().nullish(),
});

/** AF-40. */
export const taskList = z.looseObject({ data: z.array(task) });

/** AF-35: what the stream pushes is a task with some of its fields, as JSON. */
export const pushedState = z
  .string()
  .transform((data, context) => {
    try {
      return JSON.parse(data) as unknown;
    } catch {
      context.addIssue('no JSON');
      return z.NEVER;
    }
  })
  .pipe(task.pick({ task_id: true, status: true }).partial({ task_id: true }));

/** Guesses: beyond these a model's numbers are a misunderstanding. */
const MOST_MODEL_SECONDS = 86_400;
const MOST_SECOND_CENTS = 1_000_000;

/** AF-44 to AF-47: what a video model can do and what a second of it costs; modes may be new ones. */
export const videoCaps = z.looseObject({
  aspect_ratios: z.array(z.string()).nullish(),
  qualities: z.array(z.string()).nullish(),
  min_duration_s: z.number().positive().max(MOST_MODEL_SECONDS),
  max_duration_s: z.number().positive().max(MOST_MODEL_SECONDS),
  modes: z.array(z.string()).nullish(),
  price_per_second_cents: z.number().nonnegative().max(MOST_SECOND_CENTS),
});

/** AF-10: the models list holds other kinds as well; video models say so in `output_modalities`. */
export const modelList = z.looseObject({
  data: z.array(
    z.looseObject({
      id: z.string().min(1),
      output_modalities: z.array(z.string()).nullish(),
      video_caps: z.unknown().optional(),
    }),
  ),
});

/** AF-37, AF-38: the stream's events; the last data is a word, not JSON. */
export const STREAM_EVENTS = { change: 'state', done: 'done', doneData: '[DONE]' } as const;
