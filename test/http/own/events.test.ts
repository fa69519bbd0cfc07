/** Live events over real connections: what a client reads, in which order, from which process, and what it costs. */

import { sql } from 'drizzle-orm';
import { pino } from 'pino';
import { createCaller, setCallerDisabled } from '../../../src/catalog/callers.ts';
import { type CatalogDatabase, openDatabase } from '../../../src/catalog/driver/database.ts';
import { changeVideo } from '../../../src/catalog/videos.ts';
import type { VideoState } from '../../../src/domain/video.ts';
import { insertVideo } from '../../catalog/rows.ts';
import { type CatalogUnderTest, describeOnBothCatalogs } from '../../catalog/with-catalog.ts';
import { openTestGateway, type TestGateway } from '../../open-gateway.ts';
import { ROOT_KEY } from '../../open-parts.ts';
import { type ClientOptions, EventClient } from './event-client.ts';

const ALL = '/clipyard/v1/events';
const ofVideo = (id: string) => `/clipyard/v1/videos/${id}/events`;

/** A gateway of a process of its own, as far as the catalog goes. */
class Process {
  readonly #gateway: TestGateway;
  readonly url: string;
  readonly logged: readonly string[];
  readonly #clients: EventClient[] = [];
  #stopped: Promise<void> | null = null;
  /** How often changes were read from the catalog. */
  reads = 0;

  constructor(gateway: TestGateway, url: string, logged: readonly string[]) {
    this.#gateway = gateway;
    this.url = url;
    this.logged = logged;
    const { select } = gateway.db;
    jest.spyOn(gateway.db, 'select').mockImplementation(((...fields: Parameters<typeof select>) => {
      this.reads += 1;
      return select.apply(gateway.db, fields);
    }) as typeof select);
  }

  static async start({ database, databaseUrl }: CatalogUnderTest): Promise<Process> {
    const own: CatalogDatabase =
      databaseUrl === null
        ? { ...database, db: Object.create(database.db), close: async () => {} }
        : await openDatabase({ databaseUrl, dataDir: '' });
    const logged: string[] = [];
    const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) });
    const gateway = await openTestGateway({ database: own, log });
    return new Process(gateway, await gateway.app.listen({ host: '127.0.0.1', port: 0 }), logged);
  }

  async open(path: string, options: ClientOptions = {}): Promise<EventClient> {
    const client = await EventClient.open(`${this.url}${path}`, { key: ROOT_KEY, ...options });
    this.#clients.push(client);
    return client;
  }

  async ask(path: string, key: string, init: RequestInit = {}): Promise<Response> {
    return await fetch(`${this.url}${path}`, {
      ...init,
      headers: { authorization: `Bearer ${key}`, ...init.headers },
    });
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    this.#stopped ??= this.#gateway.close();
    await this.#stopped;
  }
}

