/** The tables of webhooks: endpoints, callbacks, secrets, and deliveries of events with the log of their attempts. */

import { sql } from 'drizzle-orm';
import { boolean, index, integer, jsonb, pgTable, primaryKey, text, unique } from 'drizzle-orm/pg-core';
import type { CallbackWords, EventType, EventWords } from '../../domain/webhook.ts';
import { instant } from './columns.ts';

/** Where callers want to be told, with the health of each. */
export const webhookEndpoints = pgTable(
  'webhook_endpoints',
  {
    id: text().primaryKey(),
    callerId: text('caller_id').notNull(),
    url: text().notNull(),
    description: text(),
    words: text().$type<EventWords>().notNull(),
    events: jsonb().$type<readonly EventType[]>().notNull(),
    createdAt: instant('created_at').notNull(),
    disabledAt: instant('disabled_at'),
    disabledReason: text('disabled_reason'),
    /** Since when there are nothing but failures; null while the last attempt was a success. */
    failingSince: instant('failing_since'),
    failures: integer().notNull().default(0),
    lastSuccessAt: instant('last_success_at'),
    /** While it fails, no attempt is made before this. */
    probeAt: instant('probe_at'),
  },
  (table) => [index('webhook_endpoints_caller').on(table.callerId, table.createdAt)],
);

/** Where one request wants to be told of its end. */
export const callbacks = pgTable(
  'callbacks',
  {
    /** The video or the batch whose end it waits for. */
    subjectId: text('subject_id').primaryKey(),
    /** What is told of: the subject, or the job that this clip is one of. Deliveries are sent to it by this id. */
    id: text().notNull(),
    callerId: text('caller_id').notNull(),
    url: text().notNull(),
    words: text().$type<CallbackWords>().notNull(),
  },
  (table) => [index('callbacks_id').on(table.id, table.subjectId)],
);

/** Secrets that sign; sealed, since they have to be read again. */
export const webhookSecrets = pgTable(
  'webhook_secrets',
  {
    id: text().primaryKey(),
    /** The endpoint, or the caller whose callbacks it signs. */
    owner: text().notNull(),
    sealed: text().notNull(),
    createdAt: instant('created_at').notNull(),
    /** Signs until then; null: until it is replaced. */
    expiresAt: instant('expires_at'),
  },
  (table) => [
    index('webhook_secrets_owner').on(table.owner, table.createdAt),
    index('webhook_secrets_expiring').on(table.expiresAt).where(sql`${table.expiresAt} is not null`),
  ],
);

/** What is to be told to whom; those that the first attempt has not delivered have a workflow each. */
export const deliveries = pgTable(
  'deliveries',
  {
    id: text().primaryKey(),
    eventId: text('event_id').notNull(),
    callerId: text('caller_id').notNull(),
    /** The endpoint, or the callback. */
    destination: text().notNull(),
    isTest: boolean('is_test').notNull().default(false),
    state: text().$type<'waiting' | 'delivered' | 'failed' | 'stopped'>().notNull(),
    attempts: integer().notNull().default(0),
    createdAt: instant('created_at').notNull(),
    nextAttemptAt: instant('next_attempt_at'),
    endedAt: instant('ended_at'),
    /** A process has taken its first attempt over; another one may after this. */
    claimedUntil: instant('claimed_until'),
    /** When its first attempt was made, or it was parked; null: it is to be attempted. */
    startedAt: instant('started_at'),
  },
  (table) => [
    unique('deliveries_once').on(table.eventId, table.destination),
    index('deliveries_destination').on(table.destination, table.createdAt, table.id),
    index('deliveries_unstarted').on(table.createdAt).where(sql`${table.startedAt} is null`),
  ],
);

/** Each attempt, with as much of its answer as is kept. */
export const deliveryAttempts = pgTable(
  'delivery_attempts',
  {
    deliveryId: text('delivery_id').notNull(),
    n: integer().notNull(),
    at: instant('at').notNull(),
    elapsedMs: integer('elapsed_ms').notNull(),
    /** Null without an answer. */
    status: integer(),
    error: text(),
    answer: text(),
  },
  (table) => [primaryKey({ columns: [table.deliveryId, table.n] })],
);
