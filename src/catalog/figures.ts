/** What the catalog knows of the whole operation at this moment: few statements, none of which reads all that ever was. */

import { count, inArray, isNotNull, min, sql } from 'drizzle-orm';
import type { AccountState } from '../domain/account.ts';
import type { MicroUsd } from '../domain/money.ts';
import { OPEN_SUBMISSION_STATES, type SubmissionState } from '../domain/submission.ts';
import { END_STATES, RUNNING_STATES, type VideoState } from '../domain/video.ts';
import { accountStateOf } from './account-views.ts';
import { type Db, inTransaction, rowsOf } from './driver/database.ts';
import { accounts } from './tables/accounts.ts';
import { callers } from './tables/callers.ts';
import { costLines } from './tables/costs.ts';
import { waiting } from './tables/queue.ts';
import { submissions } from './tables/submissions.ts';
import { videos } from './tables/videos.ts';

interface AccountFigures {
  readonly id: string;
  readonly state: AccountState;
  readonly limit: number;
  readonly orphans: number;
}

interface QueueFigures {
  readonly pool: string;
  readonly length: number;
  /** 0 where nothing waits. */
  readonly oldestWaitSeconds: number;
}

/** Figures of one moment; a day is the last 24 hours. */
export interface Figures {
  readonly unended: readonly { readonly state: VideoState; readonly videos: number }[];
  /** By state, of the videos made within a day. */
  readonly endedOfDay: readonly { readonly state: VideoState; readonly videos: number }[];
  readonly queues: readonly QueueFigures[];
  readonly accounts: readonly AccountFigures[];
  readonly openSubmissions: readonly {
    readonly account: string;
    readonly state: SubmissionState;
    readonly submissions: number;
  }[];
  /** All callers' together, less what was refunded. */
  readonly settledMicroUsd: MicroUsd;
  readonly heldMicroUsd: MicroUsd;
  /** Billed by an upstream and paid by no caller, of the videos and orphans made within a day. */
  readonly lostOfDayMicroUsd: MicroUsd;
}

/** Bounds every statement of the transaction, so that no reading outlives who asked for it. */
const STATEMENT_TIMEOUT_MS = 3000;
const aDayAgo = sql`now() - interval '24 hours'`;
const toNumber = (value: unknown) => Number(value ?? 0);

async function readVideos(tx: Db): Promise<Pick<Figures, 'unended' | 'endedOfDay'>> {
  // By states, which an index has in order of creation.
  const result = await tx.execute(sql`
    select state, true as unended, count(*) as videos from ${videos} where ${inArray(videos.state, [...RUNNING_STATES])} group by state
    union all
    select state, false, count(*) from ${videos} where ${inArray(videos.state, [...END_STATES])} and created_at > ${aDayAgo} group by state`);
  const rows = rowsOf<{ readonly state: VideoState; readonly unended: boolean; readonly videos: unknown }>(result);
  const those = (isUnended: boolean) =>
    rows
      .filter(({ unended }) => unended === isUnended)
      .map((row) => ({ state: row.state, videos: Number(row.videos) }));
  return { unended: those(true), endedOfDay: those(false) };
}

async function readQueues(tx: Db, pools: readonly string[]): Promise<readonly QueueFigures[]> {
  const waitSeconds = sql`extract(epoch from now() - ${min(waiting.queuedAt)})`.mapWith(toNumber);
  const rows = await tx
    .select({ pool: waiting.pool, length: count(), oldestWaitSeconds: waitSeconds })
    .from(waiting)
    .groupBy(waiting.pool);
  const empty = pools.filter((pool) => !rows.some((row) => row.pool === pool));
  const none = empty.map((pool) => ({ pool, length: 0, oldestWaitSeconds: 0 }));
  return [...rows.map((row) => ({ ...row, oldestWaitSeconds: Math.max(0, row.oldestWaitSeconds) })), ...none];
}

/** What the lines of costs say of what was made within a day: it has ended within a day as well. */
async function readLost(tx: Db): Promise<MicroUsd> {
  const result = await tx.execute(sql`
    select coalesce(sum(lost_micro_usd), 0) as lost from ${costLines} l where l.at > ${aDayAgo}
      and (l.credential is not null or (select v.created_at > ${aDayAgo} from ${videos} v where v.id = l.source))`);
  return toNumber(rowsOf<{ readonly lost: unknown }>(result)[0]?.lost);
}

async function readMoney(tx: Db): Promise<Pick<Figures, 'settledMicroUsd' | 'heldMicroUsd'>> {
  const [row] = await tx
    .select({
      settledMicroUsd: sql`sum(${callers.spentMicroUsd})`.mapWith(toNumber),
      heldMicroUsd: sql`sum(${callers.heldMicroUsd})`.mapWith(toNumber),
    })
    .from(callers);
  return { settledMicroUsd: row?.settledMicroUsd ?? 0, heldMicroUsd: row?.heldMicroUsd ?? 0 };
}

/** Reads all figures as of one moment. */
export async function readFigures(db: Db): Promise<Figures> {
  return await inTransaction(db, async (tx) => {
    await tx.execute(sql.raw(`set local statement_timeout = ${STATEMENT_TIMEOUT_MS}`));
    const rows = await tx.select().from(accounts).orderBy(accounts.id);
    const openSubmissions = await tx
      .select({ account: submissions.account, state: submissions.state, submissions: count() })
      .from(submissions)
      .where(inArray(submissions.state, [...OPEN_SUBMISSION_STATES]))
      .groupBy(submissions.account, submissions.state);
    const found = await tx
      .select({ account: costLines.account, tasks: count() })
      .from(costLines)
      .where(isNotNull(costLines.credential))
      .groupBy(costLines.account);
    const orphansOf = new Map(found.map(({ account, tasks }) => [account, tasks]));
    const pools = [...new Set(rows.filter(({ configured }) => configured).map(({ pool }) => pool))];
    return {
      ...(await readVideos(tx)),
      queues: await readQueues(tx, pools),
      accounts: rows.map((row) => ({
        id: row.id,
        state: accountStateOf(row),
        limit: row.maxConcurrentTasks,
        orphans: orphansOf.get(row.id) ?? 0,
      })),
      openSubmissions,
      ...(await readMoney(tx)),
      lostOfDayMicroUsd: await readLost(tx),
    };
  });
}
