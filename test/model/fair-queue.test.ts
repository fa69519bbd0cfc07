/** The order of grants against a queue kept in memory: fair by weight, and blind to places that were given up. */

import { eq } from 'drizzle-orm';
import fc from 'fast-check';
import { FairQueue } from '../../bench/cluster/fair-queue.ts';
import { syncAccounts } from '../../src/catalog/accounts.ts';
import { type Db, inTransaction } from '../../src/catalog/driver/database.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { grantSlots, requestSlot } from '../../src/catalog/slots.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import type { Grant } from '../../src/domain/slot.ts';
import { makeAccount, queuePosition } from '../catalog/rows.ts';
import { describeOnBothCatalogs, emptyCatalog } from '../catalog/with-catalog.ts';
import { randomRuns, SOAK_TIMEOUT_MS } from '../random-runs.ts';
import { accept, insertCaller, offerModel, winners } from './scene.ts';

const WEIGHTS = { a: 1, b: 1, c: 3 } as const;
type Caller = keyof typeof WEIGHTS;
const CALLERS = Object.keys(WEIGHTS) as Caller[];
const MODEL = 'wan-2.6';
const SLOTS = 2;

/** A pool with two slots, played beside the queue in memory. */
class Pool {
  readonly #db: Db;
  readonly #expected = new FairQueue((caller) => 1 / WEIGHTS[caller as Caller]);
  #running: string[] = [];
  #count = 0;

  constructor(db: Db) {
    this.#db = db;
  }

  async furnish(): Promise<this> {
    await syncAccounts(this.#db, [makeAccount({ maxConcurrentTasks: SLOTS, singleLane: false })]);
    await offerModel(this.#db, MODEL, ['airforce-1']);
    for (const id of CALLERS) await insertCaller(this.#db, id, { weight: WEIGHTS[id] });
    return this;
  }

  async queue(caller: Caller): Promise<string> {
    const id = `v${String(++this.#count).padStart(4, '0')}`;
    await accept(this.#db, id, { callerId: caller });
    const taken = await inTransaction(this.#db, (tx) => requestSlot(tx, id, MODEL));
    this.#expected.queue(caller, id);
    this.#compare(taken.kind === 'queued' ? taken.grants : []);
    return id;
  }

  async giveUp(id: string): Promise<void> {
    await endVideo(this.#db, id, { state: 'cancelled', failure: null, archive: null });
    this.#expected.giveUp(id);
  }

  async giveUpOne(pick: number): Promise<void> {
    const waiting = this.#expected.all();
    const id = waiting[pick % Math.max(waiting.length, 1)];
    if (id !== undefined) await this.giveUp(id);
  }

  /** Ends the oldest task; who is granted its slot. */
  async finish(): Promise<readonly string[]> {
    const oldest = this.#running.shift();
    if (oldest === undefined) return [];
    const ended = { state: 'ended', endedAt: new Date() } as const;
    await this.#db.update(submissions).set(ended).where(eq(submissions.videoId, oldest));
    return this.#compare(await inTransaction(this.#db, (tx) => grantSlots(tx, 'main')));
  }

  /** The order as it is told to those who wait. */
  async told(): Promise<readonly string[]> {
    const order: string[] = [];
    for (const id of this.#expected.all()) order[((await queuePosition(this.#db, id)) ?? 0) - 1] = id;
    return order;
  }

  /** Ends tasks until no video waits; who is granted, in order. */
  async finishAll(): Promise<readonly string[]> {
    const granted: string[] = [];
    for (let grants = await this.finish(); grants.length > 0; grants = await this.finish()) granted.push(...grants);
    return granted;
  }

  #compare(grants: readonly Grant[]): readonly string[] {
    const expected: string[] = [];
    while (this.#running.length + expected.length < SLOTS) {
      const id = this.#expected.next();
      if (id === undefined) break;
      expected.push(id);
    }
    expect(winners(grants)).toEqual(expected);
    this.#running = [...this.#running, ...expected];
    return expected;
  }
}

const operation = fc.record({
  kind: fc.constantFrom('queue', 'queue', 'queue', 'give up', 'finish', 'finish'),
  caller: fc.constantFrom(...CALLERS),
  pick: fc.nat({ max: 1000 }),
});

describeOnBothCatalogs('the order of grants', (catalog) => {
  const open = () => new Pool(catalog.database.db).furnish();

  test(
    'is the promised one after any queueing and giving up',
    async () => {
      const property = fc.asyncProperty(fc.array(operation, { minLength: 20, maxLength: 40 }), async (operations) => {
        await emptyCatalog(catalog.database);
        const pool = await open();
        for (const { kind, caller, pick } of operations) {
          if (kind === 'queue') await pool.queue(caller);
          else if (kind === 'give up') await pool.giveUpOne(pick);
          else await pool.finish();
        }
        const told = await pool.told();
        expect(await pool.finishAll()).toEqual(told);
      });
      await fc.assert(property, { ...randomRuns(5), endOnFailure: true });
    },
    SOAK_TIMEOUT_MS,
  );

  test.each([
    ['all of forty', 40],
    ['the first thirty-nine of forty', 39],
  ])('puts no caller behind others who gave up %s places', async (_name, count) => {
    const pool = await open();
    for (let n = 0; n < SLOTS; n++) await pool.queue('b');
    const given: string[] = [];
    for (let n = 0; n < 40; n++) given.push(await pool.queue('a'));
    for (const id of given.slice(0, count)) await pool.giveUp(id);
    for (let n = 0; n < 10; n++) await pool.queue('b');
    const late = given[count] ?? (await pool.queue('a'));
    const granted = [...(await pool.finish()), ...(await pool.finish())];
    expect(granted).toContain(late);
  });
});
