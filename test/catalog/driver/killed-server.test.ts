/** A PostgreSQL that is killed under load: what is under way fails, and the process goes on once the server is back. */

import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { findPostgresBinaries, type PostgresServer, startPostgres } from '../../../bench/postgres-server.ts';
import { type CatalogDatabase, type Db, inTransaction, openDatabase } from '../../../src/catalog/driver/database.ts';
import { isCatalogAway } from '../../../src/catalog/driver/database-error.ts';
import { settings } from '../../../src/catalog/tables/settings.ts';

const WORKERS = 24;
/** More than the pool has connections: one that is lost for good in each kill would be missed. */
const KILLS = 3;

/** Writes in transactions, one after the other, until it is stopped; how many went well and how many failed. */
function putUnderLoad({ db }: CatalogDatabase) {
  let isStopped = false;
  const count = { done: 0, failed: 0 };
  /** Failures that do not say that the server is away. */
  const others: unknown[] = [];
  const write = async (tx: Db, name: string) => {
    await tx
      .insert(settings)
      .values({ name, value: '0' })
      .onConflictDoUpdate({ target: settings.name, set: { value: sql`'1'` } });
    await tx.execute(sql`select pg_sleep(0.002)`);
  };
  const work = async (name: string) => {
    while (!isStopped) {
      try {
        await inTransaction(db, (tx) => write(tx, name));
        await db.select().from(settings);
        count.done++;
      } catch (error) {
        count.failed++;
        if (!isCatalogAway(error)) others.push(error);
        await sleep(5);
      }
    }
  };
  const running = Array.from({ length: WORKERS }, (_, n) => work(`worker ${n}`));
  return {
    count,
    others,
    /** Resolves when so many more went well. */
    async untilDone(more: number): Promise<void> {
      const enough = count.done + more;
      while (count.done < enough) await sleep(10);
    },
    async stop(): Promise<void> {
      isStopped = true;
      await Promise.all(running);
    },
  };
}

describe('a process whose PostgreSQL is killed', () => {
  let server: PostgresServer | null = null;

  afterAll(async () => server?.stop());

  test('goes on with all of its connections once the server is back', async () => {
    const binaries = findPostgresBinaries();
    if (binaries === null) return;
    server = await startPostgres(binaries);
    const database = await openDatabase({ databaseUrl: server.url, dataDir: '' });
    const heard: string[] = [];
    await database.listen('news', { onPayload: (payload) => heard.push(payload), onGap: () => heard.push('gap') });
    const load = putUnderLoad(database);
    for (let kill = 1; kill <= KILLS; kill++) {
      await load.untilDone(WORKERS);
      await server.kill();
      await sleep(200);
      await server.restart();
    }
    await load.untilDone(10 * WORKERS);
    await load.stop();
    expect(load.count.failed).toBeGreaterThan(0);
    expect(load.others).toEqual([]);
    // As many as the pool may open work at the same time: none was lost.
    const pids = await Promise.all(
      Array.from({ length: 10 }, () =>
        inTransaction(database.db, async (tx) => {
          const { rows } = (await tx.execute(sql`select pg_backend_pid() as pid, pg_sleep(0.5)`)) as unknown as {
            readonly rows: readonly { readonly pid: number }[];
          };
          return rows[0]?.pid;
        }),
      ),
    );
    expect(new Set(pids).size).toBe(10);
    while (!heard.includes('gap')) await sleep(20);
    await database.db.execute(sql`select pg_notify('news', 'back')`);
    while (!heard.includes('back')) await sleep(20);
    await database.close();
  });
});