describeOnBothCatalogs('live events', (catalog) => {
  let one: Process;
  const started: Process[] = [];

  async function start(): Promise<Process> {
    const process = await Process.start(catalog);
    started.push(process);
    return process;
  }

  beforeEach(async () => {
    one = await start();
  });
  afterEach(async () => {
    for (const process of started.splice(0)) await process.stop();
  });

  async function join(name: string) {
    const { caller, key } = await createCaller(catalog.database.db, { name });
    return { id: caller.id, key };
  }
  const insert = (id: string, callerId: string, state: VideoState = 'queued', batchId: string | null = null) =>
    insertVideo(catalog.database.db, { id, callerId, state, batchId });
  const change = (id: string, changes: Parameters<typeof changeVideo>[2]) =>
    changeVideo(catalog.database.db, id, changes);
  const end = (id: string, state: VideoState = 'completed') => change(id, { state, endedAt: new Date() });

  test('of a video begin with its snapshot, tell each change in order, and end with it', async () => {
    const { id: callerId, key } = await join('studio');
    await insert('video_1', callerId);
    const client = await one.open(ofVideo('video_1'), { key });
    expect(client.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await client.shown()).toEqual({ at: '1', id: 'video_1', state: 'queued', progress: 0 });
    await change('video_1', { state: 'generating', progress: 5 });
    expect(await client.shown()).toMatchObject({ at: '2', state: 'generating', progress: 5 });
    await change('video_1', { polls: 9, progress: 7 });
    await change('video_1', { progress: 60 });
    expect(await client.shown()).toMatchObject({ at: '3', progress: 60 });
    await end('video_1');
    const rest = await client.rest();
    expect(rest.map(({ id, event, data }) => [id, event, JSON.parse(data).state])).toEqual([
      ['4', undefined, 'completed'],
    ]);
    const answer = await one.ask('/clipyard/v1/videos/video_1', key);
    expect(rest[0]?.data).toBe(await answer.text());
  });

  test('of a video go on behind the last one, in any process', async () => {
    const { id: callerId, key } = await join('studio');
    await insert('video_1', callerId);
    const first = await one.open(ofVideo('video_1'), { key });
    const { at } = await first.shown();
    await one.stop();
    const other = await start();
    const second = await other.open(ofVideo('video_1'), { key, lastEventId: at });
    await change('video_1', { state: 'generating' });
    expect(await second.shown()).toMatchObject({ at: '2', state: 'generating' });
    second.close();
    await end('video_1', 'failed');
    const third = await other.open(ofVideo('video_1'), { key, lastEventId: '2' });
    expect((await third.rest()).map(({ id }) => id)).toEqual(['3']);
    // At 204 EventSource does not come again.
    expect((await other.open(ofVideo('video_1'), { key, lastEventId: '3' })).status).toBe(204);
    expect((await (await other.open(ofVideo('video_1'), { key, lastEventId: 'x' })).rest()).length).toBe(1);
  });

  test('keep callers apart, and root sees all', async () => {
    const [mine, theirs] = [await join('mine'), await join('theirs')];
    await insert('video_1', mine.id);
    await insert('video_2', theirs.id);
    expect((await one.open(ofVideo('video_2'), { key: mine.key })).status).toBe(404);
    expect((await one.open(`${ALL}?caller=${theirs.id}`, { key: mine.key })).status).toBe(403);
    expect((await one.open(ALL, { key: 'unknown' })).status).toBe(401);
    const own = await one.open(ALL, { key: mine.key });
    const all = await one.open(ALL);
    const named = await one.open(`${ALL}?caller=${theirs.id}`);
    expect((await own.shown()).id).toBe('video_1');
    expect((await all.take(2)).map(({ id }) => id)).toEqual(['video_1', 'video_2']);
    expect((await named.shown()).id).toBe('video_2');
    await end('video_2');
    await end('video_1');
    expect(await own.shown()).toMatchObject({ id: 'video_1', state: 'completed' });
    expect((await all.take(2)).map(({ id }) => id)).toEqual(['video_2', 'video_1']);
    expect(await named.shown()).toMatchObject({ id: 'video_2', state: 'completed' });
    expect((await one.open(ofVideo('video_2'))).status).toBe(200);
  });

  test('of a caller are those of new videos as well, and of deleted ones no more', async () => {
    const { id: callerId, key } = await join('studio');
    await insert('video_0', callerId, 'completed');
    const client = await one.open(ALL, { key });
    await client.until('id: ');
    await insert('video_1', callerId);
    expect(await client.shown()).toMatchObject({ id: 'video_1', state: 'queued' });
    const alone = await one.open(ofVideo('video_1'), { key });
    await alone.shown();
    await change('video_1', { hiddenAt: new Date() });
    expect(await alone.rest()).toEqual([]);
    await insert('video_2', callerId);
    expect(await client.shown()).toMatchObject({ id: 'video_2' });
    expect((await one.open(ofVideo('video_1'), { key })).status).toBe(404);
  });

  test('are those of a batch, or in some states, where that is asked for', async () => {
    const { id: callerId, key } = await join('studio');
    await insert('video_1', callerId, 'completed', 'batch_1');
    await insert('video_2', callerId, 'generating', 'batch_1');
    await insert('video_3', callerId, 'queued');
    const batch = await one.open(`${ALL}?batchId=batch_1`, { key });
    const ends = await one.open(`${ALL}?state=completed,failed`, { key });
    const generating = await one.open(`${ALL}?state=generating`, { key });
    expect((await batch.take(2)).map(({ id }) => id)).toEqual(['video_1', 'video_2']);
    expect((await generating.shown()).id).toBe('video_2');
    await ends.until('id: ');
    await change('video_3', { state: 'generating' });
    expect((await generating.shown()).id).toBe('video_3');
    await end('video_3', 'failed');
    await end('video_2');
    expect(await ends.take(2)).toMatchObject([
      { id: 'video_3', state: 'failed' },
      { id: 'video_2', state: 'completed' },
    ]);
    expect((await batch.shown()).id).toBe('video_2');
    expect((await one.open(`${ALL}?state=done`, { key })).status).toBe(400);
  });

  test('go on in another process behind any of them, without a gap and without a repeat', async () => {
    const { id: callerId, key } = await join('studio');
    const ids = Array.from({ length: 130 }, (_, index) => `video_${String(index).padStart(3, '0')}`);
    for (const id of ids.slice(0, 70)) await insert(id, callerId);
    const client = await one.open(ALL, { key });
    const seen = await client.take(70);
    expect(seen.map(({ id }) => id)).toEqual(ids.slice(0, 70));
    await catalog.database.db.transaction(async (tx) => {
      for (const id of ids.slice(70)) await insertVideo(tx, { id, callerId });
    });
    seen.push(...(await client.take(60)));
    await end('video_000');
    seen.push(await client.shown());
    expect(new Set(seen.map(({ at }) => at)).size).toBe(seen.length);
    await one.stop();
    const other = await start();
    const rest = [...ids, 'video_000'];
    for (const index of [0, 49, 50, 69, 70, 99, 128, 129, 130]) {
      const next = await other.open(ALL, { key, lastEventId: seen[index]?.at });
      // In the midst of the videos as they are come those as they are now, and then what has changed since they began.
      const missing = [...(index < 69 ? ids.slice(index + 1) : []), ...rest.slice(Math.max(index + 1, 70))];
      expect((await next.take(missing.length)).map(({ id }) => id)).toEqual(missing);
      next.close();
    }
    const last = await other.open(ALL, { key, lastEventId: seen.at(-1)?.at });
    await end('video_001');
    expect(await last.shown()).toMatchObject({ id: 'video_001', state: 'completed' });
  });

  test('begin anew for an id that this catalog has not come to', async () => {
    const { id: callerId, key } = await join('studio');
    await insert('video_1', callerId);
    for (const lastEventId of ['9000000000000:9000000000000:', '7', '1:0:', '1:5:4,3', `1:2:/3/${'x'.repeat(70)}`]) {
      const client = await one.open(ALL, { key, lastEventId });
      expect((await client.shown()).id).toBe('video_1');
      client.close();
    }
  });

  test('come in order and whole to all while several write', async () => {
    const { id: callerId, key } = await join('studio');
    const ids = Array.from({ length: 8 }, (_, index) => `video_${index}`);
    for (const id of ids) await insert(id, callerId);
    const other = catalog.databaseUrl === null ? one : await start();
    const clients = await Promise.all([one, one, other].map((process) => process.open(ALL, { key })));
    const write = async (id: string) => {
      for (const progress of [10, 20, 30, 40, 50, 60, 70, 80, 90]) await change(id, { progress });
      await end(id);
    };
    const writes = Promise.all(ids.map(write));
    for (const client of clients) {
      const progress = new Map<string, number>();
      const ended = new Set<string>();
      while (ended.size < ids.length) {
        const shown = await client.shown();
        expect(shown.progress).toBeGreaterThanOrEqual(progress.get(shown.id) ?? 0);
        expect(ended.has(shown.id)).toBe(false);
        progress.set(shown.id, shown.progress);
        if (shown.state === 'completed') ended.add(shown.id);
      }
    }
    await writes;
  });

  test('cost one read a change, however many follow', async () => {
    const { id: callerId, key } = await join('studio');
    await insert('video_1', callerId, 'generating');
    const alone = await Promise.all(Array.from({ length: 20 }, () => one.open(ofVideo('video_1'), { key })));
    const all = await Promise.all(Array.from({ length: 20 }, () => one.open(ALL, { key })));
    for (const client of [...alone, ...all]) await client.shown();
    // Until the last of them is told by the feed, it reads by itself.
    for (const progress of [10, 20]) {
      await change('video_1', { progress });
      for (const client of [...alone, ...all]) expect((await client.shown()).progress).toBe(progress);
    }
    const before = one.reads;
    await change('video_1', { progress: 30 });
    for (const client of [...alone, ...all]) expect((await client.shown()).progress).toBe(30);
    // Each of the two kinds reads the change, and what the snapshots say besides of waiting.
    expect(one.reads - before).toBeLessThanOrEqual(6);
  });

  test('miss nothing of a time without notices', async () => {
    if (catalog.databaseUrl === null) return;
    const { id: callerId, key } = await join('studio');
    await insert('video_1', callerId);
    const [alone, all] = [await one.open(ofVideo('video_1'), { key }), await one.open(ALL, { key })];
    await Promise.all([alone.shown(), all.shown()]);
    const { db } = catalog.database;
    await db.execute(sql`alter table videos disable trigger user`);
    // Written down, and told to none.
    await change('video_1', { state: 'failed', endedAt: new Date() });
    await db.execute(sql`update video_changes set revision = revision + 1, changed_in = pg_current_xact_id()`);
    await db.execute(sql`alter table videos enable trigger user`);
    await db.execute(
      sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'clipyard changes'`,
    );
    expect((await alone.rest()).map(({ data }) => JSON.parse(data).state)).toEqual(['failed']);
    expect(await all.shown()).toMatchObject({ state: 'failed' });
  });

  test('are opened by a token as well, for its caller alone, in any process', async () => {
    const [mine, theirs] = [await join('mine'), await join('theirs')];
    for (const id of ['video_1', 'video_2']) await insert(id, mine.id);
    await insert('video_3', theirs.id);
    const issue = async (body?: object) => {
      const answer = await one.ask('/clipyard/v1/stream-tokens', mine.key, {
        method: 'POST',
        ...(body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      });
      return { status: answer.status, ...((await answer.json()) as { token: string; expiresAt: string }) };
    };
    const { token, expiresAt } = await issue();
    expect(new Date(expiresAt).getTime()).toBeGreaterThan(Date.now());
    const other = await start();
    /** Without a key. */
    const open = (path: string) => EventClient.open(`${other.url}${path}`, {});
    const clients = [await open(`${ALL}?token=${token}`), await open(`${ofVideo('video_1')}?token=${token}`)];
    for (const client of clients) expect((await client.shown()).id).toBe('video_1');
    const documented = await open(`/v1/video/tasks/video_2/stream?token=${token}`);
    expect(documented.status).toBe(200);
    for (const client of [...clients, documented]) client.close();
    expect((await open(`${ofVideo('video_3')}?token=${token}`)).status).toBe(404);
    expect((await open(`/clipyard/v1/videos?token=${token}`)).status).toBe(401);
    expect((await open(`${ALL}?token=${token.slice(0, -2)}`)).status).toBe(401);
    expect((await open(`${ALL}?token=x`)).status).toBe(401);
    expect((await open(ALL)).status).toBe(401);

    const { token: narrow } = await issue({ videoId: 'video_1' });
    expect((await open(`${ofVideo('video_2')}?token=${narrow}`)).status).toBe(403);
    expect((await open(`${ALL}?token=${narrow}`)).status).toBe(403);
    const alone = await open(`${ofVideo('video_1')}?token=${narrow}`);
    expect((await alone.shown()).id).toBe('video_1');
    alone.close();
    expect((await issue({ videoId: 'video_3' })).status).toBe(404);

    await setCallerDisabled(catalog.database.db, mine.id, true);
    expect((await open(`${ALL}?token=${token}`)).status).toBe(401);
    const line = expect.stringContaining(token.slice(0, 20));
    expect([...one.logged, ...other.logged]).not.toContainEqual(line);
    expect(other.logged).not.toEqual([]);
  });

  test('end when their process stops', async () => {
    const { key } = await join('studio');
    const client = await one.open(ALL, { key });
    await client.until('id: ');
    const stopped = one.stop();
    await expect(client.rest()).rejects.toThrow();
    await stopped;
  });
});
