/** Our own routes of upstream accounts: paths and answers. */

import { z } from 'zod';
import { ACCOUNT_STATES, LOST_ANSWER_RULES, STANDING_REASONS } from '../../domain/account.ts';
import { OPEN_SUBMISSION_STATES } from '../../domain/submission.ts';
import { count, instant, money, named, provider, V1 } from './fields.ts';

export const ACCOUNT_PATHS = {
  accounts: `${V1}/accounts`,
  pause: `${V1}/accounts/:id/pause`,
  resume: `${V1}/accounts/:id/resume`,
} as const;

const orphan = z.object({
  taskId: z.string(),
  model: z.string().nullable(),
  costMicroUsd: money,
  createdAt: instant,
  endedAt: instant.nullable(),
});

const slot = z.object({
  videoId: z.string().nullable().describe('Null for a task that belongs to no video.'),
  state: z.enum([...OPEN_SUBMISSION_STATES, 'orphan']),
  since: instant,
});

export const accountAnswer = named('Account', {
  id: z.string(),
  provider,
  api: z.string().nullable().describe('Where the provider is `described`: the description of its API.'),
  onLostAnswer: z
    .enum(LOST_ANSWER_RULES)
    .nullable()
    .describe('What follows a create whose answer was lost; null where no process has said so yet.'),
  state: z.enum(ACCOUNT_STATES),
  reasons: z
    .array(z.enum(STANDING_REASONS))
    .describe('Why it takes no more clips for now, or takes them one at a time; empty where it simply goes on.'),
  limit: count.describe('How many tasks it may have at once.'),
  inUse: count.describe('Slots taken at its base URL with its key.'),
  slots: z.array(slot).describe('What takes them.'),
  waiting: count.describe('Videos in the queue that could be made here.'),
  pausedUntil: instant.nullable(),
  lastError: z.string().nullable(),
  orphans: z.array(orphan).describe('Tasks of this account that belong to no video, newest first.'),
});

export const accountListAnswer = named('AccountList', { items: z.array(accountAnswer) });
