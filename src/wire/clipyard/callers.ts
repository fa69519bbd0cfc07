/** Our own routes of callers: paths, bodies and answers. */

import { z } from 'zod';
import { DIALECTS } from '../../domain/vendor.ts';
import { chosenCount, chosenMoney, count, instant, MAX_COUNT, money, named, signedMoney, text, V1 } from './fields.ts';

export const CALLER_PATHS = {
  callers: `${V1}/callers`,
  caller: `${V1}/callers/:id`,
  credit: `${V1}/callers/:id/credit`,
} as const;

export const WEIGHT = { min: 0.001, max: 1000 } as const;

export const OVERFLOWS = ['queue', 'reject'] as const;

const MAX_MODELS = 1000;

const callerSettings = {
  creditMicroUsd: chosenMoney.nullish(),
  maxQueuedVideos: z.int().nonnegative().max(MAX_COUNT).nullish(),
  maxRunningVideos: chosenCount.nullish(),
  maxRequestsPerMinute: chosenCount.nullish(),
  overflow: z.enum(OVERFLOWS).nullish(),
  weight: z.number().min(WEIGHT.min).max(WEIGHT.max).nullish(),
  dialect: z.enum(DIALECTS).nullish(),
  // A caller of no model could do nothing, and is rather meant to have them all.
  models: z.array(text).min(1, { error: 'must name a model; null allows all' }).max(MAX_MODELS).nullish(),
  retentionSeconds: chosenCount.nullish(),
};

export const newCallerBody = z.strictObject({ name: text, ...callerSettings });

/** Null sets a field back to what it is without being chosen. */
export const changeCallerBody = z.strictObject({
  name: text.optional(),
  disabled: z.boolean().optional(),
  ...callerSettings,
});

export const creditBody = z.strictObject({ amountMicroUsd: z.int().positive() });

export const callerAnswer = named('Caller', {
  id: z.string(),
  name: z.string(),
  isRoot: z.boolean(),
  dialect: z.enum(DIALECTS).nullable(),
  creditMicroUsd: money.nullable(),
  availableMicroUsd: signedMoney,
  heldMicroUsd: money,
  spentMicroUsd: money,
  maxQueuedVideos: count,
  maxRunningVideos: count,
  maxRequestsPerMinute: count.nullable(),
  overflow: z.enum(OVERFLOWS),
  weight: z.number(),
  models: z.array(z.string()).nullable().describe('The models the caller may use; null: all.'),
  retentionSeconds: count.nullable(),
  createdAt: instant,
  disabledAt: instant.nullable(),
});

export const newCallerAnswer = named('NewCaller', {
  ...callerAnswer.shape,
  key: z.string().describe('The API key, shown this once.'),
  callbackSecret: z.string().describe('What signs its callbacks, shown this once.'),
});

export const callerListAnswer = named('CallerList', { items: z.array(callerAnswer) });
