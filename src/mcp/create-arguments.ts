/** What a create is asked for in a tool's arguments, and the same in the words of the gateway's create. */

import { z } from 'zod';
import { createBodyOf } from '../client/create-video.ts';
import { defined } from '../domain/defined.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { firstProblem, problemWords } from '../domain/schema-problems.ts';
import { MODES, REQUEST_BOUNDS } from '../domain/video-request.ts';
import { KNOWN_KEYS } from '../wire/airforce.ts';
import { LONGEST_DURATION_SECONDS, text } from '../wire/clipyard/fields.ts';

const LONGEST_IMAGE = 8192;
/** What is read as a URL where a create is written; anything else there is a file. */
const IMAGE_URL = /^https?:\/\//i;

/** Null is taken for absent, as everywhere: some clients name all arguments that there are. */
export function argumentsOf<Shape extends z.ZodRawShape>(shape: Shape) {
  const schema = z.strictObject(shape);
  const withoutNulls = (value: unknown, context: z.core.$RefinementCtx) => {
    const given = isJsonObject(value)
      ? Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null))
      : value;
    // The SDK checks once more, in words of its own.
    const { error } = schema.safeParse(given, { error: problemWords });
    if (!error) return given;
    const { path, problem } = firstProblem(error.issues);
    context.addIssue(`${path || 'the arguments'}: ${problem}`);
    return z.NEVER;
  };
  return z.preprocess(withoutNulls, schema);
}

/** Of a create or of an estimate. */
export const settings = {
  durationSeconds: z.int().positive().max(LONGEST_DURATION_SECONDS).optional().describe('As list_models offers them.'),
  aspectRatio: text.optional().describe('Such as 16:9.'),
  quality: text.optional().describe('Such as 720p.'),
};

export const model = text.describe('An id of list_models.');

export const idempotencyKey = z
  .string()
  .regex(/^[\x20-\x7e]{1,255}$/, { error: 'must be 1 to 255 printable ASCII characters' })
  .describe(
    'Names this order. A call that is repeated with the same key and arguments, after a lost connection or a timeout, ' +
      'gives what the first one made and costs nothing more; a new key makes something new.',
  );

/** Of one video; files are what only a server on the agent's own machine can read. */
export function createShape(readsFiles: boolean) {
  const image = z.string().min(1).max(LONGEST_IMAGE);
  return {
    model,
    prompt: z.string().min(1).describe('What is to be seen, in full sentences.'),
    ...settings,
    mode: z.enum(MODES).optional().describe('Left out: text, image with one image, reference with several.'),
    images: z
      .array(readsFiles ? image : image.regex(IMAGE_URL, { error: 'must be an http or https URL' }))
      .max(REQUEST_BOUNDS.images)
      .optional()
      .describe(readsFiles ? 'URLs, or paths of files here.' : 'URLs that the gateway can fetch.'),
    extra: z
      .record(z.string(), z.unknown())
      .refine((extra) => KNOWN_KEYS.every((key) => !Object.hasOwn(extra, key)), {
        error: `must not have what has an argument of its own: ${KNOWN_KEYS.join(', ')}`,
      })
      .optional()
      .describe('Passed on to the upstream as it stands, such as a seed.'),
  };
}

/** A create as it was asked for. */
export type CreateArguments = z.output<z.ZodObject<ReturnType<typeof createShape>>>;

/** The body of the gateway's create. @throws CommandFailure for images that cannot be sent. */
export async function bodyOf(asked: CreateArguments): Promise<JsonObject> {
  const { model: id, prompt, durationSeconds: duration, aspectRatio, quality, mode, images = [], extra } = asked;
  const given = defined({ duration, aspectRatio, quality, mode, extra: extra as JsonObject | undefined });
  return await createBodyOf({ model: id, prompt, image: images, ...given });
}
