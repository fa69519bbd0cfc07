/** Costs counted anew from the rows of videos, submissions, ledger and orphans: what the sums that are kept must agree with. */

import { and, asc, countDistinct, eq, gte, inArray, isNotNull, lt, type SQLWrapper, sql } from 'drizzle-orm';
import { alias, unionAll } from 'drizzle-orm/pg-core';
import type { CostFilter, CostGroup, CostItem } from '../../src/catalog/costs.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { isOrphan } from '../../src/catalog/orphans.ts';
import { orphans } from '../../src/catalog/tables/accounts.ts';
import { ledger } from '../../src/catalog/tables/callers.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';

/** A video's settled cost stands with its last account, each bill with the account whose task it was for. */
function shareOfEachAccount(db: Db) {
  const settled = db
    .select({
      videoId: videos.id,
      account: videos.account,
      // What was given back was not paid.
      settled: sql<number>`coalesce(${videos.settledMicroUsd}, 0) - coalesce(${ledger.amountMicroUsd}, 0)`.as(
        'settled',
      ),
      billed: sql<number>`0::bigint`.as('billed'),
    })
    .from(videos)
    .leftJoin(ledger, and(eq(ledger.videoId, videos.id), eq(ledger.kind, 'refund')))
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

/** What each account billed for each ended video, what its caller paid there, and what nobody paid. */
function linesOfVideos(db: Db, { callerId, from, to }: CostFilter) {
  const shares = shareOfEachAccount(db);
  const hold = alias(ledger, 'hold');
  const release = alias(ledger, 'release');
  // While a hold is kept, because an operator has to decide or a cancelled task still runs, nothing is lost.
  const isHeld = sql`(${hold.id} is not null and ${release.id} is null)`;
  return db
    .select({
      videoId: sql<string | null>`${videos.id}`.as('video_id'),
      at: sql<Date>`${videos.endedAt}`.as('at'),
      model: sql<string | null>`${videos.model}`.as('model'),
      caller: sql<string | null>`${videos.callerId}`.as('caller'),
      account: sql<string | null>`${shares.account}`.as('account'),
      settled: sql<number>`${shares.settled}`.as('settled'),
      billed: sql<number>`${shares.billed}`.as('billed'),
      lost: sql<number>`case when ${isHeld} then 0 else ${shares.billed} - ${shares.settled} end`.as('lost'),
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
    );
}

/** Tasks that are nobody's are lost, at the time they were made; no caller ever sees one. */
function linesOfOrphans(db: Db, { callerId, from, to }: CostFilter) {
  return db
    .select({
      videoId: sql<string | null>`null::text`.as('video_id'),
      at: sql<Date>`${orphans.createdAt}`.as('at'),
      model: sql<string | null>`${orphans.model}`.as('model'),
      caller: sql<string | null>`null::text`.as('caller'),
      account: sql<string | null>`${orphans.account}`.as('account'),
      settled: sql<number>`0::bigint`.as('settled'),
      billed: sql<number>`${orphans.costMicroUsd}`.as('billed'),
      lost: sql<number>`${orphans.costMicroUsd}`.as('lost'),
    })
    .from(orphans)
    .where(
      and(
        isOrphan,
        callerId === null ? undefined : sql`false`,
        from === undefined ? undefined : gte(orphans.createdAt, from),
        to === undefined ? undefined : lt(orphans.createdAt, to),
      ),
    );
}

/** The same as `costs`. */
export async function recountCosts(db: Db, filter: CostFilter): Promise<readonly CostItem[]> {
  const { groupBy } = filter;
  const lines = unionAll(linesOfVideos(db, filter), linesOfOrphans(db, filter)).as('lines');
  const columns = {
    day: sql<string>`to_char(${lines.at} at time zone 'UTC', 'YYYY-MM-DD')`,
    model: sql<string | null>`${lines.model}`,
    caller: sql<string | null>`${lines.caller}`,
    account: sql<string | null>`${lines.account}`,
  } as const satisfies Record<CostGroup, unknown>;
  const groups = Object.fromEntries(groupBy.map((group) => [group, columns[group]]));
  // By position: the expressions hold no parameters, but their text need not be compared.
  const positions = groupBy.map((_, index) => sql.raw(String(index + 1)));
  const sum = (column: SQLWrapper) => sql<number>`coalesce(sum(${column}), 0)`.mapWith(Number);
  return await db
    .select({
      ...groups,
      videos: countDistinct(lines.videoId),
      settledMicroUsd: sum(lines.settled),
      upstreamMicroUsd: sum(lines.billed),
      lostMicroUsd: sum(lines.lost),
    })
    .from(lines)
    .groupBy(...positions)
    .orderBy(...positions.map((position) => asc(position)));
}
