/** Our own routes of money: estimates, balance, ledger, costs, and what root decides of a cost. */

import { z } from 'zod';
import { MODES, PREFERENCES } from '../../domain/video-request.ts';
import {
  chosenMoney,
  count,
  instant,
  LONGEST_DURATION_SECONDS,
  listOf,
  money,
  named,
  nextCursor,
  ofCaller,
  optional,
  page,
  period,
  provider,
  signedMoney,
  text,
  V1,
  WITH_COMMAS,
} from './fields.ts';

export const MONEY_PATHS = {
  estimates: `${V1}/estimates`,
  balance: `${V1}/balance`,
  ledger: `${V1}/ledger`,
  costs: `${V1}/costs`,
  refund: `${V1}/videos/:id/refund`,
  settle: `${V1}/videos/:id/settle`,
} as const;

export const COST_GROUPS = ['day', 'model', 'caller', 'account'] as const;

export const ledgerQuery = z.strictObject({ ...page, ...period, caller: ofCaller, videoId: text.optional() });

export const costsQuery = z.strictObject({
  ...period,
  caller: ofCaller,
  groupBy: listOf(COST_GROUPS).default([]).meta(WITH_COMMAS),
});

/** All of it may be left out, and the body too. */
export const estimateBody = z
  .strictObject({
    model: optional(text),
    prefer: optional(z.enum(PREFERENCES)),
    durationSeconds: optional(z.int().positive().max(LONGEST_DURATION_SECONDS)),
    aspectRatio: optional(text),
    quality: optional(text),
    mode: optional(z.enum(MODES)),
  })
  .prefault({});

export const settleBody = z.strictObject({ amountMicroUsd: chosenMoney });

export const estimateAnswer = named('Estimate', {
  estimateMicroUsd: money,
  model: z.string(),
  provider,
  account: z.string(),
});

export const balanceAnswer = named('Balance', {
  creditMicroUsd: money.nullable().describe('Everything credited so far, in micro-dollars; null: no limit.'),
  heldMicroUsd: money,
  spentMicroUsd: money,
  availableMicroUsd: signedMoney,
});

const ledgerEntry = z.object({
  id: z.string(),
  videoId: z.string().nullable(),
  kind: z.enum(['credit', 'hold', 'settle', 'release', 'refund']),
  amountMicroUsd: signedMoney.describe('The effect on what is available, in micro-dollars.'),
  at: instant,
});

export const ledgerAnswer = named('Ledger', { items: z.array(ledgerEntry), nextCursor });

const costItem = z.object({
  day: z.iso.date().optional(),
  model: z.string().nullable().optional(),
  caller: z.string().nullable().optional().describe('Null for tasks of no video.'),
  account: z.string().nullable().optional().describe('Null for videos that never had one.'),
  videos: count,
  settledMicroUsd: signedMoney,
  upstreamMicroUsd: money,
  lostMicroUsd: signedMoney.describe('Billed by an upstream and paid by no caller, in micro-dollars.'),
});

export const costsAnswer = named('Costs', { items: z.array(costItem) });
