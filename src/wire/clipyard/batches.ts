/** Batches in our own API: paths, queries, bodies and answers. */

import { z } from 'zod';
import { BATCH_STATES, INVALID_LINE_CODES, LINE_STATES } from '../../domain/batch.ts';
import { LONGEST_URL } from '../../domain/receiver-url.ts';
import { count, instant, money, named, nextCursor, ofCaller, page, text, V1 } from './fields.ts';

const BATCHES = `${V1}/batches`;
export const BATCH_PATHS = {
  batches: BATCHES,
  batch: `${BATCHES}/:id`,
  batchItems: `${BATCHES}/:id/items`,
  cancelBatch: `${BATCHES}/:id/cancel`,
  retryBatch: `${BATCHES}/:id/retry`,
  batchManifest: `${BATCHES}/:id/manifest`,
} as const;

/** Media types of a manifest as the body of a new batch; JSON names a stored file instead. */
export const MANIFEST_TYPES = {
  jsonl: ['application/jsonl', 'application/x-ndjson', 'application/ndjson', 'text/plain'],
  csv: ['text/csv'],
} as const;

/** Columns of a batch's manifest, in both formats, in this order. */
export const MANIFEST_COLUMNS = [
  'custom_id',
  'line',
  'id',
  'state',
  'file',
  'sha256',
  'bytes',
  'duration_ms',
  'model',
  'prompt',
  'cost_micro_usd',
  'failure_kind',
  'failure_message',
] as const;

const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((value) => value === 'true')
  .meta({ override: { type: 'boolean', default: false, enum: [false, true] } });

/** How a manifest is taken: of which name, for how long, and whether bad lines refuse it. */
export const newBatchQuery = z.strictObject({
  onInvalidLine: z.enum(['fail', 'skip']).default('fail'),
  dryRun: flag.describe('Validates and prices; nothing is made.'),
  window: z
    .string()
    .regex(/^\d{1,3}[hd]$/, 'must be from 1h to 7d')
    .default('24h')
    .describe('From `1h` to `7d`: what has not begun by then is not made.'),
  name: text.optional(),
  callbackUrl: z
    .url({ protocol: /^https?$/ })
    .max(LONGEST_URL)
    .optional(),
});
/** In place of a manifest as the body. */
export const newBatchBody = z.strictObject({ fileId: text.describe('A file of the purpose `batch`.') });
/** What a new batch is made of, by media type. */
export const NEW_BATCH_BODIES = {
  [MANIFEST_TYPES.jsonl[0]]: {
    schema: z
      .string()
      .describe("One create a line, in the words of airforce's or OpenAI's API, or OpenAI's batch lines."),
    example: '{"model":"sandbox-mini","prompt":"a lighthouse at dusk","duration_seconds":4}\n',
  },
  [MANIFEST_TYPES.csv[0]]: {
    schema: z.string().describe('A header and one create a record.'),
    example: 'model,prompt,duration_seconds\nsandbox-mini,a lighthouse at dusk,4\n',
  },
  'application/json': { schema: newBatchBody, example: { fileId: 'file-1' } },
} as const;

export const listBatchesQuery = z.strictObject({ ...page, caller: ofCaller });
export const batchItemsQuery = z.strictObject({ ...page, state: z.enum(LINE_STATES).optional() });
export const manifestQuery = z.strictObject({ format: z.enum(['jsonl', 'csv']).default('jsonl') });

export const invalidLine = z.object({
  line: count.describe('Counted physically from 1.'),
  code: z.string().describe(`One of ${INVALID_LINE_CODES.join(', ')}, or a code of the create's own.`),
  message: z.string(),
});

const submission = {
  total: count.describe('Lines that are to become clips.'),
  estimateMicroUsd: money,
  invalid: z.array(invalidLine).describe('The first 1,000 lines that cannot become clips.'),
  expectedEndAt: instant.nullable().describe('By how long clips took here lately; null where that is not known.'),
};
export const newBatchAnswer = named('NewBatch', {
  id: z.string(),
  ...submission,
  workflowUrl: z.string().nullable(),
});
export const dryRunAnswer = named('ValidatedBatch', { id: z.null(), ...submission, workflowUrl: z.null() });

export const batchAnswer = named('Batch', {
  id: z.string(),
  name: z.string().nullable(),
  state: z.enum(BATCH_STATES),
  counts: z.object({
    queued: count.describe('Not begun yet.'),
    running: count.describe('Under way, whether waiting for a slot or submitted.'),
    completed: count,
    failed: count,
    cancelled: count,
    expired: count,
  }),
  ...submission,
  costMicroUsd: money.describe('Settled so far, in micro-dollars.'),
  window: z.string(),
  callbackUrl: z.string().nullable(),
  retryOf: z.string().nullable().describe('The batch whose unfinished lines these are.'),
  inputFileId: z.string().nullable(),
  outputFileId: z.string().nullable(),
  errorFileId: z.string().nullable(),
  createdAt: instant,
  expiresAt: instant.describe('The end of its window.'),
  endedAt: instant.nullable(),
  workflowUrl: z.string().nullable().describe('The workflow in the Temporal UI; null without one.'),
});
export const batchListAnswer = named('BatchList', { items: z.array(batchAnswer), nextCursor });

export const batchItem = named('BatchItem', {
  line: count,
  customId: z.string(),
  state: z.enum(LINE_STATES),
  videoId: z.string().nullable().describe('Null for a line that is no clip yet, or never was.'),
  model: z.string().nullable(),
  prompt: z.string().nullable(),
  costMicroUsd: money.nullable(),
  archive: z
    .object({ sha256: z.string(), sizeBytes: count, durationMs: z.number(), url: z.string().nullable() })
    .nullable(),
  failure: z.object({ kind: z.string(), message: z.string() }).nullable(),
});
export const batchItemsAnswer = named('BatchItems', { items: z.array(batchItem), nextCursor });

/** Problem details with the lines at fault. */
export const invalidBatchAnswer = named('InvalidBatch', {
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.literal(422),
  detail: z.string(),
  code: z.literal('invalid_lines'),
  requestId: z.string(),
  invalid: z.array(invalidLine),
});
