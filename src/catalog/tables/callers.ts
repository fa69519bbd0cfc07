/** The tables of callers and of their money. */

import { sql } from 'drizzle-orm';
import { check, doublePrecision, index, integer, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { DialectName } from '../../domain/vendor.ts';
import { instant, microUsd } from './columns.ts';

/** Holders of our API keys. The money columns change only together with a ledger entry. */
export const callers = pgTable(
  'callers',
  {
    id: text().primaryKey(),
    name: text().notNull(),
    /** SHA-256 (hex) of the API key. */
    keyHash: text('key_hash').notNull(),
    dialect: text().$type<DialectName>(),
    /** Everything credited so far; null: no limit. */
    creditMicroUsd: microUsd('credit_micro_usd'),
    /** Sum of the ledger entries: what may still be held. Below zero without a limit, or by bills above their holds. */
    availableMicroUsd: microUsd('available_micro_usd').notNull().default(0),
    heldMicroUsd: microUsd('held_micro_usd').notNull().default(0),
    spentMicroUsd: microUsd('spent_micro_usd').notNull().default(0),
    /** Videos that have not ended: `accept_video` counts them up, a trigger of their ends down. */
    unendedVideos: integer('unended_videos').notNull().default(0),
    maxQueuedVideos: integer('max_queued_videos').notNull().default(10_000),
    maxRunningVideos: integer('max_running_videos').notNull().default(4),
    /** Null: no limit. */
    maxRequestsPerMinute: integer('max_requests_per_minute'),
    overflow: text().$type<'queue' | 'reject'>().notNull().default('queue'),
    weight: doublePrecision().notNull().default(1),
    /** Model ids the caller may use; null: all. */
    models: jsonb().$type<readonly string[]>(),
    retentionSeconds: integer('retention_seconds'),
    createdAt: instant('created_at').notNull().defaultNow(),
    disabledAt: instant('disabled_at'),
  },
  (table) => [
    uniqueIndex('callers_key_hash').on(table.keyHash),
    check('callers_held', sql`${table.heldMicroUsd} >= 0`),
  ],
);

/** What happened to a caller's money; `amount` is the effect on what is available. */
export const ledger = pgTable(
  'ledger',
  {
    id: text().primaryKey(),
    callerId: text('caller_id').notNull(),
    videoId: text('video_id'),
    kind: text().$type<'credit' | 'hold' | 'settle' | 'release' | 'refund'>().notNull(),
    amountMicroUsd: microUsd('amount_micro_usd').notNull(),
    at: instant('at').notNull(),
  },
  (table) => [
    uniqueIndex('ledger_video_kind').on(table.videoId, table.kind),
    index('ledger_caller').on(table.callerId, table.at, table.id),
  ],
);
