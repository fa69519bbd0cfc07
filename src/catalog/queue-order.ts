/** The order of a pool's queue: whose turn it is by start-time fair queueing, and where in it a video stands. */

import { type SQL, sql } from 'drizzle-orm';
import { OPEN_SUBMISSION_STATES } from '../domain/submission.ts';
import { PROVIDER_FACTS, PROVIDERS } from '../domain/vendor.ts';
import type { AccountRow } from './accounts.ts';
import { type Db, listed, rowsOf } from './driver/database.ts';
import { isOpenOrphan } from './orphans.ts';
import { orphans } from './tables/accounts.ts';

/** The priority of a video that was granted before and lost its slot: ahead of all others in the pool. */
export const HEAD = 32_767;

/** Whom the next slot goes to, and where. */
export interface Choice {
  readonly videoId: string;
  readonly callerId: string;
  /** What the grant moves its caller and the pool on to; null for a video that was granted before. */
  readonly tag: number | null;
  /** Its time to begin has passed by the catalog's clock. */
  readonly isLate: boolean;
  readonly account: AccountRow;
  readonly upstreamModel: string;
}

/** Stands in no id of a caller. */
const OF_BATCHES = '/batches';
/** A clip of a batch moves its caller's share on by so many clips, so that single ones come before it and it waits for none. */
const BATCH_SHARE = 2;
/** The caller whose weight counts. */
const WHO = sql.raw(`split_part(w.caller_id, '/', 1)`);

/** In whose turn a video waits: clips of batches have one of their own beside their caller's others. */
export function turnOf({ callerId, batchId }: { readonly callerId: string; readonly batchId: string | null }): string {
  return batchId === null ? callerId : `${callerId}${OF_BATCHES}`;
}

/** Where a caller's share begins: at its last grant, or at the pool's time when the video came to an idle caller. */
const BASE = sql`greatest(coalesce(c.last_tag, 0), w.virtual_time)`;
const SHARE = sql`${sql.raw(String(BATCH_SHARE))} ^ (w.caller_id <> ${WHO})::int / coalesce(k.weight, 1)`;
const TAG = sql`${BASE} + ${SHARE}`;
const WHOSE = sql`left join pool_callers c on c.pool = w.pool and c.caller_id = w.caller_id
  left join callers k on k.id = ${WHO}`;
const IN_ORDER = sql`priority desc, place`;
/** Shares that differ by less are the same: they are sums of fractions. Their callers' ids decide then. */
const SAME_SHARE = 1e-9;

/** The accounts that have a slot to grant, with how many, and how many images they take. */
function roomAt(accounts: readonly AccountRow[]): SQL {
  const open = listed(OPEN_SUBMISSION_STATES);
  const mostImages = sql.join(
    PROVIDERS.map((provider) => sql`when ${provider} then ${sql.raw(String(PROVIDER_FACTS[provider].mostImages))}`),
    sql` `,
  );
  // Tasks that no submission has take slots at their upstream all the same.
  return sql`
    select a.id, a.max_concurrent_tasks - taken.tasks as free, coalesce(a.most_images, case a.provider ${mostImages} else 0 end) as most_images
    from accounts a cross join lateral (
      select
        (select count(*) from submissions s where s.credential = a.credential and s.state in (${open}))
        + (select count(*) from ${orphans} where ${orphans.credential} = a.credential and ${isOpenOrphan}) as tasks,
        a.single_lane and exists (select 1 from submissions s
          where s.credential = a.credential and s.single_lane and s.state in (${open}) and s.state <> 'running') as in_lane
    ) taken
    where a.id in (${listed(accounts.map(({ id }) => id))})
      and a.configured and not a.paused_by_operator and a.suspended_at is null
      and (a.paused_until is null or a.paused_until <= now())
      and taken.tasks < a.max_concurrent_tasks and not taken.in_lane`;
}

/** The callers who wait in a pool, found one after the other along the index, however long the queue is. */
function waitersIn(pool: SQL, condition: SQL): SQL {
  const next = (after: SQL) => sql`(select caller_id from waiting
    where pool = ${pool} and ${after} order by caller_id limit 1)`;
  return sql`
    select ${next(condition)}
    union all
    select ${next(sql`caller_id > waiters.caller_id`)} from waiters where waiters.caller_id is not null`;
}

