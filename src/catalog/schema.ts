/** The catalog's tables: the truth of what was asked, submitted, paid and archived. Constraints hold the musts. */

import { desc, sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgSequence,
  pgTable,
  pgView,
  primaryKey,
  smallint,
  text,
  timestamp,
  unique,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { VideoFailure } from '../domain/failure.ts';
import type { JsonObject } from '../domain/json.ts';
import type { Capabilities } from '../domain/models.ts';
import type { SubmissionState, TaskEnd } from '../domain/submission.ts';
import type { DialectName, ProviderName } from '../domain/vendor.ts';
import type { ArchivedClip, VideoState } from '../domain/video.ts';
import type { VideoRequest } from '../domain/video-request.ts';
import type { WaitingFor } from '../domain/waiting-for.ts';

const microUsd = (name: string) => bigint(name, { mode: 'number' });
const instant = (name: string) => timestamp(name, { withTimezone: true, precision: 3, mode: 'date' });

/** Values that all processes share: hashed root key, signing keys. */
export const settings = pgTable('settings', {
  name: text().primaryKey(),
  value: text().notNull(),
});

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
    /** Sum of the ledger entries: what may still be held. Falls below zero only without a limit. */
    availableMicroUsd: microUsd('available_micro_usd').notNull().default(0),
    heldMicroUsd: microUsd('held_micro_usd').notNull().default(0),
    spentMicroUsd: microUsd('spent_micro_usd').notNull().default(0),
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

/** Upstream accounts: the configuration as last read, and their health. Keys are never here. */
export const accounts = pgTable('accounts', {
  id: text().primaryKey(),
  provider: text().$type<ProviderName>().notNull(),
  pool: text().notNull(),
  baseUrl: text('base_url').notNull(),
  /** What the upstream counts by: a fingerprint of base URL and key. Slots, lanes and tasks belong to it. */
  credential: text().notNull(),
  maxConcurrentTasks: integer('max_concurrent_tasks').notNull(),
  /** Its list tells what became of a lost create: it has one, and only we use the key. */
  readsList: boolean('reads_list').notNull(),
  /** Since when its upstream says that there is no list, though its API may have one. */
  listMissingAt: instant('list_missing_at'),
  /** When its list first showed a task of ours: from then on it proves absence as well. */
  listProvenAt: instant('list_proven_at'),
  /** One submission in flight at a time: what makes adoption from a list exact. */
  singleLane: boolean('single_lane').notNull(),
  /** False when the account has vanished from the configuration. */
  configured: boolean().notNull(),
  /** An operator's pause, which only an operator lifts. */
  pausedByOperator: boolean('paused_by_operator').notNull().default(false),
  /** A pause of the upstream's making: rate limit, outage. */
  pausedUntil: instant('paused_until'),
  /** Consecutive failures to reach or be let in; sets the length of the next pause. */
  troubles: integer().notNull().default(0),
  /** When the last trouble was: a create that was sent before says nothing against it. */
  troubledAt: instant('troubled_at'),
  /** The key was refused; probed until it is good again. */
  suspendedAt: instant('suspended_at'),
  lastError: text('last_error'),
  /** When we first had a slot here, as far as a reading of the list has asked for it. */
  firstUsedAt: instant('first_used_at'),
  /** When its list was last read for tasks of no submission. */
  listReadAt: instant('list_read_at'),
});

/** Tasks of our accounts that belong to no submission: billed, and paid by no caller. */
export const orphans = pgTable(
  'orphans',
  {
    account: text().notNull(),
    credential: text().notNull(),
    taskId: text('task_id').notNull(),
    /** The video whose task it was until it was given up; null for one that never had a video. */
    videoId: text('video_id'),
    /** As we offer it where we do, else the upstream's word; null where the list shows none. */
    model: text(),
    /** What is known so far, until the task has ended. */
    costMicroUsd: microUsd('cost_micro_usd').notNull(),
    /** By the upstream's clock. */
    createdAt: instant('created_at').notNull(),
    foundAt: instant('found_at').notNull().defaultNow(),
    /** Null while its cost may still change. */
    endedAt: instant('ended_at'),
  },
  (table) => [
    primaryKey({ columns: [table.credential, table.taskId] }),
    index('orphans_open').on(table.credential, table.foundAt).where(sql`${table.endedAt} is null`),
    // Operators are shown the newest of each account.
    index('orphans_account').on(table.account, table.createdAt),
    // A submission that gets a task asks whether it was booked.
    index('orphans_task').on(table.taskId),
    index('orphans_ended').on(table.endedAt).where(sql`${table.endedAt} is not null`),
  ],
);

/** Models on offer, a row for each account that serves one. */
export const accountModels = pgTable(
  'account_models',
  {
    account: text().notNull(),
    model: text().notNull(),
    upstreamModel: text('upstream_model').notNull(),
    pricePerSecondMicroUsd: microUsd('price_per_second_micro_usd').notNull(),
    capabilities: jsonb().$type<Capabilities>().notNull(),
    /** `published` rows come and go with the upstream's list, `configured` ones with the configuration. */
    source: text().$type<'published' | 'configured'>().notNull(),
    /** Order among a model's accounts, smallest first. */
    preference: integer().notNull(),
    /** The upstream does not let this account use the model. */
    suspendedUntil: instant('suspended_until'),
    refreshedAt: instant('refreshed_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.account, table.model] }), index('account_models_model').on(table.model)],
);

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
    createdAt: instant('created_at').notNull(),
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

/** Input images that callers uploaded, each once; the bytes lie in the media store under their hash. */
export const inputImages = pgTable(
  'input_images',
  {
    sha256: text().primaryKey(),
    mediaType: text('media_type').notNull(),
    sizeBytes: integer('size_bytes').notNull(),
    width: integer().notNull(),
    height: integer().notNull(),
    storedAt: instant('stored_at').notNull(),
    /** When a request last brought or named it: it is kept for a while, since a video may be about to use it. */
    lastUsedAt: instant('last_used_at').notNull(),
  },
  (table) => [index('input_images_last_used').on(table.lastUsedAt)],
);

/** Which videos are made from which input images. */
export const inputImageUses = pgTable(
  'input_image_uses',
  {
    sha256: text().notNull(),
    videoId: text('video_id').notNull(),
    /** When the video ended: a trigger copies it. */
    endedAt: instant('ended_at'),
  },
  (table) => [
    primaryKey({ columns: [table.sha256, table.videoId] }),
    index('input_image_uses_video').on(table.videoId),
    // Whether an image is in use, and until when it was, is told by the first entry, however many videos used it.
    index('input_image_uses_last').on(table.sha256, desc(table.endedAt)),
  ],
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
    /** No create can be on its way after this. */
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

/** Ends of videos, written in the transaction of the end: what webhooks are made from. */
export const events = pgTable(
  'events',
  {
    id: text().primaryKey(),
    callerId: text('caller_id').notNull(),
    videoId: text('video_id').notNull(),
    type: text().$type<'video.completed' | 'video.failed' | 'video.cancelled'>().notNull(),
    createdAt: instant('created_at').notNull(),
  },
  (table) => [uniqueIndex('events_video').on(table.videoId, table.type)],
);

/** Videos whose workflows were told to open again after an older copy was put back: nothing is granted while any is left. */
export const reopenings = pgTable('reopenings', {
  videoId: text('video_id').primaryKey(),
  toldAt: instant('told_at').notNull(),
});

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
