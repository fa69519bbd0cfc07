/** What the sweep needs to compare videos with their workflows: which are due, and what was found. */

import { and, asc, eq, inArray, isNull, lt, type SQL, sql } from 'drizzle-orm';
import { TASK_SUBMISSION_STATES } from '../domain/submission.ts';
import type { Video } from '../domain/video.ts';
import { type Db, listed, rowsOf } from './driver/database.ts';
import { videos } from './tables/videos.ts';
import { isBehindVideo, toVideo } from './videos.ts';

const LIMIT = 500;

/** Accepted videos whose workflow never ran, although it should have by now: the oldest, or those that come `after` one. */
export async function listUnopened(
  db: Db,
  acceptedBefore: Date,
  after: Pick<Video, 'id' | 'createdAt'> | null = null,
): Promise<readonly Video[]> {
  const isUnopened = and(isNull(videos.endedAt), isNull(videos.openedAt), lt(videos.createdAt, acceptedBefore));
  const rows = await db
    .select()
    .from(videos)
    .where(and(isUnopened, after ? isBehindVideo(after, 'oldest') : undefined))
    .orderBy(asc(videos.createdAt), asc(videos.id))
    .limit(LIMIT);
  return rows.map(toVideo);
}

/** How often a video is compared with its workflow; each restart that did not last doubles it, up to six hours. */
const AUDIT_INTERVAL_MS = 10 * 60_000;
/** The same where visibility tells that the workflow has closed; the first time at once. */
const CLOSED_INTERVAL_MS = 60_000;
const LONGEST_INTERVAL_MS = 6 * 60 * 60_000;
/** As in the index `videos_unended`. */
const MOST_DOUBLINGS = 10;

/** When a video was last compared, or first ran. */
const COMPARED_AT = sql`coalesce(v.audited_at, v.opened_at)`;
const DOUBLINGS = sql`least(v.resumes, ${sql.raw(String(MOST_DOUBLINGS))})`;

/** Before which a video must have been compared to be due. */
function dueBefore(intervalMs: SQL, doublings: SQL): SQL {
  return sql`now() - least(${intervalMs} * power(2, ${doublings}), ${LONGEST_INTERVAL_MS}) * interval '1 millisecond'`;
}

/**
 * Videos with something left to do (no end, or a task that runs or may run) that are due to be compared with their
 * workflows, longest uncompared first; those of `closed` sooner, for their workflows are known to have closed.
 */
export async function listUnaudited(
  db: Db,
  { closed, limit }: { readonly closed: readonly string[]; readonly limit: number },
): Promise<readonly Video[]> {
  const states = listed(TASK_SUBMISSION_STATES);
  const hasTask = sql`exists (select from submissions s where s.video_id = v.id and s.state in (${states}))`;
  const interval = sql`${AUDIT_INTERVAL_MS}::float8`;
  const closedInterval = sql`case when v.resumes = 0 then 0 else ${CLOSED_INTERVAL_MS}::float8 end`;
  // Each part goes along an index of its own to what is due; one condition over all of them would read all videos.
  const result = await db.execute(sql`
    select due.id from (
      select v.id, v.compared_at from generate_series(0, ${MOST_DOUBLINGS}::int) doublings cross join lateral (
        select v.id, ${COMPARED_AT} as compared_at from videos v
        where v.ended_at is null and v.opened_at is not null and ${DOUBLINGS} = doublings
          and ${COMPARED_AT} < ${dueBefore(interval, sql`doublings`)}
        order by ${COMPARED_AT} limit ${limit}
      ) v
      union
      select v.id, ${COMPARED_AT} from submissions s join videos v on v.id = s.video_id
      where s.state in (${states}) and v.ended_at is not null and ${COMPARED_AT} < ${dueBefore(interval, DOUBLINGS)}
      union
      select v.id, coalesce(${COMPARED_AT}, v.created_at) from videos v
      where v.id = any(${sql.param([...closed])}::text[]) and (v.ended_at is null or ${hasTask})
        and coalesce(${COMPARED_AT}, v.created_at) < ${dueBefore(closedInterval, DOUBLINGS)}
    ) due order by due.compared_at limit ${limit}`);
  const ids = rowsOf<{ readonly id: string }>(result).map(({ id }) => id);
  const rows = await db
    .select()
    .from(videos)
    .where(inArray(videos.id, ids))
    .orderBy(sql`coalesce(audited_at, opened_at)`);
  return rows.map(toVideo);
}

/** The video's workflow runs: what it lived through is over. */
export async function noteRunning(db: Db, id: string): Promise<void> {
  await db.update(videos).set({ auditedAt: sql`now()`, resumes: 0 }).where(eq(videos.id, id));
}

/** The video's workflow had to be started again. */
export async function noteResume(db: Db, id: string): Promise<void> {
  await db
    .update(videos)
    .set({ auditedAt: sql`now()`, resumes: sql`${videos.resumes} + 1` })
    .where(eq(videos.id, id));
}

/** When the newest video was accepted: an older copy of the catalog knows of none that is newer. */
export async function readNewestAcceptance(db: Db): Promise<Date | null> {
  const [row] = await db.select({ at: videos.createdAt }).from(videos).orderBy(sql`created_at desc, id desc`).limit(1);
  return row?.at ?? null;
}
