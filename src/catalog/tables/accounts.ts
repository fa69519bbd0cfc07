/** The tables of upstream accounts, of what they offer, and of their tasks that belong to no submission. */

import { sql } from 'drizzle-orm';
import { boolean, index, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { LostAnswerRule } from '../../domain/account.ts';
import type { Capabilities } from '../../domain/models.ts';
import type { ProviderName } from '../../domain/vendor.ts';
import { instant, microUsd } from './columns.ts';

/** Upstream accounts: the configuration as last read, and their health. Keys are never here. */
export const accounts = pgTable('accounts', {
  id: text().primaryKey(),
  provider: text().$type<ProviderName>().notNull(),
  /** The description that its API is spoken by, where one is. */
  api: text(),
  pool: text().notNull(),
  baseUrl: text('base_url').notNull(),
  /** What the upstream counts by: a fingerprint of base URL and key. Slots, lanes and tasks belong to it. */
  credential: text().notNull(),
  maxConcurrentTasks: integer('max_concurrent_tasks').notNull(),
  /** Its list tells what became of a lost create: it has one, and only we use the key. */
  readsList: boolean('reads_list').notNull(),
  /** Since when its upstream says that there is no list, though its API may have one. */
  listMissingAt: instant('list_missing_at'),
  /** When its list first showed a task of ours: from then on it proves absence as well. */
  listProvenAt: instant('list_proven_at'),
  /** One submission in flight at a time: what makes adoption from a list exact. */
  singleLane: boolean('single_lane').notNull(),
  /** How many input images a task takes; null where no process has said so yet: what its provider does. */
  mostImages: integer('most_images'),
  /** What follows a create whose answer was lost. */
  onLostAnswer: text('on_lost_answer').$type<LostAnswerRule>(),
  /** False when the account has vanished from the configuration. */
  configured: boolean().notNull(),
  /** An operator's pause, which only an operator lifts. */
  pausedByOperator: boolean('paused_by_operator').notNull().default(false),
  /** A pause of the upstream's making: rate limit, outage. */
  pausedUntil: instant('paused_until'),
  /** Consecutive failures to reach or be let in; sets the length of the next pause. */
  troubles: integer().notNull().default(0),
  /** When the last trouble was: a create that was sent before says nothing against it. */
  troubledAt: instant('troubled_at'),
  /** The key was refused, or nothing at the base URL takes creates; probed until that is good again. */
  suspendedAt: instant('suspended_at'),
  lastError: text('last_error'),
  /** When we first had a slot here, as far as a reading of the list has asked for it. */
  firstUsedAt: instant('first_used_at'),
  /** When its list was last read for tasks of no submission. */
  listReadAt: instant('list_read_at'),
});

/** Tasks of our accounts that belong to no submission: billed, and paid by no caller. */
export const orphans = pgTable(
  'orphans',
  {
    account: text().notNull(),
    credential: text().notNull(),
    taskId: text('task_id').notNull(),
    /** The video whose task it was until it was given up; null for one that never had a video. */
    videoId: text('video_id'),
    /** As we offer it where we do, else the upstream's word; null where the list shows none. */
    model: text(),
    /** What is known so far, until the task has ended. */
    costMicroUsd: microUsd('cost_micro_usd').notNull(),
    /** By the upstream's clock. */
    createdAt: instant('created_at').notNull(),
    foundAt: instant('found_at').notNull().defaultNow(),
    /** Null while its cost may still change. */
    endedAt: instant('ended_at'),
  },
  (table) => [
    primaryKey({ columns: [table.credential, table.taskId] }),
    index('orphans_open').on(table.credential, table.foundAt).where(sql`${table.endedAt} is null`),
    // Operators are shown the newest of each account.
    index('orphans_account').on(table.account, table.createdAt),
    // A submission that gets a task asks whether it was booked.
    index('orphans_task').on(table.taskId),
    index('orphans_ended').on(table.endedAt).where(sql`${table.endedAt} is not null`),
  ],
);

/** Models on offer, a row for each account that serves one. */
export const accountModels = pgTable(
  'account_models',
  {
    account: text().notNull(),
    model: text().notNull(),
    upstreamModel: text('upstream_model').notNull(),
    pricePerSecondMicroUsd: microUsd('price_per_second_micro_usd').notNull(),
    capabilities: jsonb().$type<Capabilities>().notNull(),
    /** `published` rows come and go with the upstream's list, `configured` ones with the configuration. */
    source: text().$type<'published' | 'configured'>().notNull(),
    /** Order among a model's accounts, smallest first. */
    preference: integer().notNull(),
    /** The upstream does not let this account use the model. */
    suspendedUntil: instant('suspended_until'),
    refreshedAt: instant('refreshed_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.account, table.model] }), index('account_models_model').on(table.model)],
);
