/** What the sweep needs to compare videos with their workflows: which are due, and what was found. */

import { and, asc, eq, exists, inArray, isNotNull, isNull, lt, or, sql } from 'drizzle-orm';
import { type SubmissionState, TASK_SUBMISSION_STATES } from '../domain/submission.ts';
import type { Video } from '../domain/video.ts';
import type { Db } from './driver/database.ts';
import { submissions, videos, waiting } from './schema.ts';
import { toVideo } from './videos.ts';

const LIMIT = 500;

/** A video that is due, and how often it had to be started again. */
export interface AuditedVideo {
  readonly video: Video;
  readonly resumes: number;
}

/** Where the catalog has a video. */
export interface VideoStanding {
  readonly isEnded: boolean;
  readonly isWaiting: boolean;
  /** Of its submissions. */
  readonly states: ReadonlySet<SubmissionState>;
}

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

/**
 * Videos with something left to do (no end, or a task that runs or may run) that were not compared since `auditedBefore`,
 * and those of `alsoIds` whatever their last time.
 */
export async function listUnaudited(
  db: Db,
  {
    auditedBefore,
    alsoIds,
    limit,
  }: { readonly auditedBefore: Date; readonly alsoIds: readonly string[]; readonly limit: number },
) {
  const old = sql`coalesce(${videos.auditedAt}, ${videos.openedAt}) < ${auditedBefore.toISOString()}::timestamptz`;
  const hasTask = exists(
    db
      .select({ id: submissions.id })
      .from(submissions)
      .where(and(eq(submissions.videoId, videos.id), inArray(submissions.state, [...TASK_SUBMISSION_STATES]))),
  );
  const named = alsoIds.length > 0 ? inArray(videos.id, [...alsoIds]) : undefined;
  const rows = await db
    .select()
    .from(videos)
    .where(and(or(isNull(videos.endedAt), hasTask), named ? or(old, named) : old))
    .orderBy(sql`${videos.auditedAt} asc nulls first`)
    .limit(limit);
  return rows.map((row) => ({ video: toVideo(row), resumes: row.resumes }));
}

/** The latest instant that any video's row bears: an older copy of the catalog knows nothing that is newer. */
export async function readNewestInstant(db: Db): Promise<Date | null> {
  const newest = sql<string | null>`max(greatest(${videos.createdAt}, ${videos.polledAt}, ${videos.endedAt}))`;
  const [row] = await db.select({ newest }).from(videos);
  return row?.newest ? new Date(row.newest) : null;
}

/** What the catalog has of videos, to be compared with their workflows; those that it does not have are left out. */
export async function listStandings(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, VideoStanding>> {
  const some = [...ids];
  if (some.length === 0) return new Map();
  const rows = await db
    .select({ id: videos.id, endedAt: videos.endedAt, isWaiting: isNotNull(waiting.videoId) })
    .from(videos)
    .leftJoin(waiting, eq(waiting.videoId, videos.id))
    .where(inArray(videos.id, some));
  const tries = await db
    .select({ videoId: submissions.videoId, state: submissions.state })
    .from(submissions)
    .where(inArray(submissions.videoId, some));
  const standings = rows.map(({ id, endedAt, isWaiting }): [string, VideoStanding] => {
    const states = tries.filter(({ videoId }) => videoId === id).map(({ state }) => state);
    return [id, { isEnded: endedAt !== null, isWaiting: Boolean(isWaiting), states: new Set(states) }];
  });
  return new Map(standings);
}

/** Has a video compared with its workflow in the next sweep. */
export async function auditSoon(db: Db, id: string): Promise<void> {
  await db
    .update(videos)
    .set({ auditedAt: new Date(0) })
    .where(eq(videos.id, id));
}

export async function noteAudit(db: Db, id: string): Promise<void> {
  await db.update(videos).set({ auditedAt: new Date() }).where(eq(videos.id, id));
}

export async function noteResume(db: Db, id: string): Promise<void> {
  await db
    .update(videos)
    .set({ resumes: sql`${videos.resumes} + 1` })
    .where(eq(videos.id, id));
}
