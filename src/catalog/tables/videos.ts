/** The tables of videos, of the keys they were asked for with, and of their ends. */

import { sql } from 'drizzle-orm';
import { index, integer, jsonb, pgTable, primaryKey, smallint, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { ClipDelivery } from '../../domain/clip-delivery.ts';
import type { VideoFailure } from '../../domain/failure.ts';
import type { DialectName, ProviderName } from '../../domain/vendor.ts';
import type { ArchivedClip, VideoState } from '../../domain/video.ts';
import type { VideoRequest } from '../../domain/video-request.ts';
import type { WaitingFor } from '../../domain/waiting-for.ts';
import type { EventType } from '../../domain/webhook.ts';
import { instant, microUsd, transactionId } from './columns.ts';

/** Clips that callers asked for. */
export const videos = pgTable(
  'videos',
  {
    id: text().primaryKey(),
    callerId: text('caller_id').notNull(),
    dialect: text().$type<DialectName>().notNull(),
    state: text().$type<VideoState>().notNull(),
    request: jsonb().$type<VideoRequest>().notNull(),
    model: text().notNull(),
    batchId: text('batch_id'),
    provider: text().$type<ProviderName>(),
    account: text(),
    taskId: text('task_id'),
    progress: integer().notNull().default(0),
    estimateMicroUsd: microUsd('estimate_micro_usd').notNull(),
    settledMicroUsd: microUsd('settled_micro_usd'),
    upstreamMicroUsd: microUsd('upstream_micro_usd'),
    archive: jsonb().$type<ArchivedClip>(),
    failure: jsonb().$type<VideoFailure>(),
    /** What its doubt or its result waits for, as the step that waits has it; null otherwise. */
    waitingFor: jsonb('waiting_for').$type<WaitingFor>(),
    /** The upstream's last word of its task. */
    lastWord: text('last_word'),
    submissions: integer().notNull().default(0),
    /** Refusals that may have been about the clip or about the account. */
    undecidedRefusals: integer('undecided_refusals').notNull().default(0),
    /** Since when a create may have been sent that the catalog does not know of. */
    sentUnknownSince: instant('sent_unknown_since'),
    polls: integer().notNull().default(0),
    /** When it was polled, in milliseconds after its acceptance; thinned out evenly as the polls become many. */
    pollOffsetsMs: integer('poll_offsets_ms').array().$type<readonly number[]>().notNull().default([]),
    createdAt: instant('created_at').notNull(),
    /** When its last create was sent. */
    sentAt: instant('sent_at'),
    submittedAt: instant('submitted_at'),
    generatedAt: instant('generated_at'),
    endedAt: instant('ended_at'),
    expiresAt: instant('expires_at').notNull(),
    /** Not submitted by then: expired. */
    queueDeadlineAt: instant('queue_deadline_at').notNull(),
    /** Not ended by then: cancelled. */
    endBeforeAt: instant('end_before_at'),
    priority: smallint().notNull().default(0),
    polledAt: instant('polled_at'),
    cancelRequestedAt: instant('cancel_requested_at'),
    hiddenAt: instant('hidden_at'),
    purgedAt: instant('purged_at'),
    /** Since when its workflow may not have heard of a wish; null once it was told of all of them, or had closed. */
    untoldSince: instant('untold_since'),
    /** When its workflow first ran; null: never started. */
    openedAt: instant('opened_at'),
    /** When the sweep last compared it with its workflow, and how often it had to start it again. */
    auditedAt: instant('audited_at'),
    resumes: integer().notNull().default(0),
    /** Where its clip is to be delivered, sealed; null where nowhere, and once that is over. */
    deliverTo: text('deliver_to'),
    delivery: jsonb().$type<ClipDelivery>(),
    /** Where its trace goes on, as W3C's `traceparent`; null where its create had none. */
    traceParent: text('trace_parent'),
  },
  (table) => [
    // Lists, newest first: of a caller and of all callers, of everything, of a state, of a model, of a batch. Without one
    // for each, a page of something rare reads a history to its beginning.
    index('videos_caller_created').on(table.callerId, table.createdAt, table.id).where(sql`${table.hiddenAt} is null`),
    index('videos_caller_state').on(table.callerId, table.state, table.createdAt).where(sql`${table.hiddenAt} is null`),
    index('videos_caller_model').on(table.callerId, table.model, table.createdAt).where(sql`${table.hiddenAt} is null`),
    index('videos_created').on(table.createdAt, table.id),
    index('videos_state').on(table.state, table.createdAt),
    index('videos_model').on(table.model, table.createdAt),
    // How long a model took lately.
    index('videos_made').on(table.model, table.endedAt).where(sql`${table.state} = 'completed'`),
    index('videos_batch').on(table.batchId, table.createdAt).where(sql`${table.batchId} is not null`),
    // What the sweep asks each minute holds only what is not done yet, or what is done for good.
    index('videos_unopened')
      .on(table.createdAt, table.id)
      .where(sql`${table.endedAt} is null and ${table.openedAt} is null`),
    index('videos_unended')
      .on(sql`least(${table.resumes}, 10)`, sql`coalesce(${table.auditedAt}, ${table.openedAt})`)
      .where(sql`${table.endedAt} is null and ${table.openedAt} is not null`),
    index('videos_unended_caller').on(table.callerId).where(sql`${table.endedAt} is null`),
    index('videos_expiring').on(table.expiresAt).where(sql`${table.purgedAt} is null and ${table.endedAt} is not null`),
    index('videos_untold').on(table.untoldSince).where(sql`${table.untoldSince} is not null`),
    index('videos_over')
      .on(table.endedAt)
      .where(sql`${table.purgedAt} is not null and ${table.settledMicroUsd} is not null`),
  ],
);

/** Idempotency keys of callers' creates. */
export const idempotencyKeys = pgTable(
  'idempotency_keys',
  {
    callerId: text('caller_id').notNull(),
    key: text().notNull(),
    bodyHash: text('body_hash').notNull(),
    videoId: text('video_id').notNull(),
    createdAt: instant('created_at').notNull(),
    /** When the video ended: a trigger copies it. */
    endedAt: instant('ended_at'),
  },
  (table) => [
    primaryKey({ columns: [table.callerId, table.key] }),
    index('idempotency_keys_video').on(table.videoId),
    index('idempotency_keys_ended').on(table.endedAt).where(sql`${table.endedAt} is not null`),
  ],
);

/** Ends of videos, batches and jobs, written in the transaction of the end: what webhooks are made from. */
export const events = pgTable(
  'events',
  {
    id: text().primaryKey(),
    callerId: text('caller_id').notNull(),
    /** The video, the batch or the job; a test is its own. */
    videoId: text('video_id').notNull(),
    type: text().$type<EventType>().notNull(),
    createdAt: instant('created_at').notNull(),
    /** What is sent, frozen; null where nothing was to be told. */
    body: text(),
  },
  (table) => [
    uniqueIndex('events_video').on(table.videoId, table.type),
    // What goes with no video is removed by its age.
    index('events_of_no_video').on(table.createdAt).where(sql`${table.videoId} not like 'video\\_%'`),
  ],
);

/**
 * The last change of each video that its followers are told of; the trigger of videos writes it and announces it. What
 * has been told is a set of transactions, since their numbers are given out in another order than they commit in.
 */
export const videoChanges = pgTable(
  'video_changes',
  {
    videoId: text('video_id').primaryKey(),
    callerId: text('caller_id').notNull(),
    /** How many changes there were: 1 is the acceptance. */
    revision: integer().notNull(),
    /** The transaction of the last one. */
    changedIn: transactionId('changed_in').notNull(),
  },
  (table) => [
    index('video_changes_caller').on(table.callerId, table.changedIn, table.videoId),
    index('video_changes_order').on(table.changedIn, table.videoId),
  ],
);

/** Videos whose workflows were told to open again after an older copy was put back: nothing is granted while any is left. */
export const reopenings = pgTable('reopenings', {
  videoId: text('video_id').primaryKey(),
  toldAt: instant('told_at').notNull(),
});
