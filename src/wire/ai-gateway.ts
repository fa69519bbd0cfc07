/** The AI SDK's gateway protocol for videos, as its client speaks it: paths, headers, bodies and error types. */

import { z } from 'zod';

/** GW-01 to GW-03; the base is the client's default, so that only the host has to change. */
export const AI_GATEWAY_PATHS = {
  generate: '/v4/ai/video-model',
  start: '/v4/ai/video-model/start',
  status: '/v4/ai/video-model/status',
  models: '/v4/ai/config',
} as const;

/** What a model has to say of itself, or the client refuses the whole list. */
export const SPECIFICATION_VERSION = 'v4';

/** GW-01: the model stands in a header instead of the body. */
export const MODEL_HEADER = 'ai-model-id';

/** GW-01: how many clips one operation may have; no bound is documented, this one is ours. */
export const MOST_VIDEOS = 16;

/** GW-01: a file carried as base64 or named by its URL. */
const file = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('file'), mediaType: z.string().nullish(), data: z.string().min(1) }),
  z.looseObject({ type: z.literal('url'), mediaType: z.string().nullish(), url: z.string().min(1) }),
]);
export type GatewayFile = z.infer<typeof file>;

/** GW-01: the client puts a first frame into `image` as well. */
const frameImage = z.looseObject({ image: file, frameType: z.enum(['first_frame', 'last_frame']) });

/** GW-01, GW-02: what a clip is made from. Unknown keys are kept. */
export const generateBody = z.looseObject({
  prompt: z.string().min(1),
  n: z.int().min(1).max(MOST_VIDEOS).nullish(),
  // `W:H`, or `adaptive`: the ratio of the image.
  aspectRatio: z.string().min(1).nullish(),
  // `WxH`; qualities such as 720p are taken as well.
  resolution: z.string().min(1).nullish(),
  duration: z.int().positive().nullish(),
  fps: z.number().positive().nullish(),
  seed: z.int().nullish(),
  generateAudio: z.boolean().nullish(),
  image: file.nullish(),
  frameImages: z.array(frameImage).max(2).nullish(),
  inputReferences: z.array(file).nullish(),
  // By the name of the provider that they are meant for.
  providerOptions: z.record(z.string(), z.looseObject({})).nullish(),
  callbackUrl: z.string().min(1).nullish(),
});
export type GenerateBody = z.infer<typeof generateBody>;

/** The keys above that are forwarded under their own names (AF-17). */
const FORWARDED_KEYS: readonly string[] = ['seed', 'generateAudio'];

/** The keys above that we read ourselves. */
export const KNOWN_KEYS = Object.keys(generateBody.shape).filter((key) => !FORWARDED_KEYS.includes(key));

/** GW-02, GW-03: what stands for a start; any JSON will do, so these are the ids of its videos. */
export const operation = z.strictObject({ videos: z.array(z.string().min(1).max(64)).min(1).max(MOST_VIDEOS) });

/** GW-03. */
export const statusBody = z.looseObject({ operation });

/** GW-06: the client chooses its error class by these. */
export type GatewayErrorType =
  | 'authentication_error'
  | 'invalid_request_error'
  | 'forbidden'
  | 'model_not_found'
  | 'not_found'
  | 'rate_limit_exceeded'
  | 'failed_dependency'
  | 'internal_server_error';

/** GW-05: something that the client is told beside its clip. */
export type GatewayWarning =
  | { readonly type: 'unsupported'; readonly feature: string; readonly details: string }
  | { readonly type: 'other'; readonly message: string };
