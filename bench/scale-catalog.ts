/** The catalog of benchmark `scale`: a year of ended videos, slots all taken, and a long queue, entered set by set. */

export interface ScaleOptions {
  readonly videos: number;
  /** How many of them wait for a slot. */
  readonly waiting: number;
}

export const CALLERS = 50;
export const ACCOUNTS = 8;
const SLOTS = 4;
/** Videos whose tasks run, one in each slot. */
const RUNNING = ACCOUNTS * SLOTS;
export const POOL = 'main';
/** Offered, and used by the last video of the history alone. */
export const RARE_MODEL = 'model-rare';

/** What the gateway would have given out: ordered by time. */
const idOf = (prefix: string, at: string, n: string) => `'${prefix}_' || regexp_replace(
  lpad(to_hex((extract(epoch from ${at}) * 1000)::bigint), 12, '0') || '7' || substr(md5('${prefix}' || ${n}), 1, 19),
  '(.{8})(.{4})(.{4})(.{4})(.{12})', '\\1-\\2-\\3-\\4-\\5')`;

/** One row a video, from which all tables are filled; `m` counts the videos of each caller. */
function staging({ videos, waiting }: ScaleOptions): string {
  const ended = videos - waiting - RUNNING;
  if (ended < 0) throw new Error(`${videos} videos are too few for ${waiting} that wait and ${RUNNING} that run`);
  return `
    create temp table staged as
    select n, m, ${idOf('video', 'created_at', 'n')} as id, 'caller_' || (1 + n % ${CALLERS}) as caller_id,
      case when n = ${ended} then '${RARE_MODEL}' else 'model-' || m % 5 end as model, created_at, kind,
      case when kind = 'running' then 'account-' || (1 + n % ${ACCOUNTS})
        when kind = 'ended' and m % 100 <> 1 then 'account-' || (1 + n % ${ACCOUNTS}) end as account,
      case when kind = 'waiting' then 'queued' when kind = 'running' then 'generating'
        when m % 100 = 0 then 'cancelled' when m % 100 = 1 then 'expired' when m % 100 < 6 then 'failed'
        else 'completed' end as state,
      case when kind = 'ended' then created_at + interval '5 minutes' end as ended_at,
      300000 + n % 7 * 10000 as cost
    from (
      select n, n / ${CALLERS} as m, created_at, kind from (
        select n, 'ended' as kind, now() - interval '12 hours' - interval '365 days' * (1 - (n - 1) / ${ended}::float8) as created_at
        from generate_series(1, ${ended}) n
        union all
        select n, 'running', now() - interval '10 minutes' from generate_series(${ended + 1}, ${ended + RUNNING}) n
        union all
        select n, 'waiting', now() - interval '10 hours' * (1 - (n - ${videos - waiting}) / ${waiting + 1}::float8)
        from generate_series(${ended + RUNNING + 1}, ${videos}) n
      ) all_of_them
    ) made`;
}

const ENTERED = (kinds: string) => `
  insert into videos (id, caller_id, dialect, state, request, model, provider, account, task_id, progress,
    estimate_micro_usd, settled_micro_usd, upstream_micro_usd, archive, failure, submissions, polls, created_at,
    submitted_at, generated_at, ended_at, expires_at, queue_deadline_at, hidden_at, purged_at, opened_at, audited_at)
  select id, caller_id, 'airforce', state,
    jsonb_build_object('model', model, 'mode', 'text', 'prompt', repeat('A quiet harbour at dawn. ', 8) || n,
      'images', '[]'::jsonb, 'extra', '{}'::jsonb, 'durationSeconds', 5, 'aspectRatio', '16:9', 'quality', '720p'),
    model, case when account is not null then 'airforce' end, account,
    case when account is not null then 'task-' || n end, case when state = 'completed' then 100 else 0 end,
    cost, case when ended_at is not null then case when state = 'completed' then cost else 0 end end,
    case when state = 'completed' then cost end,
    case when state = 'completed' then jsonb_build_object('sha256', md5(n::text) || md5(n::text), 'sizeBytes', 4000000,
      'durationMs', 5000, 'width', 1280, 'height', 720, 'codec', 'h264', 'clipKey', 'clips/' || id, 'posterKey', null) end,
    case when state = 'failed' then '{"kind":"upstream_failed","message":"it failed","upstream":null}'::jsonb end,
    1, 12, created_at, case when account is not null then created_at + interval '1 minute' end,
    case when state = 'completed' then created_at + interval '4 minutes' end, ended_at,
    created_at + interval '1 day', created_at + interval '1 day',
    case when kind = 'ended' and m % 50 = 7 then ended_at end,
    case when created_at < now() - interval '1 day' then created_at + interval '1 day' end,
    case when created_at < now() - interval '2 minutes' then created_at end,
    case when kind <> 'ended' then now() - interval '20 minutes' * (n % 997 / 997.0) end
  from staged where kind in (${kinds}) order by n`;

