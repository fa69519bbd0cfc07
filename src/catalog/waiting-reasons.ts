/** Why videos in the queue wait, read off their accounts and off what became of their last creates. */

import { and, eq, gt, inArray, sql } from 'drizzle-orm';
import type { Video } from '../domain/video.ts';
import { WAITING_KINDS, type WaitingFor, type WaitingKind } from '../domain/waiting-for.ts';
import type { Db } from './driver/database.ts';
import { accountModels, accounts } from './tables/accounts.ts';
import { waiting } from './tables/queue.ts';
import { submissions } from './tables/submissions.ts';

/** What keeps an account from making a video of a model, the least lasting first. */
const OBSTACLES = [
  'slot',
  'account_doubtful',
  'model_suspended',
  'account_paused',
  'account_suspended',
] as const satisfies readonly WaitingKind[];

interface Obstacle {
  readonly kind: (typeof OBSTACLES)[number];
  /** Null where it has no beginning of its own. */
  readonly since: Date | null;
  readonly until: Date | null;
}

/** Of a slot that no account has: a later configuration, or its upstream, may offer the model again. */
const NOT_OFFERED = 'no configured account offers its model now';

/** A workflow that has not opened its video by then has not heard of it. */
const OPENS_WITHIN_MS = 10_000;

/** What each of these videos waits for; those that wait for nothing are left out. */
export async function readWaits(db: Db, some: readonly Video[]): Promise<ReadonlyMap<string, WaitingFor>> {
  const unended = some.filter(({ endedAt }) => endedAt === null);
  const queued = unended.filter(({ state, waitingFor }) => state === 'queued' && waitingFor === null);
  const delays = await readDelays(db, queued);
  const obstacles = await readObstacles(db, [...new Set(queued.map(({ request }) => request.model))]);
  const waits = unended.map((video): [string, WaitingFor | null] => {
    if (video.state !== 'queued' || video.waitingFor !== null) return [video.id, video.waitingFor];
    return [video.id, delays.get(video.id) ?? waitOf(video, obstacles.get(video.request.model))];
  });
  return new Map(waits.flatMap(([id, wait]): [string, WaitingFor][] => (wait === null ? [] : [[id, wait]])));
}

function waitOf({ createdAt, openedAt }: Video, obstacle: Obstacle | undefined): WaitingFor {
  const isUnheard = openedAt === null && Date.now() - createdAt.getTime() > OPENS_WITHIN_MS;
  const { kind, since, until } = isUnheard
    ? ({ kind: 'temporal', since: null, until: null } as const)
    : (obstacle ?? { kind: 'slot', since: null, until: null });
  const from = new Date(Math.max(createdAt.getTime(), since?.getTime() ?? 0));
  const detail = isUnheard || obstacle ? WAITING_KINDS[kind] : NOT_OFFERED;
  return { kind, since: from.toISOString(), until: until?.toISOString() ?? null, detail };
}

/** Videos that may not be granted again before some time: their last create was refused, or its answer was lost. */
async function readDelays(db: Db, queued: readonly Video[]): Promise<ReadonlyMap<string, WaitingFor>> {
  const ids = queued.map(({ id }) => id);
  const rows = await db
    .selectDistinctOn([waiting.videoId], { id: waiting.videoId, until: waiting.notBefore, last: submissions })
    .from(waiting)
    .innerJoin(submissions, eq(submissions.videoId, waiting.videoId))
    .where(and(inArray(waiting.videoId, ids), gt(waiting.notBefore, sql`now()`)))
    .orderBy(waiting.videoId, sql`${submissions.n} desc`);
  return new Map(
    rows.map(({ id, until, last }): [string, WaitingFor] => {
      const isLost = last.answered !== null;
      const words = last.lastError?.['message'];
      const refused = `the upstream refused it, which is tried again${typeof words === 'string' ? `: ${words}` : ''}`;
      return [
        id,
        {
          kind: isLost ? 'lost_answer' : 'slot',
          since: (last.endedAt ?? last.grantedAt).toISOString(),
          until: until?.toISOString() ?? null,
          detail: isLost ? `${WAITING_KINDS.lost_answer}, and it is sent again` : refused,
        },
      ];
    }),
  );
}

/** The least lasting obstacle of each model's accounts. */
async function readObstacles(db: Db, models: readonly string[]): Promise<ReadonlyMap<string, Obstacle>> {
  const isDoubtful = sql<boolean>`exists (select 1 from ${submissions} where ${submissions.credential} = ${accounts.credential}
    and ${submissions.singleLane} and ${submissions.state} = 'unconfirmed')`;
  const rows = await db
    .select({ model: accountModels.model, suspendedUntil: accountModels.suspendedUntil, account: accounts, isDoubtful })
    .from(accountModels)
    .innerJoin(accounts, eq(accounts.id, accountModels.account))
    .where(and(inArray(accountModels.model, [...models]), accounts.configured));
  const least = new Map<string, Obstacle>();
  for (const row of rows) {
    const found = obstacleOf(row);
    const known = least.get(row.model);
    if (!known || OBSTACLES.indexOf(found.kind) < OBSTACLES.indexOf(known.kind)) least.set(row.model, found);
  }
  return least;
}

function obstacleOf({
  account: { suspendedAt, pausedByOperator, pausedUntil, troubledAt },
  suspendedUntil,
  isDoubtful,
}: {
  readonly account: typeof accounts.$inferSelect;
  readonly suspendedUntil: Date | null;
  readonly isDoubtful: boolean;
}): Obstacle {
  const isAhead = (at: Date | null) => at !== null && at.getTime() > Date.now();
  if (suspendedAt !== null) return { kind: 'account_suspended', since: suspendedAt, until: null };
  if (pausedByOperator) return { kind: 'account_paused', since: null, until: null };
  if (isAhead(pausedUntil)) return { kind: 'account_paused', since: troubledAt, until: pausedUntil };
  if (isAhead(suspendedUntil)) return { kind: 'model_suspended', since: null, until: suspendedUntil };
  return { kind: isDoubtful ? 'account_doubtful' : 'slot', since: null, until: null };
}
