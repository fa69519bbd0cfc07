/** Making videos again, and one action on many of them: paths, bodies and answers of our own API. */

import { z } from 'zod';
import { REFUSALS } from '../../domain/failure.ts';
import { VIDEO_STATES } from '../../domain/video.ts';
import { MODES, REQUEST_BOUNDS } from '../../domain/video-request.ts';
import { count, LONGEST_DURATION_SECONDS, named, ofCaller, optional, period, text, V1 } from './fields.ts';

export const BULK_PATHS = { again: `${V1}/videos/:id/again`, bulk: `${V1}/videos/bulk` } as const;

export const BULK_ACTIONS = ['cancel', 'again', 'delete', 'rearchive'] as const;
export type BulkAction = (typeof BULK_ACTIONS)[number];

/** Of one request. */
export const MOST_IN_BULK = 10_000;
const LONGEST_ID = 64;

const image = z.strictObject({ kind: z.literal('url'), url: z.url({ protocol: /^https?$/ }) });

/** What is to be other than in the video that is made again; all of it may be left out, and the body too. */
export const againBody = z
  .strictObject({
    model: optional(text),
    mode: optional(z.enum(MODES)),
    prompt: optional(z.string().refine((prompt) => prompt.trim() !== '', { error: 'must not be empty' })),
    durationSeconds: optional(z.int().positive().max(LONGEST_DURATION_SECONDS)),
    aspectRatio: optional(text),
    quality: optional(text),
    images: optional(z.array(image).max(REQUEST_BOUNDS.images)),
    extra: optional(z.record(z.string(), z.unknown())),
  })
  .prefault({});

/** Which videos, by what they are; members that are left out leave none out. */
const filter = z
  .strictObject({
    ...period,
    state: z
      .union([z.enum(VIDEO_STATES), z.array(z.enum(VIDEO_STATES)).min(1)])
      .transform((state) => [state].flat())
      .optional(),
    model: text.optional(),
    batchId: text.optional(),
    caller: ofCaller,
  })
  // What was left out by mistake could have been what keeps a clip.
  .refine((given) => Object.values(given).some((member) => member !== undefined), {
    error: 'must name something; all videos are meant by {"from":"2000-01-01"}',
  })
  .meta({ minProperties: 1 });

const ids = z.array(z.string().min(1).max(LONGEST_ID)).min(1).max(MOST_IN_BULK);

export const bulkBody = z.union([
  z.strictObject({ action: z.enum(BULK_ACTIONS), ids }),
  z.strictObject({ action: z.enum(BULK_ACTIONS), filter }),
]);

export const bulkAnswer = named('Bulk', {
  matched: count.describe(`How many videos are meant, ${MOST_IN_BULK} at most: the oldest ones of each state.`),
  done: count.describe('How many it was done to by now; where some are neither done nor failed the work goes on.'),
  failed: z.array(z.object({ id: z.string(), code: z.literal(Object.keys(REFUSALS)) })),
});
