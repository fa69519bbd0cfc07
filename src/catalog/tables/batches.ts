/** Tables of batches: files that callers brought or that were written for them, batches, and the lines of each. */

import { sql } from 'drizzle-orm';
import { bigint, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { BatchState, InvalidLine, LineState } from '../../domain/batch.ts';
import type { DialectName } from '../../domain/vendor.ts';
import type { VideoRequest } from '../../domain/video-request.ts';
import { instant, microUsd } from './columns.ts';

/** Files by their ids; the bytes lie in the media store. */
export const files = pgTable(
  'files',
  {
    id: text().primaryKey(),
    callerId: text('caller_id').notNull(),
    filename: text().notNull(),
    purpose: text().notNull(),
    sizeBytes: bigint('size_bytes', { mode: 'number' }).notNull(),
    createdAt: instant('created_at').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [
    index('files_caller').on(table.callerId, table.createdAt, table.id),
    index('files_expiring').on(table.expiresAt),
  ],
);

/** Batches: what was asked for, and how far each is. */
export const batches = pgTable(
  'batches',
  {
    id: text().primaryKey(),
    callerId: text('caller_id').notNull(),
    state: text().$type<BatchState>().notNull(),
    name: text(),
    /** As OpenAI's face was asked for it; null for one of our own. */
    endpoint: text(),
    inputFileId: text('input_file_id'),
    outputFileId: text('output_file_id'),
    errorFileId: text('error_file_id'),
    window: text().notNull(),
    metadata: jsonb().$type<Readonly<Record<string, string>>>(),
    callbackUrl: text('callback_url'),
    retryOf: text('retry_of'),
    outputSeconds: integer('output_seconds'),
    /** What names the create that made it: a caller's key, or its file. */
    repeatKey: text('repeat_key').notNull(),
    /** What the create was sent with, where a caller's key names it. */
    bodyHash: text('body_hash'),
    total: integer().notNull().default(0),
    estimateMicroUsd: microUsd('estimate_micro_usd').notNull().default(0),
    /** Models of the lines that are to become clips: of how many lines each. */
    models: jsonb().$type<Readonly<Record<string, number>>>().notNull().default({}),
    /** Lines by their states from the validation's end on, changed in the statement that changes theirs. */
    queued: integer().notNull().default(0),
    running: integer().notNull().default(0),
    completed: integer().notNull().default(0),
    failed: integer().notNull().default(0),
    cancelled: integer().notNull().default(0),
    expired: integer().notNull().default(0),
    /** What its clips have settled, each in the transaction that settles it. */
    costMicroUsd: microUsd('cost_micro_usd').notNull().default(0),
    /** The first bad lines. */
    invalid: jsonb().$type<readonly InvalidLine[]>().notNull().default([]),
    createdAt: instant('created_at').notNull(),
    startedAt: instant('started_at'),
    /** The end of its window. */
    expiresAt: instant('expires_at').notNull(),
    cancelRequestedAt: instant('cancel_requested_at'),
    finalizingAt: instant('finalizing_at'),
    endedAt: instant('ended_at'),
    /** When it was last advanced: by its validation, then by its workflow. */
    advancedAt: instant('advanced_at'),
  },
  (table) => [
    index('batches_caller').on(table.callerId, table.createdAt, table.id),
    index('batches_created').on(table.createdAt, table.id),
    index('batches_repeats').on(table.callerId, table.repeatKey, table.createdAt),
    index('batches_open').on(table.createdAt).where(sql`${table.endedAt} is null`),
    index('batches_ended').on(table.endedAt),
  ],
);

/** Lines of batches. Those that cannot become clips are there as well: each line is told once. */
export const batchLines = pgTable(
  'batch_lines',
  {
    batchId: text('batch_id').notNull(),
    line: integer().notNull(),
    customId: text('custom_id'),
    state: text().$type<LineState>().notNull(),
    dialect: text().$type<DialectName>(),
    /** Null for a line that could not be read. */
    request: jsonb().$type<VideoRequest>(),
    estimateMicroUsd: microUsd('estimate_micro_usd').notNull().default(0),
    /** Its clip, once that was accepted. */
    videoId: text('video_id'),
    /** The clip whose last picture it starts from, and its line where it is of the same batch. */
    startFromVideo: text('start_from_video'),
    startFromLine: integer('start_from_line'),
    /** Why it never ran; a clip's own failure stands with the clip. */
    code: text(),
    message: text(),
  },
  (table) => [
    primaryKey({ columns: [table.batchId, table.line] }),
    uniqueIndex('batch_lines_custom').on(table.batchId, table.customId),
    index('batch_lines_state').on(table.batchId, table.state, table.line),
    index('batch_lines_queued')
      .on(table.batchId, sql`(${table.request}->>'model')`, table.line)
      .where(sql`${table.state} = 'queued'`),
    index('batch_lines_links').on(table.batchId, table.startFromLine).where(sql`${table.startFromLine} is not null`),
  ],
);
