/** How long models took lately: from a clip's submission to its end, over the latest that completed. */

import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from './driver/database.ts';

/** Of each model. */
export const LATEST_CLIPS = 20;

export interface ModelTimes {
  /** How many clips it is known from, `LATEST_CLIPS` at the most. */
  readonly clips: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
}

/** By model; models of which nothing completed are left out. */
export async function readModelTimes(db: Db, models: readonly string[]): Promise<ReadonlyMap<string, ModelTimes>> {
  const result = await db.execute(sql`
    select m.model, count(*)::int as clips,
      round(percentile_disc(0.5) within group (order by took.ms))::float8 as "p50Ms",
      round(percentile_disc(0.9) within group (order by took.ms))::float8 as "p90Ms"
    from unnest(${sql.param([...models])}::text[]) m (model), lateral (
      select extract(epoch from v.ended_at - v.submitted_at) * 1000 as ms from videos v
      where v.model = m.model and v.state = 'completed' and v.submitted_at is not null
      order by v.ended_at desc limit ${LATEST_CLIPS}
    ) took group by m.model`);
  const rows = rowsOf<ModelTimes & { readonly model: string }>(result);
  return new Map(rows.map(({ model, ...times }) => [model, times]));
}