/** A caller's first video that some account has room for, with the account that its model prefers. */
function firstOf(pool: string): SQL {
  return sql`
    select q.video_id, q.caller_id, q.pool, q.priority, q.place, q.virtual_time, m.account, m.upstream_model
    from waiting q cross join lateral (
      select am.account, am.upstream_model from account_models am join room on room.id = am.account
      where am.model = q.model and q.images <= room.most_images
        and (am.suspended_until is null or am.suspended_until <= now())
      order by am.preference, room.free desc, am.account limit 1
    ) m
    where q.pool = ${pool} and q.caller_id = waiters.caller_id and (q.not_before is null or q.not_before <= now())
    order by ${IN_ORDER} limit 1`;
}

/** The first video in the pool's order that some of these accounts has room for; null when there is none. */
export async function chooseNext(
  tx: Db,
  { id: pool, accounts }: { readonly id: string; readonly accounts: readonly AccountRow[] },
): Promise<Choice | null> {
  if (accounts.length === 0) return null;
  const result = await tx.execute(sql`
    with recursive room as materialized (${roomAt(accounts)}),
      waiters(caller_id) as (${waitersIn(sql`${pool}`, sql`exists (select 1 from room)`)})
    select w.video_id as "videoId", w.caller_id as "callerId", w.account as "accountId", w.upstream_model as "upstreamModel",
      case when w.priority < ${HEAD} then ${TAG} end as tag,
      coalesce((select v.queue_deadline_at <= now() from videos v where v.id = w.video_id), false) as "isLate"
    from waiters cross join lateral (${firstOf(pool)}) w ${WHOSE}
    order by case when w.priority < ${HEAD} then round((${TAG})::numeric, 6) end nulls first,
      case when w.priority = ${HEAD} then w.place end, w.caller_id collate "C" limit 1`);
  const [row] = rowsOf<Omit<Choice, 'account'> & { readonly accountId: string }>(result);
  const account = accounts.find(({ id }) => id === row?.accountId);
  if (!row || !account) return null;
  const { accountId: _, ...choice } = row;
  return { ...choice, account };
}

/** Where a video waits, and what its shares are counted from. */
interface OwnPlace {
  readonly video_id: string;
  readonly pool: string;
  readonly caller_id: string;
  readonly priority: number;
  readonly base: number;
  readonly share: number;
  /** Its place among its caller's, 1 first, those that lost their slots left out. */
  readonly rank: unknown;
}

/** A caller's queue in a pool. */
interface Line {
  readonly caller_id: string;
  readonly base: number;
  readonly share: number;
  /** Videos that lost their slots, which come before all others. */
  readonly heads: unknown;
  /** The others, as many of them as may come before. */
  readonly videos: unknown;
}

/**
 * The places of videos in their queues, 1 first; those that do not wait are left out. Counted along the index: each
 * caller to its own, every other caller as far as its shares come before the last of them.
 */
export async function queuePositions(db: Db, videoIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const own = rowsOf<OwnPlace>(await db.execute(findPlaces(videoIds)));
  const positions = new Map<string, number>();
  for (const pool of new Set(own.map((place) => place.pool))) {
    const places = own.filter((place) => place.pool === pool);
    const others = places.filter(({ priority }) => priority < HEAD);
    if (others.length < places.length) {
      const heads = rowsOf<{ readonly video_id: string }>(await db.execute(listHeads(pool)));
      for (const [index, { video_id }] of heads.entries()) positions.set(video_id, index + 1);
    }
    if (others.length === 0) continue;
    const reach = Math.max(...others.map(reachOf));
    const lines = rowsOf<Line>(await db.execute(countLines(pool, reach)));
    for (const place of others) positions.set(place.video_id, positionIn(lines, place));
  }
  return new Map([...positions].filter(([id]) => videoIds.includes(id)));
}

/** Where the shares of a video's caller end that come with it. */
function reachOf({ base, share, rank }: OwnPlace): number {
  return base + Number(rank) * share;
}

function positionIn(lines: readonly Line[], place: OwnPlace): number {
  const ahead = lines.map(({ caller_id, base, share, heads, videos }) => {
    if (caller_id === place.caller_id) return Number(heads);
    const shares = (reachOf(place) - base) / share;
    const before = caller_id < place.caller_id ? Math.floor(shares + SAME_SHARE) : Math.ceil(shares - SAME_SHARE) - 1;
    return Number(heads) + Math.min(Number(videos), Math.max(before, 0));
  });
  return ahead.reduce((sum, videos) => sum + videos, Number(place.rank));
}

