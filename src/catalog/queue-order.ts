/** The order of a pool's queue: whose turn it is by start-time fair queueing, and where in it a video stands. */

import { and, eq, gt, type SQL, sql } from 'drizzle-orm';
import { OPEN_SUBMISSION_STATES } from '../domain/submission.ts';
import { MOST_IMAGES, PROVIDERS } from '../domain/vendor.ts';
import type { AccountRow } from './accounts.ts';
import { type Db, rowsOf } from './driver/database.ts';
import { accountModels, accounts, waiting } from './schema.ts';

/** The place of a video that was granted before and lost its slot: ahead of everyone in the pool. */
export const HEAD = 0;

/** Whom the next slot goes to, and where. */
export interface Choice {
  readonly videoId: string;
  readonly callerId: string;
  /** What the grant moves its caller and the pool on to; null for a video that was granted before. */
  readonly tag: number | null;
  readonly account: AccountRow;
  readonly upstreamModel: string;
}

/** How it is told whose turn it is: a caller's last tag, and what one share adds to it. */
const LAST_TAG = sql`coalesce(c.last_tag, (select virtual_time from pools where id = w.pool))`;
const SHARE = sql`1 / coalesce(k.weight, 1)`;
const WHOSE = sql`left join pool_callers c on c.pool = w.pool and c.caller_id = w.caller_id
  left join callers k on k.id = w.caller_id`;

/** The accounts that have a slot to grant, with how many, and how many images they take. */
function roomAt(accounts: readonly AccountRow[]): SQL {
  const open = listed(OPEN_SUBMISSION_STATES);
  const mostImages = sql.join(
    PROVIDERS.map((provider) => sql`when ${provider} then ${sql.raw(String(MOST_IMAGES[provider]))}`),
    sql` `,
  );
  return sql`
    select a.id, a.max_concurrent_tasks - count(s.id) as free, case a.provider ${mostImages} else 0 end as most_images
    from accounts a left join submissions s on s.account = a.id and s.state in (${open})
    where a.id in (${listed(accounts.map(({ id }) => id))})
      and a.configured and not a.paused_by_operator and a.suspended_at is null
      and (a.paused_until is null or a.paused_until <= now())
    group by a.id
    having count(s.id) < a.max_concurrent_tasks
      and not (a.single_lane and coalesce(bool_or(s.state <> 'running'), false))`;
}

/** The callers who wait in a pool, found one after the other along the index, whatever the length of the queue. */
function waitersIn(pool: string): SQL {
  const next = (after: SQL) => sql`(select caller_id from waiting
    where pool = ${pool} and ${after} order by caller_id limit 1)`;
  return sql`
    select ${next(sql`exists (select 1 from room)`)}
    union all
    select ${next(sql`caller_id > waiters.caller_id`)} from waiters where waiters.caller_id is not null`;
}

/** A caller's first video that some account has room for, with the account that its model prefers. */
function firstOf(pool: string): SQL {
  return sql`
    select q.video_id, q.caller_id, q.pool, q.place, m.account, m.upstream_model
    from waiting q cross join lateral (
      select am.account, am.upstream_model from account_models am join room on room.id = am.account
      where am.model = q.model and q.images <= room.most_images
        and (am.suspended_until is null or am.suspended_until <= now())
      order by am.preference, room.free desc, am.account limit 1
    ) m
    where q.pool = ${pool} and q.caller_id = waiters.caller_id order by q.place, q.video_id limit 1`;
}

/** The first video in the pool's order that some of these accounts has room for; null when there is none. */
export async function chooseNext(
  tx: Db,
  { id: pool, accounts }: { readonly id: string; readonly accounts: readonly AccountRow[] },
): Promise<Choice | null> {
  if (accounts.length === 0) return null;
  const result = await tx.execute(sql`
    with recursive room as materialized (${roomAt(accounts)}), waiters(caller_id) as (${waitersIn(pool)})
    select w.video_id, w.caller_id, w.account, w.upstream_model,
      case when w.place > ${HEAD} then ${LAST_TAG} + ${SHARE} end as tag
    from waiters cross join lateral (${firstOf(pool)}) w ${WHOSE}
    order by tag nulls first, w.video_id limit 1`);
  const [row] = rowsOf<ChosenRow>(result);
  const account = accounts.find(({ id }) => id === row?.account);
  if (!row || !account) return null;
  const tag = row.tag === null ? null : Number(row.tag);
  return { videoId: row.video_id, callerId: row.caller_id, tag, account, upstreamModel: row.upstream_model };
}

interface ChosenRow {
  readonly video_id: string;
  readonly caller_id: string;
  readonly tag: number | null;
  readonly account: string;
  readonly upstream_model: string;
}

function listed(values: readonly string[]): SQL {
  return sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  );
}

/** How many videos come before this one in its queue, plus one; null when it does not wait. */
export async function queuePosition(db: Db, videoId: string): Promise<number | null> {
  const result = await db.execute(sql`
    with line as (
      select w.video_id, case when w.place > ${HEAD}
        then ${LAST_TAG} + ${SHARE} * row_number() over (
          partition by w.caller_id, w.place > ${HEAD} order by w.place, w.video_id)
        else '-infinity' end as tag
      from waiting w ${WHOSE} where w.pool = (select pool from waiting where video_id = ${videoId})
    )
    select count(*)::int as position from line
    join line own on own.video_id = ${videoId} and (line.tag, line.video_id) <= (own.tag, own.video_id)`);
  const position = rowsOf<{ position: number }>(result)[0]?.position ?? 0;
  return position === 0 ? null : position;
}

/** When the first pause ends of an account that the head of a queue waits for; null for everyone behind the head. */
export async function pauseEndsAt(db: Db, videoId: string): Promise<Date | null> {
  const [row] = await db
    .select({ pausedUntil: accounts.pausedUntil })
    .from(waiting)
    .innerJoin(accountModels, eq(accountModels.model, waiting.model))
    .innerJoin(accounts, eq(accounts.id, accountModels.account))
    .where(and(eq(waiting.videoId, videoId), gt(accounts.pausedUntil, sql`now()`)))
    .orderBy(accounts.pausedUntil)
    .limit(1);
  // The position counts the queue, which matters only where there is a pause.
  return row && (await queuePosition(db, videoId)) === 1 ? row.pausedUntil : null;
}
