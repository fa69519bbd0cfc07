/** Migrating a catalog that is in use and has a past: what waits for it gets its turn, and sums begin with what is there. */

import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import { findPostgresBinaries, type PostgresServer, startPostgres } from '../../../bench/postgres-server.ts';
import { type CostGroup, costs } from '../../../src/catalog/costs.ts';
import { openDatabase } from '../../../src/catalog/driver/database.ts';
import { migrationsFolder } from '../../../src/catalog/driver/migrations.ts';
import { recountCosts } from '../recount-costs.ts';
import { insertSubmission } from '../rows.ts';

/** The last migration before there were sums of costs. */
const BEFORE_SUMS = '0006_budgets';

/** The migrations up to this one, in a folder of their own. */
async function migrationsUpTo(tag: string, folder: string): Promise<void> {
  await cp(migrationsFolder(), folder, { recursive: true });
  const file = join(folder, 'meta', '_journal.json');
  const journal = JSON.parse(await readFile(file, 'utf8')) as { entries: { tag: string }[] };
  const end = journal.entries.findIndex((entry) => entry.tag === tag) + 1;
  await writeFile(file, JSON.stringify({ ...journal, entries: journal.entries.slice(0, end) }));
}

describe('a catalog that is migrated', () => {
  let server: PostgresServer | null = null;
  let folder = '';
  const clients: pg.Client[] = [];

  async function connect(url: string): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: url });
    clients.push(client);
    await client.connect();
    return client;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'clipyard-migrations-'));
  });
  afterAll(async () => {
    for (const client of clients) await client.end();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('keeps nobody waiting behind it, and has the sums and counts of its past', async () => {
    const binaries = findPostgresBinaries();
    if (binaries === null) return;
    server = await startPostgres(binaries);
    const { url } = server;
    const old = await connect(url);
    await migrationsUpTo(BEFORE_SUMS, folder);
    const db = drizzle(old);
    await migrate(db, { migrationsFolder: folder });
    const endedAt = new Date('2026-03-01T12:00:00.000Z');
    // With the columns of then alone.
    await old.query(
      `insert into videos (id, caller_id, dialect, state, request, model, account, estimate_micro_usd, settled_micro_usd,
        created_at, ended_at, expires_at, queue_deadline_at)
      select id, 'caller_1', 'airforce', state, '{}', 'wan-2.6', 'airforce-1', 3200000, settled, $1, ended, now(), now()
      from (values ('v1', 'completed', 90, $1::timestamptz), ('v2', 'generating', null, null))
        as given (id, state, settled, ended)`,
      [endedAt],
    );
    await insertSubmission(db, { id: 's1', videoId: 'v1', account: 'airforce-2', state: 'ended', costMicroUsd: 95 });
    await old.query(`
      insert into idempotency_keys (caller_id, key, body_hash, video_id, created_at)
      values ('caller_1', 'one', 'h', 'v1', now()), ('caller_1', 'two', 'h', 'v2', now());
      insert into callers (id, name, key_hash) values ('caller_1', 'one', 'h1'), ('caller_2', 'two', 'h2');
      insert into orphans (account, credential, task_id, cost_micro_usd, created_at)
      values ('airforce-1', 'airforce-1', 't1', 7, '2026-03-02T00:00:00.000Z')`);

    await old.query('begin');
    await old.query('lock table videos in access share mode');
    const opening = openDatabase({ databaseUrl: url, dataDir: '' });
    const other = await connect(url);
    const isWaiting = async () => {
      const { rows } = await other.query(`select from pg_stat_activity
        where application_name = 'clipyard migrations' and wait_event_type = 'Lock'`);
      return rows.length > 0;
    };
    while (!(await isWaiting())) await sleep(20);
    // It comes behind the migration, which gives way before it can have what it waits for.
    expect((await other.query('select id from videos')).rows).toHaveLength(2);
    await old.query('commit');

    const database = await opening;
    const groupBy: readonly CostGroup[] = ['day', 'model', 'caller', 'account'];
    const sums = await costs(database.db, { callerId: null, groupBy });
    expect(sums).toHaveLength(3);
    expect(sums).toEqual(await recountCosts(database.db, { callerId: null, groupBy }));
    const keys = await other.query('select key, ended_at from idempotency_keys order by key');
    expect(keys.rows).toEqual([
      { key: 'one', ended_at: endedAt },
      { key: 'two', ended_at: null },
    ]);
    const unended = await other.query('select id, unended_videos from callers order by id');
    expect(unended.rows).toEqual([
      { id: 'caller_1', unended_videos: 1 },
      { id: 'caller_2', unended_videos: 0 },
    ]);
    await database.close();
  });
});