/** A caller's videos in a pool, in the order of the index, so that nothing but the index is read. */
function videosOf(of: SQL, condition: SQL): SQL {
  return sql`select from waiting w where w.pool = ${of}.pool and w.caller_id = ${of}.caller_id and ${condition}
    order by ${IN_ORDER}`;
}

/** The video from which the shares of a caller's line are counted, those that lost their slots left out. */
function firstInLine(of: SQL): SQL {
  return sql`left join lateral (select * from waiting f where f.pool = ${of}.pool and f.caller_id = ${of}.caller_id
    and f.priority < ${HEAD} order by ${IN_ORDER} limit 1) w on true ${WHOSE}`;
}

/** Each is counted once, from the one before; the first of its caller and priority from the caller's first. */
function findPlaces(videoIds: readonly string[]): SQL {
  const asked = sql`asked`;
  const step = sql`w.priority = asked.priority and w.place > asked.after and w.place <= asked.place`;
  const above = sql`w.priority > asked.priority and w.priority < ${HEAD} and asked.after = '-infinity'`;
  return sql`
    with asked as materialized (
      select q.video_id, q.pool, q.caller_id, q.priority, q.place, ${BASE} as base, ${SHARE} as share,
        lag(q.place, 1, '-infinity') over (partition by q.pool, q.caller_id, q.priority order by q.place) as after
      from waiting q ${firstInLine(sql`q`)} where q.video_id = any(${sql.param([...videoIds])}::text[])
    ), counted as materialized (
      select asked.*, (select count(*) from (${videosOf(asked, step)}) step)
        + (select count(*) from (${videosOf(asked, above)}) above) as more from asked
    )
    select *, sum(more) over (partition by pool, caller_id, priority order by place) as rank from counted`;
}

/** Those that lost their slots, in order. */
function listHeads(pool: string): SQL {
  return sql`
    with recursive waiters(caller_id) as (${waitersIn(sql`${pool}`, sql`true`)})
    select w.video_id from waiters join waiting w on w.pool = ${pool} and w.caller_id = waiters.caller_id
    where w.priority = ${HEAD} order by w.place`;
}

function countLines(pool: string, reach: number): SQL {
  const line = sql`line`;
  return sql`
    with recursive waiters(caller_id) as (${waitersIn(sql`${pool}`, sql`true`)}), line as materialized (
      select q.*, ${BASE} as base, ${SHARE} as share
      from (select ${pool} as pool, caller_id from waiters where caller_id is not null) q ${firstInLine(sql`q`)}
    )
    select line.*, (select count(*) from (${videosOf(line, sql`w.priority = ${HEAD}`)}) heads) as heads,
      (select count(*) from (${videosOf(line, sql`w.priority < ${HEAD}`)}
        limit (select greatest(floor((${reach}::float8 - line.base) / line.share + ${SAME_SHARE}::float8), 0))) ahead) as videos
    from line`;
}

/** A video's turn in its queue. */
export interface Turn {
  /** After how long it should ask again, since no grant comes by itself when a pause runs out; null where it is told. */
  readonly askAgainMs: number | null;
}

/**
 * The turn of a waiting video; null for one that does not wait. Of each caller only the first asks again. By the catalog's
 * clock, a second at least.
 */
export async function readTurn(db: Db, videoId: string): Promise<Turn | null> {
  const result = await db.execute(sql`
    select extract(epoch from least(
      case when w.not_before > now() then w.not_before end,
      case when not exists (select 1 from waiting e where e.pool = w.pool and e.caller_id = w.caller_id
          and (e.priority > w.priority or (e.priority = w.priority and e.place < w.place)))
        then (select min(greatest(a.paused_until, m.suspended_until)) from account_models m
          join accounts a on a.id = m.account
          where m.model = w.model and a.configured and greatest(a.paused_until, m.suspended_until) > now()) end
    ) - now())::float8 * 1000 as after_ms
    from waiting w where w.video_id = ${videoId}`);
  const [row] = rowsOf<{ readonly after_ms: unknown }>(result);
  if (!row) return null;
  return { askAgainMs: row.after_ms == null ? null : Math.max(Math.ceil(Number(row.after_ms)), 1000) };
}
