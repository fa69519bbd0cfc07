/** What videos cost: settled with callers, billed by upstreams, and lost in between, summed over ended videos. */

import { and, asc, countDistinct, eq, gte, inArray, isNotNull, lt, sql } from 'drizzle-orm';
import { alias, unionAll } from 'drizzle-orm/pg-core';
import type { MicroUsd } from '../domain/money.ts';
import type { Db } from './database.ts';
import { ledger, submissions, videos } from './schema.ts';

export type CostGroup = 'day' | 'model' | 'caller' | 'account';

/** Which costs are summed, by the end of the video. */
export interface CostFilter {
  /** Null: all callers'. */
  readonly callerId: string | null;
  /** Inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
  readonly groupBy: readonly CostGroup[];
}

/** A sum, with a member for each group asked for; `account` is null for videos that never had one. */
export interface CostItem {
  readonly day?: string;
  readonly model?: string;
  readonly caller?: string;
  readonly account?: string | null;
  readonly videos: number;
  readonly settledMicroUsd: MicroUsd;
  readonly upstreamMicroUsd: MicroUsd;
  /** Billed by an upstream and paid by no caller. */
  readonly lostMicroUsd: MicroUsd;
}

/** A video's settled cost stands with its last account, each bill with the account whose task it was for. */
function shareOfEachAccount(db: Db) {
  const settled = db
    .select({
      videoId: videos.id,
      account: videos.account,
      settled: sql<number>`coalesce(${videos.settledMicroUsd}, 0)`.as('settled'),
      billed: sql<number>`0::bigint`.as('billed'),
    })
    .from(videos)
    .where(isNotNull(videos.endedAt));
  const billed = db
    .select({
      videoId: submissions.videoId,
      account: sql<string | null>`${submissions.account}`.as('account'),
      settled: sql<number>`0::bigint`.as('settled'),
      billed: sql<number>`${submissions.costMicroUsd}`.as('billed'),
    })
    .from(submissions)
    // Until its task has ended, a submission's cost is what the upstream expects and not yet its bill. A void one has a
    // cost only where its lost answer may have been a clip.
    .where(and(inArray(submissions.state, ['ended', 'void']), isNotNull(submissions.costMicroUsd)));
  const parts = unionAll(settled, billed).as('parts');
  return db
    .select({
      videoId: parts.videoId,
      account: parts.account,
      settled: sql<number>`sum(${parts.settled})`.as('settled'),
      billed: sql<number>`sum(${parts.billed})`.as('billed'),
    })
    .from(parts)
    .groupBy(parts.videoId, parts.account)
    .as('shares');
}

/**
 * Costs of the videos that ended in a period. While a hold is kept, because an operator has to decide or a cancelled
 * task still runs, what is billed counts as neither settled nor lost.
 */
export async function costs(db: Db, { callerId, from, to, groupBy }: CostFilter): Promise<readonly CostItem[]> {
  const shares = shareOfEachAccount(db);
  const hold = alias(ledger, 'hold');
  const release = alias(ledger, 'release');
  const isHeld = sql`(${hold.id} is not null and ${release.id} is null)`;
  const columns = {
    day: sql<string>`to_char(${videos.endedAt} at time zone 'UTC', 'YYYY-MM-DD')`,
    model: sql<string>`${videos.model}`,
    caller: sql<string>`${videos.callerId}`,
    account: sql<string | null>`${shares.account}`,
  } as const satisfies Record<CostGroup, unknown>;
  const groups = Object.fromEntries(groupBy.map((group) => [group, columns[group]]));
  // By position: the expressions hold no parameters, but their text need not be compared.
  const positions = groupBy.map((_, index) => sql.raw(String(index + 1)));
  return await db
    .select({
      ...groups,
      videos: countDistinct(videos.id),
      settledMicroUsd: sql<number>`coalesce(sum(${shares.settled}), 0)`.mapWith(Number),
      upstreamMicroUsd: sql<number>`coalesce(sum(${shares.billed}), 0)`.mapWith(Number),
      lostMicroUsd: sql<number>`coalesce(sum(
        case when ${isHeld} then 0 else greatest(${shares.billed} - ${shares.settled}, 0) end
      ), 0)`.mapWith(Number),
    })
    .from(videos)
    .innerJoin(shares, eq(shares.videoId, videos.id))
    .leftJoin(hold, and(eq(hold.videoId, videos.id), eq(hold.kind, 'hold')))
    .leftJoin(release, and(eq(release.videoId, videos.id), eq(release.kind, 'release')))
    .where(
      and(
        isNotNull(videos.endedAt),
        callerId === null ? undefined : eq(videos.callerId, callerId),
        from === undefined ? undefined : gte(videos.endedAt, from),
        to === undefined ? undefined : lt(videos.endedAt, to),
      ),
    )
    .groupBy(...positions)
    .orderBy(...positions.map((position) => asc(position)));
}
