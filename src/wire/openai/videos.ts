/** OpenAI's `/v1/videos` as apifree documents it and its SDKs speak it: paths, bodies, status words and sizes. */

import { z } from 'zod';
import type { Frame } from '../../domain/frame.ts';
import { binary } from './pages.ts';

/** OV-01, OV-22, OV-24; what is not on the page is as the SDKs call it (contract, 3.2). */
export const OPENAI_PATHS = {
  videos: '/v1/videos',
  video: '/v1/videos/:id',
  content: '/v1/videos/:id/content',
  remix: '/v1/videos/:id/remix',
  edits: '/v1/videos/edits',
  extensions: '/v1/videos/extensions',
  characters: '/v1/videos/characters',
  character: '/v1/videos/characters/:id',
  models: '/v1/models',
  model: '/v1/models/:id',
} as const;

/** OV-02: stands for `/v1/videos` in the create; for the routes below it this is assumed. */
export const OPENAI_ALIAS = '/v1/openai/videos';

/** OV-17 and the SDK's `Video` (contract, 3.3). */
export const STATUSES = ['queued', 'in_progress', 'completed', 'failed'] as const;
export type OpenaiStatus = (typeof STATUSES)[number];

/** Contract, 3.3: what a create that says none gets. */
export const DEFAULT_SECONDS = 4;

/** Contract, 3.2: what `content` can be asked for. */
export const VARIANTS = ['video', 'thumbnail', 'spritesheet'] as const;

/** Contract, 3.2: a page of the list; the numbers are those of OpenAI's other cursor pages. */
export const LIST_LIMIT = { default: 20, max: 100 } as const;

/** Contract, 3.4: how an answer says when to poll next, in milliseconds. */
export const POLL_AFTER_HEADER = 'openai-poll-after-ms';

/** Contract, 3.3: what a create without a size gets, 720x1280. */
export const DEFAULT_FRAME: Frame = { aspectRatio: '9:16', quality: '720p' };

/** OV-09, X21: a number or its digits, as a multipart body can only carry those. */
const seconds = z
  .union([z.number(), z.string().regex(/^\d+$/, 'must be whole seconds').transform(Number)])
  .pipe(z.int().positive());

/** OV-10: in JSON an image is named; as a file it comes in multipart alone. */
export const inputReference = z
  .strictObject({ image_url: z.string().min(1).nullish(), file_id: z.string().min(1).nullish() })
  .refine(({ image_url, file_id }) => (image_url == null) !== (file_id == null), {
    message: 'must have exactly one of image_url and file_id',
  });

/** OV-06 to OV-11: the create body, without the file. Unknown keys are kept. */
export const createBody = z.looseObject({
  // OV-06: required, although OpenAI itself has a default.
  model: z.string().min(1),
  prompt: z.string().min(1),
  size: z
    .string()
    .regex(/^[1-9]\d{0,4}x[1-9]\d{0,4}$/, 'must be WIDTHxHEIGHT, such as 1280x720')
    .nullish(),
  seconds: seconds.nullish(),
  input_reference: inputReference.nullish(),
  // OV-11: accepted, and without effect, since what it would stream is not said.
  stream: z.union([z.boolean(), z.enum(['true', 'false'])]).nullish(),
});
export type CreateBody = z.infer<typeof createBody>;

/** The same as a form, in which the image is a file; numbers are digits there. */
export const createForm = z.looseObject({ ...createBody.shape, input_reference: binary.optional() });

/** The keys above: everything else in a body is forwarded. */
export const KNOWN_KEYS = Object.keys(createBody.shape);

/** Contract, 3.2: a new video with the settings of another. */
export const remixBody = z.looseObject({ prompt: z.string().min(1) });

/** Contract, 3.3, OV-23; read leniently, an error that cannot be read is still one. */
const videoError = z.looseObject({ code: z.string().nullish(), message: z.string().nullish() });

/** OV-14 to OV-21, contract 3.3: a video as it is documented. */
export const video = z.looseObject({
  id: z.string().min(1),
  object: z.string().nullish(),
  status: z.string().nullish(),
  model: z.string().nullish(),
  progress: z.number().nullish().catch(null),
  // OV-16: unix seconds, like the two below.
  created_at: z.number().nullish(),
  completed_at: z.number().nullish().catch(null),
  // When the content can no longer be downloaded.
  expires_at: z.number().nullish().catch(null),
  error: videoError.nullish().catch(null),
  prompt: z.string().nullish(),
  // OV-20: text by the SDK's type, a number in places.
  seconds: z.union([z.string(), z.number()]).nullish(),
  size: z.string().nullish(),
  // Not documented; gateways such as this one add it.
  cost_cents: z.number().nonnegative().nullish().catch(null),
});

/** Contract, 3.3. */
export const videoList = z.looseObject({
  data: z.array(video),
  first_id: z.string().nullish(),
  last_id: z.string().nullish(),
  has_more: z.boolean().nullish(),
});
