/** The tables of costs: their lines, as they are and as they were booked, and the sums of days. */

import { sql } from 'drizzle-orm';
import { bigint, date, index, pgTable, pgView, smallint, text, unique } from 'drizzle-orm/pg-core';
import { instant, microUsd } from './columns.ts';

/** What a line of costs says; see costs.ts. */
const costColumns = () => ({
  /** Null for videos that never had one. */
  account: text(),
  /** Null for orphans whose model is not known. */
  model: text(),
  /** Null for orphans. */
  callerId: text('caller_id'),
  settledMicroUsd: microUsd('settled_micro_usd').notNull(),
  upstreamMicroUsd: microUsd('upstream_micro_usd').notNull(),
  lostMicroUsd: microUsd('lost_micro_usd').notNull(),
});

const costLineColumns = () => ({
  /** The video's id, or the orphan's task. */
  source: text().notNull(),
  /** The orphan's; null for videos. */
  credential: text(),
  /** The end of the video, the creation of the orphan. */
  at: instant('at').notNull(),
  /** 1 at the account that a video had last, else 0: each video is counted once. */
  videos: smallint().notNull(),
  ...costColumns(),
});

/**
 * What the rows of videos, submissions, ledger and orphans say of costs: a line for each account of an ended video, and
 * for each orphan. A video's settled cost stands with its last account, less what was given back; each bill stands with
 * the account whose task it was for. Until its task has ended, a submission's cost is what the upstream expects and not
 * yet its bill; a void one has a cost only where its lost answer may have been a clip. While a hold is kept, because an
 * operator has to decide or a cancelled task still runs, nothing is lost. A task that a submission has is no orphan.
 */
export const currentCosts = pgView('current_costs', costLineColumns()).as(sql`
  select shares.video_id as source, null::text as credential, v.ended_at as at,
    (shares.account is not distinct from v.account)::int::smallint as videos,
    shares.account, v.model, v.caller_id, shares.settled as settled_micro_usd, shares.billed as upstream_micro_usd,
    case when held.id is not null and released.id is null then 0 else shares.billed - shares.settled end as lost_micro_usd
  from (
    select video_id, account, sum(settled)::bigint as settled, sum(billed)::bigint as billed
    from (
      select video.id as video_id, video.account,
        coalesce(video.settled_micro_usd, 0) - coalesce(refunded.amount_micro_usd, 0) as settled, 0 as billed
      from videos video left join ledger refunded on refunded.video_id = video.id and refunded.kind = 'refund'
      where video.ended_at is not null
      union all
      select s.video_id, s.account, 0, s.cost_micro_usd from submissions s
      where s.state in ('ended', 'void') and s.cost_micro_usd is not null
    ) parts
    group by video_id, account
  ) shares
  join videos v on v.id = shares.video_id and v.ended_at is not null
  left join ledger held on held.video_id = v.id and held.kind = 'hold'
  left join ledger released on released.video_id = v.id and released.kind = 'release'
  union all
  select o.task_id, o.credential, o.created_at, 0::smallint, o.account, o.model, null, 0, o.cost_micro_usd, o.cost_micro_usd
  from orphans o
  where o.video_id is not null or not exists (select from submissions s
    where s.task_id = o.task_id and (s.credential = o.credential or s.account = o.account))
`);

/** The same as it was booked: what is in the sums. */
export const costLines = pgTable('cost_lines', costLineColumns(), (table) => [
  index('cost_lines_source').on(table.source),
  // Parts of days are added up line by line.
  index('cost_lines_at').on(table.at),
  index('cost_lines_orphans').on(table.account, table.at).where(sql`${table.credential} is not null`),
]);

/**
 * Sums of the lines of each day (UTC), kept for ever. Triggers on the four tables book both, at the end of the transaction
 * that changes what a line says; rows that are removed leave the sums as they are.
 */
export const costDays = pgTable(
  'cost_days',
  {
    day: date({ mode: 'string' }).notNull(),
    /** How many lines; rows without any stand for nothing. */
    lines: bigint({ mode: 'number' }).notNull(),
    videos: bigint({ mode: 'number' }).notNull(),
    ...costColumns(),
  },
  (table) => [
    unique('cost_days_groups').on(table.day, table.callerId, table.model, table.account).nullsNotDistinct(),
    index('cost_days_caller').on(table.callerId, table.day),
  ],
);
