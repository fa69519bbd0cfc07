/** Our own route of models: what a create may ask for, what it costs, and how long it takes. */

import { z } from 'zod';
import { MODES } from '../../domain/video-request.ts';
import { count, money, named, provider, V1 } from './fields.ts';

export const MODEL_PATHS = { models: `${V1}/models` } as const;

const model = named('Model', {
  id: z.string(),
  accounts: z.array(z.string()).describe('Where it is offered, in order of preference; the rest is said of the first.'),
  provider,
  modes: z.array(z.enum(MODES)),
  durationsSeconds: z.array(z.number()).nullable().describe('The only ones, where there are such.'),
  minDurationSeconds: z.number(),
  maxDurationSeconds: z.number(),
  aspectRatios: z.array(z.string()).describe('None: the upstream states no restriction.'),
  qualities: z.array(z.string()).describe('None: the upstream states no restriction.'),
  pricePerSecondMicroUsd: money,
  lately: z
    .object({ clips: count, p50Ms: count, p90Ms: count })
    .nullable()
    .describe('From submission to end, over the latest clips that completed; null before there was one.'),
});

export const modelsAnswer = named('Models', { items: z.array(model) });