const FACTS = `
  insert into callers (id, name, key_hash, credit_micro_usd, max_queued_videos)
  select 'caller_' || n, 'caller ' || n, md5(n::text), 9000000000000, 1000000
  from generate_series(1, ${CALLERS}) n;
  insert into pools (id, virtual_time) values ('${POOL}', 1000);
  insert into pool_callers (pool, caller_id, last_tag) select '${POOL}', id, 1000 from callers;
  insert into accounts (id, provider, pool, base_url, credential, max_concurrent_tasks, reads_list, single_lane,
    configured, first_used_at, list_read_at)
  select 'account-' || n, 'airforce', '${POOL}', 'https://api.example', 'credential-' || n, ${SLOTS}, true, true, true,
    now() - interval '366 days', now() - interval '11 minutes'
  from generate_series(1, ${ACCOUNTS}) n;
  insert into account_models (account, model, upstream_model, price_per_second_micro_usd, capabilities, source,
    preference, refreshed_at)
  select a.id, m, m, 60000, '{"modes":["text"],"aspectRatios":[],"qualities":[],"minDurationSeconds":1,"maxDurationSeconds":10,"durationsSeconds":null}',
    'published', 1000, now()
  from accounts a cross join unnest(array['model-0', 'model-1', 'model-2', 'model-3', 'model-4', '${RARE_MODEL}']) m`;

/** Every tenth task took a second try; the first had come to nothing. */
const SUBMISSIONS = `
  insert into submissions (id, video_id, n, account, provider, base_url, credential, upstream_model, single_lane, state,
    granted_at, signalled_at, sent_at, send_until, answered, task_id, running_at, ended_at, cost_micro_usd, presumed, task_end)
  select ${idOf('submission', 'created_at', "(n || '.' || try)")}, id, try, account, 'airforce', 'https://api.example',
    'credential-' || substr(account, 9), model, true,
    case when kind = 'running' then 'running' when try = tries then 'ended' else 'void' end,
    created_at, created_at, created_at, created_at + interval '1 minute',
    case when try < tries and m % 1000 = 3 then true end,
    case when try = tries then 'task-' || n end, case when try = tries then created_at + interval '1 minute' end, ended_at,
    case when try < tries then case when m % 10000 = 3 then cost end when state in ('completed', 'cancelled') then cost
      when kind = 'ended' then case when n % 3 = 0 then cost else 0 end end,
    try < tries and m % 10000 = 3,
    case when kind = 'ended' then '{"kind":"succeeded","resultUrl":null,"needsKey":false,"expiresAt":"2026-01-01T00:00:00.000Z"}'::jsonb end
  from (select *, case when m % 10 = 3 and kind = 'ended' then 2 else 1 end as tries from staged where account is not null) s
    cross join lateral generate_series(1, tries) try
  order by n`;

const LEDGER = `
  insert into ledger (id, caller_id, video_id, kind, amount_micro_usd, at)
  select ${idOf('entry', 'at', '(n || entry)')}, caller_id, id, entry, amount, at from (
    select n, id, caller_id, 'hold' as entry, -cost as amount, created_at as at from staged
    union all
    select n, id, caller_id, 'release', cost, ended_at from staged where ended_at is not null
    union all
    select n, id, caller_id, 'settle', -cost, ended_at from staged where state = 'completed'
    union all
    select n, id, caller_id, 'refund', cost, ended_at + interval '1 hour' from staged where state = 'completed' and m % 1000 = 7
  ) entries order by at;
  update callers set available_micro_usd = credit_micro_usd + available, held_micro_usd = held, spent_micro_usd = spent
  from (select caller_id, sum(amount_micro_usd) as available, sum(-amount_micro_usd) filter (where kind in ('hold', 'release')) as held,
      sum(-amount_micro_usd) filter (where kind in ('settle', 'refund')) as spent from ledger group by caller_id) sums
  where caller_id = callers.id`;

