/** Slots under real concurrency: eight connections at once, and none wait for each other in a circle. */

import { count, inArray, sql } from 'drizzle-orm';
import fc from 'fast-check';
import { resumeAccount } from '../../src/catalog/account-health.ts';
import { type CatalogDatabase, openDatabase } from '../../src/catalog/driver/database.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { OPEN_SUBMISSION_STATES } from '../../src/domain/submission.ts';
import type { Player } from '../model/invariants.ts';
import { PLANS, Play } from '../model/play.ts';
import { Scene } from '../model/scene.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';

const CONNECTIONS = 8;
const VIDEOS = 60;
const ACCOUNTS = [
  { id: 'a', maxConcurrentTasks: 2 },
  { id: 'b', maxConcurrentTasks: 1 },
  { id: 'c', maxConcurrentTasks: 3 },
];
const MOST = new Map(ACCOUNTS.map(({ id, maxConcurrentTasks }) => [id, maxConcurrentTasks]));

const PROVIDERS = [
  ['with a list', { honoursIdempotencyKey: false, listWindow: { answeredMs: 0, unansweredMs: 0 } }],
  ['with keys', { honoursIdempotencyKey: true, listWindow: null }],
] as const;

const isOpen = inArray(submissions.state, [...OPEN_SUBMISSION_STATES]);

/** Deadlocks that the server has had to break, as far as its connections have reported them. */
async function countDeadlocks({ db }: CatalogDatabase): Promise<number> {
  const result = await db.execute(sql`select deadlocks from pg_stat_database where datname = current_database()`);
  const [row] = (result as unknown as { rows: { deadlocks: string }[] }).rows;
  return Number(row?.deadlocks);
}

/** Eight workers that take the steps of sixty videos, cancel some, and pause, grant and lower limits meanwhile. */
class Crowd {
  readonly #play: Play;
  readonly #rolls: readonly number[];
  #rolled = 0;

  constructor(play: Play) {
    this.#play = play;
    this.#rolls = fc.sample(fc.nat({ max: 9999 }), 500);
  }

  #roll(): number {
    return this.#rolls[this.#rolled++ % this.#rolls.length] ?? 0;
  }

  #unended(): readonly Player[] {
    return this.#play.players.filter(({ next }) => next.step !== 'ended');
  }

  async run(): Promise<void> {
    const workers = Array.from({ length: CONNECTIONS }, () => this.#work());
    await Promise.all([...workers, this.#watchLimits()]);
  }

  async #work(): Promise<void> {
    for (let unended = this.#unended(); unended.length > 0; unended = this.#unended()) {
      const player = unended[this.#roll() % unended.length];
      const chance = this.#roll() % 100;
      if (chance < 4 && player) await this.#play.scene.end(player.id, 'cancelled');
      else if (chance < 12) await this.#disturb();
      else if (player && !player.busy) await this.#step(player);
      else await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #step(player: Player): Promise<void> {
    const { scene } = this.#play;
    player.busy = true;
    if (player.next.step === 'watch') {
      const result = { url: 'https://cdn.example/clip.mp4', needsKey: false, expiresAtMs: null };
      scene.upstream.finish(player.next.task.taskId, { kind: 'succeeded', result, costMicroUsd: 900_000 });
    }
    player.next = await scene.take(player.id, player.next);
    player.busy = false;
  }

  async #disturb(): Promise<void> {
    const kinds = ['resume', 'pause', 'restore', 'time', 'sweep', 'resume'] as const;
    const kind = kinds[this.#roll() % kinds.length] ?? 'sweep';
    await this.#play.do({ kind, pick: this.#roll() });
    if (kind === 'pause') await this.#play.do({ kind: 'resume', pick: this.#roll() });
  }

  /** Every look is one snapshot, so what it shows was true at one moment. */
  async #watchLimits(): Promise<void> {
    const { db } = this.#play.scene;
    while (this.#unended().length > 0) {
      const rows = await db
        .select({ account: submissions.account, open: count() })
        .from(submissions)
        .where(isOpen)
        .groupBy(submissions.account);
      for (const { account, open } of rows) expect(open).toBeLessThanOrEqual(MOST.get(account) ?? 0);
      // Refusals pause and suspend; an operator lifts that again.
      for (const { id } of ACCOUNTS) await resumeAccount(db, id);
      await db.execute(sql`update account_models set suspended_until = null`);
    }
  }
}

describeOnBothCatalogs('slots, asked for by many at once', (catalog) => {
  test.each(PROVIDERS)(
    'at providers %s are kept and granted without a deadlock',
    async (_name, facts) => {
      const { databaseUrl } = catalog;
      if (databaseUrl === null) return;
      const before = await countDeadlocks(catalog.database);
      const database = await openDatabase({ databaseUrl, dataDir: '' });
      const scene = new Scene(database.db, { ...facts, accounts: ACCOUNTS, createTimeoutMs: 5000 });
      const play = await new Play(scene).furnish();
      const plans = fc.sample(fc.constantFrom(...PLANS), VIDEOS);
      for (const pick of plans.keys()) await play.do({ kind: 'accept', pick });
      for (const [i, plan] of plans.entries()) scene.upstream.plan(play.players[i]?.id ?? '', plan);
      await new Crowd(play).run();
      await play.checkEnd();
      await database.close();
      expect(await countDeadlocks(catalog.database)).toBe(before);
    },
    120_000,
  );
});
