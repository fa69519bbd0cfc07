/** The table of submissions. */

import { sql } from 'drizzle-orm';
import { boolean, index, integer, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core';
import type { JsonObject } from '../../domain/json.ts';
import type { SubmissionState, TaskEnd } from '../../domain/submission.ts';
import type { ProviderName } from '../../domain/vendor.ts';
import { instant, microUsd } from './columns.ts';

/** Tries to have a video's task made at an account: the only truth of slots and of "paid once". */
export const submissions = pgTable(
  'submissions',
  {
    id: text().primaryKey(),
    videoId: text('video_id').notNull(),
    n: integer().notNull(),
    account: text().notNull(),
    provider: text().$type<ProviderName>().notNull(),
    /** Frozen at the grant: a later configuration changes nothing. */
    baseUrl: text('base_url').notNull(),
    credential: text().notNull(),
    upstreamModel: text('upstream_model').notNull(),
    singleLane: boolean('single_lane').notNull(),
    state: text().$type<SubmissionState>().notNull(),
    grantedAt: instant('granted_at').notNull(),
    signalledAt: instant('signalled_at'),
    sentAt: instant('sent_at'),
    /** Until then the attempt that sends is taken to live; it moves this on. */
    sendUntil: instant('send_until'),
    /** Whether the upstream answered the create at all, where its answer was no use. */
    answered: boolean(),
    /** When the first list after the create showed no candidate. */
    firstEmptyListAt: instant('first_empty_list_at'),
    /** Since when the upstream does not know its task; null while it does. */
    missingSince: instant('missing_since'),
    /** Since when the list that would tell cannot be read. */
    listUnreadableSince: instant('list_unreadable_since'),
    taskId: text('task_id'),
    runningAt: instant('running_at'),
    endedAt: instant('ended_at'),
    /** What the upstream billed for the task. */
    costMicroUsd: microUsd('cost_micro_usd'),
    /** The cost is taken to have been billed, since nothing tells whether a task was made. */
    presumed: boolean().notNull().default(false),
    /** How the task ended, as the poll that saw it read it. */
    taskEnd: jsonb('task_end').$type<TaskEnd>(),
    lastError: jsonb('last_error').$type<JsonObject>(),
  },
  (table) => [
    uniqueIndex('submissions_video_n').on(table.videoId, table.n),
    // The task comes first: whose it is is also asked by account.
    uniqueIndex('submissions_credential_task').on(table.taskId, table.credential),
    uniqueIndex('submissions_open_video')
      .on(table.videoId)
      .where(sql`${table.state} in ('granted', 'sending', 'unconfirmed', 'running')`),
    uniqueIndex('submissions_credential_lane')
      .on(table.credential)
      .where(sql`${table.singleLane} and ${table.state} in ('granted', 'sending', 'unconfirmed')`),
    index('submissions_account_ended').on(table.account, table.endedAt),
    index('submissions_presumed').on(table.credential).where(sql`${table.presumed}`),
    index('submissions_open_credential')
      .on(table.credential)
      .where(sql`${table.state} in ('granted', 'sending', 'unconfirmed', 'running')`),
  ],
);
