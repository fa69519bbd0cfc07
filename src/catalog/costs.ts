/** What clips cost: settled with callers, billed by upstreams, and lost in between, summed over ended videos and orphans. */

import { and, asc, eq, gt, gte, lt, or, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { unionAll } from 'drizzle-orm/pg-core';
import type { MicroUsd } from '../domain/money.ts';
import type { Db } from './driver/database.ts';
import { costDays, costLines } from './tables/costs.ts';

export type CostGroup = 'day' | 'model' | 'caller' | 'account';

/** Which costs are summed, by the end of the video; for a task of no video, by its creation. */
export interface CostFilter {
  /** Null: all callers'. */
  readonly callerId: string | null;
  /** Inclusive. */
  readonly from?: Date | undefined;
  /** Exclusive. */
  readonly to?: Date | undefined;
  readonly groupBy: readonly CostGroup[];
}

/**
 * A sum, with a member for each group asked for; `account` is null for videos that never had one, `caller` for tasks of
 * no video, `model` where such a task's is not known.
 */
export interface CostItem {
  readonly day?: string;
  readonly model?: string | null;
  readonly caller?: string | null;
  readonly account?: string | null;
  readonly videos: number;
  readonly settledMicroUsd: MicroUsd;
  readonly upstreamMicroUsd: MicroUsd;
  /** Billed by an upstream and paid by no caller; below zero where a price that was named before is more than the bill. */
  readonly lostMicroUsd: MicroUsd;
}

const DAY_MS = 86_400_000;

/** The whole days of a period (UTC), and whether anything is left of it before or after them. */
interface WholeDays {
  /** The first, and the first that is not one of them any more; null where the period has no such end. */
  readonly first: Date | null;
  readonly end: Date | null;
  /** What is left, in `cost_lines`; null for nothing. */
  readonly rest: SQL | null;
}

function wholeDaysOf({ from, to }: CostFilter): WholeDays {
  const first = from ? new Date(Math.ceil(from.getTime() / DAY_MS) * DAY_MS) : null;
  const end = to ? new Date(Math.floor(to.getTime() / DAY_MS) * DAY_MS) : null;
  const within = (start: Date, until: Date) =>
    and(gte(costLines.at, start), lt(costLines.at, sql`${written(until)}::timestamptz`));
  // Both lie in one day, or the period is empty.
  if (from && to && first && end && first > end) return { first, end, rest: within(from, to) ?? null };
  const before = from && first && from < first ? within(from, first) : undefined;
  const after = to && end && end < to ? within(end, to) : undefined;
  return { first, end, rest: or(before, after) ?? null };
}

/** As PostgreSQL writes instants; beyond the year 9999 JavaScript writes years otherwise. */
const written = (at: Date) => at.toISOString().replace(/^\+0*/, '');
const dayOf = (at: Date) => written(at).replace(/T.*$/, '');

function sumsOfDays(db: Db, { callerId }: CostFilter, { first, end }: WholeDays) {
  const { day, model, callerId: caller, account, lines, videos } = costDays;
  const { settledMicroUsd: settled, upstreamMicroUsd: billed, lostMicroUsd: lost } = costDays;
  return db
    .select({ day, model, caller, account, lines, videos, settled, billed, lost })
    .from(costDays)
    .where(
      and(
        gt(lines, 0),
        callerId === null ? undefined : eq(caller, callerId),
        first === null ? undefined : gte(day, dayOf(first)),
        end === null ? undefined : lt(day, dayOf(end)),
      ),
    );
}

function linesOf(db: Db, { callerId }: CostFilter, rest: SQL) {
  const { model, callerId: caller, account } = costLines;
  const { settledMicroUsd: settled, upstreamMicroUsd: billed, lostMicroUsd: lost } = costLines;
  const day = sql<string>`(${costLines.at} at time zone 'UTC')::date`.as('day');
  const lines = sql<number>`1::bigint`.as('lines');
  const videos = sql<number>`${costLines.videos}::bigint`.as('videos');
  return db
    .select({ day, model, caller, account, lines, videos, settled, billed, lost })
    .from(costLines)
    .where(and(rest, callerId === null ? undefined : eq(caller, callerId)));
}

/** Costs of the videos that ended in a period, and of the tasks made in it that belong to none. */
export async function costs(db: Db, filter: CostFilter): Promise<readonly CostItem[]> {
  const { groupBy } = filter;
  const days = wholeDaysOf(filter);
  const whole = sumsOfDays(db, filter, days);
  const parts = days.rest === null ? whole.as('parts') : unionAll(whole, linesOf(db, filter, days.rest)).as('parts');
  const columns = {
    day: sql<string>`${parts.day}`,
    model: sql<string | null>`${parts.model}`,
    caller: sql<string | null>`${parts.caller}`,
    account: sql<string | null>`${parts.account}`,
  } as const satisfies Record<CostGroup, unknown>;
  const groups = Object.fromEntries(groupBy.map((group) => [group, columns[group]]));
  const positions = groupBy.map((_, index) => sql.raw(String(index + 1)));
  const sum = (column: SQLWrapper) => sql<number>`coalesce(sum(${column}), 0)`.mapWith(Number);
  // A video with lines at several accounts counts at each of them, and once where accounts are not asked for.
  const counted = groupBy.includes('account')
    ? sql`case when ${parts.caller} is not null then ${parts.lines} end`
    : parts.videos;
  return await db
    .select({
      ...groups,
      videos: sum(counted),
      settledMicroUsd: sum(parts.settled),
      upstreamMicroUsd: sum(parts.billed),
      lostMicroUsd: sum(parts.lost),
    })
    .from(parts)
    .groupBy(...positions)
    .orderBy(...positions.map((position) => asc(position)));
}
