/** What the sweep needs to compare videos with their workflows: which are due, and what was found. */

import { and, asc, eq, inArray, isNull, lt, type SQL, sql } from 'drizzle-orm';
import { TASK_SUBMISSION_STATES } from '../domain/submission.ts';
import type { Video } from '../domain/video.ts';
import { type Db, rowsOf } from './driver/database.ts';
import { videos } from './schema.ts';
import { toVideo } from './videos.ts';

const LIMIT = 500;

/** Accepted videos whose workflow never ran, although it should have by now: the oldest, or those that come `after` one. */
export async function listUnopened(
  db: Db,
  acceptedBefore: Date,
  after: Pick<Video, 'id' | 'createdAt'> | null = null,
): Promise<readonly Video[]> {
  const isLater =
    after && sql`(${videos.createdAt}, ${videos.id}) > (${after.createdAt.toISOString()}::timestamptz, ${after.id})`;
  const isUnopened = and(isNull(videos.endedAt), isNull(videos.openedAt), lt(videos.createdAt, acceptedBefore));
  const rows = await db
    .select()
    .from(videos)
    .where(and(isUnopened, isLater ?? undefined))
    .orderBy(asc(videos.createdAt), asc(videos.id))
    .limit(LIMIT);
  return rows.map(toVideo);
}

/** How often a video is compared with its workflow; each restart that did not last doubles it, up to six hours. */
const AUDIT_INTERVAL_MS = 10 * 60_000;
/** The same where visibility tells that the workflow has closed; the first time at once. */
const CLOSED_INTERVAL_MS = 60_000;
const LONGEST_INTERVAL_MS = 6 * 60 * 60_000;
const MOST_DOUBLINGS = 10;

/** When a video was last compared, or first ran, plus this interval, is over. */
function isDue(intervalMs: SQL): SQL {
  return sql`coalesce(v.audited_at, v.opened_at, v.created_at)
    + least(${intervalMs} * power(2, least(v.resumes, ${MOST_DOUBLINGS})), ${LONGEST_INTERVAL_MS}) * interval '1 millisecond' < now()`;
}

/**
 * Videos with something left to do (no end, or a task that runs or may run) that are due to be compared with their
 * workflows, longest uncompared first; those of `closed` sooner, for their workflows are known to have closed.
 */
export async function listUnaudited(
  db: Db,
  { closed, limit }: { readonly closed: readonly string[]; readonly limit: number },
): Promise<readonly Video[]> {
  const states = sql.join(
    TASK_SUBMISSION_STATES.map((state) => sql`${state}`),
    sql`, `,
  );
  // Each half goes along an index of its own; one condition over both would read all videos.
  const result = await db.execute(sql`
    select v.id from (
      select id from videos where ended_at is null
      union
      select video_id from submissions where state in (${states})
    ) open join videos v on v.id = open.id
    where ${isDue(sql`case when v.id = any(${sql.param([...closed])}::text[])
        then case when v.resumes = 0 then 0 else ${CLOSED_INTERVAL_MS}::float8 end
        else ${AUDIT_INTERVAL_MS}::float8 end`)}
      and (v.opened_at is not null or v.id = any(${sql.param([...closed])}::text[]))
    order by v.audited_at nulls first limit ${limit}`);
  const ids = rowsOf<{ readonly id: string }>(result).map(({ id }) => id);
  const rows = await db.select().from(videos).where(inArray(videos.id, ids)).orderBy(asc(videos.auditedAt));
  return rows.map(toVideo);
}

/** The video's workflow runs: what it lived through is over. */
export async function noteRunning(db: Db, id: string): Promise<void> {
  await db.update(videos).set({ auditedAt: new Date(), resumes: 0 }).where(eq(videos.id, id));
}

/** The video's workflow had to be started again. */
export async function noteResume(db: Db, id: string): Promise<void> {
  await db
    .update(videos)
    .set({ auditedAt: new Date(), resumes: sql`${videos.resumes} + 1` })
    .where(eq(videos.id, id));
}

/** When the newest video was accepted: an older copy of the catalog knows of none that is newer. */
export async function readNewestAcceptance(db: Db): Promise<Date | null> {
  const [row] = await db.select({ at: videos.createdAt }).from(videos).orderBy(sql`created_at desc, id desc`).limit(1);
  return row?.at ?? null;
}
