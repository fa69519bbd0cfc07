/** The tables of the queue: who waits, and how far each caller was served. */

import { desc } from 'drizzle-orm';
import { doublePrecision, index, integer, pgSequence, pgTable, primaryKey, smallint, text } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';

/** Sets of accounts that stand in for each other; the row is the lock under which slots are granted. */
export const pools = pgTable('pools', {
  id: text().primaryKey(),
  /** The greatest tag that was granted: where callers who come back from idleness start. */
  virtualTime: doublePrecision('virtual_time').notNull().default(0),
});

/** How far a caller has been served in a pool: a grant adds one share, which is the smaller the greater its weight. */
export const poolCallers = pgTable(
  'pool_callers',
  {
    pool: text().notNull(),
    callerId: text('caller_id').notNull(),
    lastTag: doublePrecision('last_tag').notNull(),
  },
  (table) => [primaryKey({ columns: [table.pool, table.callerId] })],
);

/** Places in queues: videos are accepted one after the other within a caller, and wait in that order. */
export const queuePlaces = pgSequence('queue_places');

/** Videos that wait for a slot; the row goes when a slot is granted. */
export const waiting = pgTable(
  'waiting',
  {
    videoId: text('video_id').primaryKey(),
    pool: text().notNull(),
    callerId: text('caller_id').notNull(),
    model: text().notNull(),
    /** Order among its caller's own, the greatest first; above all others for one that lost its slot. */
    priority: smallint().notNull().default(0),
    /** Order among those, smallest first; no two have the same. */
    place: doublePrecision().notNull(),
    /** The pool's time when it came: its caller's shares count from there. */
    virtualTime: doublePrecision('virtual_time').notNull().default(0),
    /** Not granted before this; null: at once. */
    notBefore: instant('not_before'),
    /** How many input images its account must take. */
    images: integer().notNull().default(0),
    queuedAt: instant('queued_at').notNull(),
  },
  (table) => [
    index('waiting_order').on(table.pool, table.callerId, desc(table.priority), table.place),
    // Where a model is not offered any more, its videos are found without reading the queue.
    index('waiting_model').on(table.pool, table.model),
  ],
);
