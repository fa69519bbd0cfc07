/** OpenAI's Files and Batches as far as clips need them: paths, queries, bodies, answers, purposes and bounds. */

import { z } from 'zod';
import { BATCH_STATES } from '../../domain/batch.ts';
import { binary, deletedOf, instant, listQuery, pageOf } from './pages.ts';

export const FILE_PATHS = { files: '/v1/files', file: '/v1/files/:id', content: '/v1/files/:id/content' } as const;
export const BATCH_PATHS = {
  batches: '/v1/batches',
  batch: '/v1/batches/:id',
  cancel: '/v1/batches/:id/cancel',
} as const;

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

/** How many entries a page of files may be asked for, and one of batches. */
export const FILE_LIST_LIMIT = { default: 10_000, max: 10_000 } as const;
export const BATCH_LIST_LIMIT = { default: 20, max: 100 } as const;

export const fileListQuery = listQuery(FILE_LIST_LIMIT).extend({
  purpose: z.string().optional(),
  order: z.enum(['asc', 'desc']).optional(),
});
export const batchListQuery = listQuery(BATCH_LIST_LIMIT);

/** An upload, which is read as a form by hand. */
export const uploadForm = z.object({
  file: binary,
  purpose: z.enum(FILE_PURPOSES),
  'expires_after[anchor]': z.literal('created_at').optional(),
  'expires_after[seconds]': z.int().min(FILE_BOUNDS.keptSeconds.min).max(FILE_BOUNDS.keptSeconds.max).optional(),
});

export const fileAnswer = z
  .object({
    id: z.string(),
    object: z.literal('file'),
    bytes: z.int(),
    created_at: z.int(),
    filename: z.string(),
    purpose: z.string(),
    status: z.literal('processed'),
    expires_at: z.int(),
  })
  .meta({ id: 'OpenaiFile' });
export const fileListAnswer = pageOf(fileAnswer).meta({ id: 'OpenaiFiles' });
export const deletedFileAnswer = deletedOf('file').meta({ id: 'OpenaiDeletedFile' });

const batchError = z.object({
  code: z.string(),
  line: z.int().nullable(),
  message: z.string(),
  param: z.string().nullable(),
});

export const openaiBatchAnswer = z
  .object({
    id: z.string(),
    object: z.literal('batch'),
    endpoint: z.string(),
    input_file_id: z.string().nullable(),
    completion_window: z.string(),
    errors: z.object({ object: z.literal('list'), data: z.array(batchError) }).nullable(),
    status: z.enum(BATCH_STATES),
    output_file_id: z.string().nullable(),
    error_file_id: z.string().nullable(),
    created_at: z.int(),
    in_progress_at: instant,
    expires_at: instant,
    finalizing_at: instant,
    cancelling_at: instant,
    completed_at: instant,
    failed_at: instant,
    expired_at: instant,
    cancelled_at: instant,
    request_counts: z.object({ total: z.int(), completed: z.int(), failed: z.int() }),
    metadata: z.record(z.string(), z.string()).nullable(),
  })
  .meta({ id: 'OpenaiBatch' });
export const openaiBatchListAnswer = pageOf(openaiBatchAnswer).meta({ id: 'OpenaiBatches' });
