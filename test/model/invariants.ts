/** What must hold of slots, queues and money while videos are played at random, and when all is over. */

import { and, count, eq, inArray, isNotNull, sql } from 'drizzle-orm';
import { callers, ledger } from '../../src/catalog/tables/callers.ts';
import { pools, waiting } from '../../src/catalog/tables/queue.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { events, videos } from '../../src/catalog/tables/videos.ts';
import type { NextStep } from '../../src/domain/step.ts';
import { OPEN_SUBMISSION_STATES } from '../../src/domain/submission.ts';
import { ESTIMATE, type Scene } from './scene.ts';

/** A video and where its workflow stands; while a step is under way nothing else is done with it. */
export interface Player {
  readonly id: string;
  next: NextStep;
  busy: boolean;
  /** It has asked for a slot and waits in the queue; before that its workflow is about to ask. */
  waits: boolean;
}

const isOpen = inArray(submissions.state, [...OPEN_SUBMISSION_STATES]);

export class Invariants {
  readonly #scene: Scene;
  readonly #players: readonly Player[];
  readonly #mostOpen = new Map<string, number>();
  readonly #times = new Map<string, number>();

  constructor(scene: Scene, players: readonly Player[]) {
    this.#scene = scene;
    this.#players = players;
  }

  /** What must hold whenever nothing is under way in the catalog. */
  async check(): Promise<void> {
    expect(await this.#overfull()).toEqual([]);
    expect(await this.#crowdedLanes()).toEqual([]);
    expect(await this.#misplaced()).toEqual([]);
    expect(await this.#forgotten()).toEqual([]);
    await this.#checkTimes();
  }

  /** Accounts with more open submissions than their limit, unless they had as many before it was lowered. */
  async #overfull(): Promise<readonly string[]> {
    const rows = await this.#scene.db
      .select({ account: submissions.account, open: count() })
      .from(submissions)
      .where(isOpen)
      .groupBy(submissions.account);
    const open = new Map(rows.map((row) => [row.account, row.open]));
    const wrong: string[] = [];
    for (const { id: account, maxConcurrentTasks: limit } of this.#scene.accounts) {
      const now = open.get(account) ?? 0;
      if (now > Math.max(limit, this.#mostOpen.get(account) ?? 0)) wrong.push(`${account}: ${now} of ${limit}`);
      this.#mostOpen.set(account, now);
    }
    return wrong;
  }

  async #crowdedLanes() {
    return await this.#scene.db
      .select({ account: submissions.account, inFlight: count() })
      .from(submissions)
      .where(and(submissions.singleLane, inArray(submissions.state, ['granted', 'sending', 'unconfirmed'])))
      .groupBy(submissions.account)
      .having(sql`count(*) > 1`);
  }

  /** Videos that wait although they have a slot or an end, or that have a slot to begin with after their end. */
  async #misplaced() {
    const { db } = this.#scene;
    const queuedWithSlot = await db
      .select({ id: waiting.videoId })
      .from(waiting)
      .innerJoin(submissions, and(eq(submissions.videoId, waiting.videoId), isOpen));
    const queuedAfterEnd = await db
      .select({ id: waiting.videoId })
      .from(waiting)
      .innerJoin(videos, and(eq(videos.id, waiting.videoId), isNotNull(videos.endedAt)));
    const grantedAfterEnd = await db
      .select({ id: submissions.videoId })
      .from(submissions)
      .innerJoin(videos, and(eq(videos.id, submissions.videoId), isNotNull(videos.endedAt)))
      .where(eq(submissions.state, 'granted'));
    return [...queuedWithSlot, ...queuedAfterEnd, ...grantedAfterEnd];
  }

  /** Videos whose workflow waits for a slot that would never be granted. */
  async #forgotten(): Promise<readonly string[]> {
    const { db } = this.#scene;
    const queued = new Set((await db.select().from(waiting)).map(({ videoId }) => videoId));
    const open = new Set((await db.select().from(submissions).where(isOpen)).map(({ videoId }) => videoId));
    const ended = new Set((await db.select().from(videos).where(isNotNull(videos.endedAt))).map(({ id }) => id));
    const told = this.#players.filter(({ busy, waits }) => waits && !busy);
    return told.map(({ id }) => id).filter((id) => !queued.has(id) && !open.has(id) && !ended.has(id));
  }

  async #checkTimes(): Promise<void> {
    for (const { id, virtualTime } of await this.#scene.db.select().from(pools)) {
      expect(virtualTime).toBeGreaterThanOrEqual(this.#times.get(id) ?? 0);
      this.#times.set(id, virtualTime);
    }
  }

  /** What must be true when all is over: every task paid for belongs to a video, once, and the sums agree. */
  async checkEnd(): Promise<void> {
    const { db, upstream } = this.#scene;
    expect(await db.select().from(waiting)).toEqual([]);
    expect(await db.select().from(submissions).where(isOpen)).toEqual([]);
    const claimed = (await db.select().from(submissions)).flatMap(({ taskId }) => taskId ?? []);
    expect(claimed.toSorted()).toEqual(upstream.tasks.map(({ taskId }) => taskId).toSorted());
    const paidTwice = this.#players.filter(({ id }) => upstream.tasksOf(id).length > 1);
    expect(paidTwice).toEqual([]);
    expect(this.#scene.logged).toEqual([]);
    expect(await db.select().from(events)).toHaveLength(this.#players.length);
    await this.#checkMoney();
  }

  async #checkMoney(): Promise<void> {
    const { db } = this.#scene;
    const rows = await db.select().from(ledger);
    for (const caller of await db.select().from(callers)) {
      const own = rows.filter(({ callerId }) => callerId === caller.id);
      const settled = own.filter(({ kind }) => kind === 'settle');
      expect(caller).toMatchObject({
        heldMicroUsd: 0,
        unendedVideos: 0,
        availableMicroUsd: own.reduce((sum, { amountMicroUsd }) => sum + amountMicroUsd, 0),
        spentMicroUsd: 0 - settled.reduce((sum, { amountMicroUsd }) => sum + amountMicroUsd, 0),
      });
    }
    expect(rows.filter(({ kind }) => kind === 'hold').every(({ amountMicroUsd }) => amountMicroUsd === -ESTIMATE)).toBe(
      true,
    );
    expect(rows.filter(({ kind }) => kind === 'release')).toHaveLength(this.#players.length);
  }
}
