/** What our own routes take: schemas of bodies and queries, strict, and the refusal of what does not fit. */

import { z } from 'zod';
import { Refusal } from '../../domain/failure.ts';
import { DIALECTS } from '../../domain/vendor.ts';
import { VIDEO_STATES } from '../../domain/video.ts';
import { MODES } from '../../domain/video-request.ts';

const LONGEST_TEXT = 200;
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
/** Larger counts do not fit the catalog's columns. */
const MAX_COUNT = 2_147_483_647;
const MAX_MODELS = 1000;

const text = z.string().min(1).max(LONGEST_TEXT);
const money = z.int().nonnegative();
/** Years that JavaScript and the database write alike, the offset counted in. */
const YEARS = { first: 1, last: 9999 } as const;
const instant = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], { error: 'must be an ISO 8601 date or time' })
  .transform((value) => new Date(value))
  .refine((date) => date.getUTCFullYear() >= YEARS.first && date.getUTCFullYear() <= YEARS.last, {
    error: `must lie in the years ${YEARS.first} to ${YEARS.last}`,
  });
const limit = z
  .string()
  .regex(/^\d{1,4}$/)
  .transform(Number)
  .pipe(z.int().min(1).max(MAX_LIMIT))
  .default(DEFAULT_LIMIT)
  .meta({ documentedAs: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT } });
const page = { limit, cursor: z.string().max(1000).optional().describe('The `nextCursor` of the page before.') };
const caller = text.optional().describe('Root only: the things of this caller; of all when absent.');
const period = { from: instant.optional().describe('Inclusive.'), to: instant.optional().describe('Exclusive.') };

declare module 'zod' {
  interface GlobalMeta {
    /** How a value that is read from text is described to whoever sends it. */
    readonly documentedAs?: Readonly<Record<string, unknown>>;
  }
}

/** `a,b` as a list of known words without repeats. */
function listOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z
    .string()
    .transform((value) => [...new Set(value.split(','))])
    .pipe(z.array(z.enum(words)))
    .meta({ documentedAs: { type: 'array', items: { type: 'string', enum: words } } });
}

export const listVideosQuery = z.strictObject({
  ...page,
  caller,
  state: listOf(VIDEO_STATES).optional(),
  batchId: text.optional(),
  model: text.optional(),
});

export const ledgerQuery = z.strictObject({ ...page, ...period, caller, videoId: text.optional() });

export const costsQuery = z.strictObject({
  ...period,
  caller,
  groupBy: listOf(['day', 'model', 'caller', 'account']).default([]),
});

export const noQuery = z.strictObject({});

export const estimateBody = z.strictObject({
  model: text.nullish(),
  prefer: z.enum(['balanced', 'cheapest', 'smartest']).nullish(),
  durationSeconds: z.int().positive().max(86_400).nullish(),
  aspectRatio: text.nullish(),
  quality: text.nullish(),
  mode: z.enum(MODES).nullish(),
});

const callerSettings = {
  creditMicroUsd: money.nullish(),
  maxQueuedVideos: z.int().nonnegative().max(MAX_COUNT).nullish(),
  maxRunningVideos: z.int().positive().max(MAX_COUNT).nullish(),
  maxRequestsPerMinute: z.int().positive().max(MAX_COUNT).nullish(),
  overflow: z.enum(['queue', 'reject']).nullish(),
  weight: z.number().min(0.001).max(1000).nullish(),
  dialect: z.enum(DIALECTS).nullish(),
  // A caller of no model could do nothing, and is rather meant to have them all.
  models: z.array(text).min(1, { error: 'must name a model; null allows all' }).max(MAX_MODELS).nullish(),
  retentionSeconds: z.int().positive().max(MAX_COUNT).nullish(),
};

export const newCallerBody = z.strictObject({ name: text, ...callerSettings });
/** Null sets a field back to what it is without being chosen. */
export const changeCallerBody = z.strictObject({
  name: text.optional(),
  disabled: z.boolean().optional(),
  ...callerSettings,
});

export const creditBody = z.strictObject({ amountMicroUsd: z.int().positive() });
export const settleBody = z.strictObject({ amountMicroUsd: money });

/**
 * Reads a body or a query.
 * @throws Refusal `invalid_request` naming what is wrong and where.
 */
export function read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const param = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.join('.');
  const message = issue?.message ?? 'the request does not fit';
  throw new Refusal('invalid_request', param ? `${param}: ${message}` : message, param ? { param } : {});
}