const BESIDES = `
  insert into events (id, caller_id, video_id, type, created_at)
  select ${idOf('evt', 'ended_at', 'n')}, caller_id, id,
    case when state = 'expired' then 'video.failed' else 'video.' || state end, ended_at
  from staged where ended_at is not null order by n;
  insert into orphans (account, credential, task_id, model, cost_micro_usd, created_at, found_at, ended_at)
  select 'account-' || (1 + n % ${ACCOUNTS}), 'credential-' || (1 + n % ${ACCOUNTS}), 'orphan-' || n, 'model-0', 300000,
    created_at, created_at, case when kind = 'ended' then created_at + interval '1 hour' end
  from staged where n % 100 = 50 and kind = 'ended' or kind = 'running' and n % 2 = 0;
  insert into input_images (sha256, media_type, size_bytes, width, height, stored_at, last_used_at)
  select md5(n::text) || md5('image' || n), 'image/png', 100000, 512, 512, now() - interval '3 days',
    now() - interval '3 days' * (n % 100 / 100.0)
  from generate_series(1, 2000) n;
  insert into input_image_uses (sha256, video_id, ended_at)
  select md5((1 + n % 1990)::text) || md5('image' || (1 + n % 1990)), id, ended_at
  from staged where n % 25 = 0 or kind = 'waiting'`;

const KEYS = `
  insert into idempotency_keys (caller_id, key, body_hash, video_id, created_at, ended_at)
  select caller_id, md5('key' || n), md5(n::text) || md5(n::text), id, created_at, ended_at
  from staged where created_at > now() - interval '2 days' order by n`;

/** As `accept_video` would have counted them. */
const UNENDED = `
  update callers c set unended_videos = counted.videos
  from (select caller_id, count(*) as videos from staged where ended_at is null group by caller_id) counted
  where c.id = counted.caller_id`;

/** As the triggers would have entered them. */
const COSTS = `
  insert into cost_lines select * from current_costs;
  insert into cost_days (day, lines, videos, account, model, caller_id, settled_micro_usd, upstream_micro_usd, lost_micro_usd)
  select (at at time zone 'UTC')::date, count(*), sum(videos), account, model, caller_id, sum(settled_micro_usd),
    sum(upstream_micro_usd), sum(lost_micro_usd)
  from cost_lines group by 1, account, model, caller_id`;

/** Enters the queue anew, of the callers of its videos or of one; it is vacuumed, as its table asks for. */
export const queueOf = (callerId: string): readonly string[] => [
  'truncate waiting',
  `insert into waiting (video_id, pool, caller_id, model, priority, place, virtual_time, queued_at)
   select id, '${POOL}', ${callerId}, model, 0, nextval('queue_places'), 1000, created_at
   from videos where state = 'queued' order by created_at, id`,
  'vacuum (analyze) waiting',
];

/** The statements that fill an empty catalog, but for its queue; what was entered is vacuumed before more comes, as it would be. */
export function buildScaleCatalog(options: ScaleOptions): readonly string[] {
  return [
    // Triggers see nothing of it: what they would do is done for all rows at once.
    'set session_replication_role = replica',
    "set work_mem = '256MB'",
    staging(options),
    'analyze staged',
    FACTS,
    ENTERED("'ended'"),
    SUBMISSIONS,
    LEDGER,
    BESIDES,
    COSTS,
    'vacuum (analyze)',
    ENTERED("'running', 'waiting'"),
    KEYS,
    UNENDED,
    'drop table staged',
    'vacuum (analyze)',
    'set session_replication_role = origin',
    'reset work_mem',
    'checkpoint',
  ];
}
