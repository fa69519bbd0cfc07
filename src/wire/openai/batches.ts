/** OpenAI's Files and Batches as far as clips need them: bodies, purposes and bounds. */

import { z } from 'zod';

/** What a file may be brought for. */
export const FILE_PURPOSES = ['batch', 'vision', 'user_data'] as const;

const DAY_SECONDS = 86_400;
export const FILE_BOUNDS = {
  bytes: 200 * 1024 * 1024,
  name: 256,
  keptSeconds: { byDefault: 30 * DAY_SECONDS, min: 3600, max: 30 * DAY_SECONDS },
} as const;

const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, { message: 'must not have more than 16 pairs' });

/** A batch's create. */
export const batchBody = z.looseObject({
  input_file_id: z.string().min(1).max(200),
  endpoint: z.literal('/v1/videos'),
  completion_window: z.string().max(10),
  metadata: metadata.nullish(),
  output_expires_after: z
    .object({
      anchor: z.literal('created_at'),
      seconds: z.int().min(FILE_BOUNDS.keptSeconds.min).max(FILE_BOUNDS.keptSeconds.max),
    })
    .nullish(),
});
