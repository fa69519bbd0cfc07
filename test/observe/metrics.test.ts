/** The metrics as they are served: what is counted, what the catalog says, and the document that names them all. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { ArchiveOutcome } from '../../src/archive/archive-clip.ts';
import { syncAccounts } from '../../src/catalog/accounts.ts';
import { createCaller } from '../../src/catalog/callers.ts';
import { costs } from '../../src/catalog/costs.ts';
import { readFigures } from '../../src/catalog/figures.ts';
import { refund, settle } from '../../src/catalog/ledger.ts';
import { orphans } from '../../src/catalog/tables/accounts.ts';
import { callers } from '../../src/catalog/tables/callers.ts';
import { waiting } from '../../src/catalog/tables/queue.ts';
import type { StartCall } from '../../src/domain/provider.ts';
import { NO_TRACES } from '../../src/domain/trace.ts';
import { UpstreamError } from '../../src/domain/upstream-error.ts';
import { addCatalogMetrics, type CatalogReading } from '../../src/observe/metrics/catalog-metrics.ts';
import { COUNTED, READ } from '../../src/observe/metrics/definitions.ts';
import { measureArchiver, measureProviders } from '../../src/observe/metrics/measured.ts';
import { createProcessMetrics } from '../../src/observe/metrics/process-metrics.ts';
import { serveMetrics } from '../../src/observe/metrics/server.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { makeArchive } from '../builders.ts';
import { hold } from '../catalog/hold.ts';
import { insertSubmission, insertVideo, makeAccount } from '../catalog/rows.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { makeApp } from '../http/test-app.ts';
import { readProjectFile } from '../source-files.ts';

type Reading = Partial<CatalogReading> & Pick<CatalogReading, 'read'>;

/** A registry's lines, by what stands before the value. */
function linesOf(text: string): Record<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

const own = (lines: Record<string, number>, prefix: string) =>
  Object.fromEntries(Object.entries(lines).filter(([name, value]) => name.startsWith(prefix) && value !== 0));

async function readCatalog(given: Reading) {
  const { registry } = createProcessMetrics();
  const problems: unknown[] = [];
  const onProblem = (error: unknown) => problems.push(error);
  const refresh = addCatalogMetrics(registry, { timeoutMs: 10_000, freshMs: 0, onProblem, ...given });
  const scrape = async () => {
    await refresh();
    return linesOf(await registry.metrics());
  };
  return { problems, scrape };
}

test('words that are not known are counted by account and word, fifty of them', async () => {
  const { registry, countIncident } = createProcessMetrics();
  countIncident('unknown_word', 'air-1', 'Gar-Gekocht!');
  countIncident('unknown_word', 'air-1', 'gar_gekocht_');
  countIncident('lost_answer', 'air-1');
  for (let n = 0; n < 60; n += 1) countIncident('unknown_word', 'air-2', `word ${n} ${'x'.repeat(500)}`);
  const counted = own(linesOf(await registry.metrics()), 'clipyard_unknown_words_total');
  expect(counted).toMatchObject({
    'clipyard_unknown_words_total{account="air-1",word="gar_gekocht_"}': 2,
    'clipyard_unknown_words_total{account="air-2",word="other"}': 11,
  });
  expect(Object.keys(counted)).toHaveLength(51);
});

describe('requests', () => {
  test('are counted by dialect, route and status, and never by what callers choose', async () => {
    const metrics = createProcessMetrics();
    const { app } = makeApp({ onAnswered: metrics.countAnswer });
    await app.inject('/healthz');
    await app.inject('/healthz?secret=1');
    await app.inject('/no/such/route-of-mine');
    await app.inject({ url: '/openai/v1/videos/video_of_mine', headers: { authorization: 'Bearer stranger' } });
    await app.close();
    const text = await metrics.registry.metrics();
    expect(own(linesOf(text), 'clipyard_http_requests_total')).toEqual({
      'clipyard_http_requests_total{dialect="clipyard",method="GET",route="/healthz",status="200"}': 2,
      'clipyard_http_requests_total{dialect="none",method="GET",route="none",status="404"}': 1,
      'clipyard_http_requests_total{dialect="openai",method="GET",route="/openai/v1/videos/:id",status="401"}': 1,
    });
    expect(own(linesOf(text), 'clipyard_http_request_duration_seconds_count')).toEqual({
      'clipyard_http_request_duration_seconds_count{dialect="clipyard",method="GET",route="/healthz"}': 2,
      'clipyard_http_request_duration_seconds_count{dialect="none",method="GET",route="none"}': 1,
      'clipyard_http_request_duration_seconds_count{dialect="openai",method="GET",route="/openai/v1/videos/:id"}': 1,
    });
    expect(text).not.toMatch(/of.mine|secret|stranger/);
  });
});

describe('exchanges with upstreams', () => {
  const account = { id: 'airforce-1', baseUrl: 'http://upstream.test', apiKey: 'key-of-the-account' };
  const call = { ...account, signal: new AbortController().signal };

  test('are counted by account, kind and outcome', async () => {
    const metrics = createProcessMetrics();
    const { airforce } = PROVIDERS_BY_NAME;
    const stub = {
      ...airforce,
      start: async () => ({ kind: 'not sent', message: '' }) as const,
      poll: async (id: string) => {
        if (id === 'lost') throw new UpstreamError('lost', 'no answer');
        return { kind: 'missing' } as const;
      },
      list: () => Promise.reject(new Error('a defect')),
    };
    const providers = measureProviders({ ...PROVIDERS_BY_NAME, airforce: stub }, [account], {
      metrics,
      traces: NO_TRACES,
    }).airforce;
    await providers.start({} as never, call as unknown as StartCall);
    await providers.poll('task_1', call);
    await providers.poll('task_1', { ...call, apiKey: 'another-key' });
    await expect(providers.poll('lost', call)).rejects.toThrow('no answer');
    await expect(providers.poll('lost', { ...call, signal: AbortSignal.abort() })).rejects.toThrow('no answer');
    await expect(providers.list?.(call)).rejects.toThrow('a defect');
    const text = await metrics.registry.metrics();
    const name = 'clipyard_upstream_requests_total';
    expect(own(linesOf(text), name)).toEqual({
      [`${name}{account="airforce-1",kind="create",outcome="not_sent"}`]: 1,
      [`${name}{account="airforce-1",kind="poll",outcome="missing"}`]: 1,
      [`${name}{account="unknown",kind="poll",outcome="missing"}`]: 1,
      [`${name}{account="airforce-1",kind="poll",outcome="lost"}`]: 1,
      [`${name}{account="airforce-1",kind="poll",outcome="aborted"}`]: 1,
      [`${name}{account="airforce-1",kind="list",outcome="error"}`]: 1,
    });
    expect(own(linesOf(text), 'clipyard_upstream_request_duration_seconds_count')).toMatchObject({
      'clipyard_upstream_request_duration_seconds_count{account="airforce-1",kind="poll"}': 3,
    });
    expect(text).not.toMatch(/key|upstream\.test|task_1/);
  });

  test('are left as they are where nothing is counted', () => {
    expect(measureProviders(PROVIDERS_BY_NAME, [account], { metrics: null, traces: NO_TRACES })).toBe(
      PROVIDERS_BY_NAME,
    );
  });
});

test('archives are counted with the bytes of those that succeed', async () => {
  const metrics = createProcessMetrics();
  const clip = makeArchive({ sizeBytes: 700 });
  const endings: readonly (() => Promise<ArchiveOutcome>)[] = [
    async () => ({ kind: 'archived', clip }) as const,
    async () => ({ kind: 'problem', problem: {} as never }) as const,
    async () => Promise.reject(new Error('stopped')),
  ];
  for (const ending of endings) await measureArchiver(ending, metrics)({} as never).catch(() => undefined);
  const lines = linesOf(await metrics.registry.metrics());
  expect(own(lines, 'clipyard_archive')).toMatchObject({
    'clipyard_archives_total{outcome="archived"}': 1,
    'clipyard_archives_total{outcome="problem"}': 1,
    'clipyard_archives_total{outcome="interrupted"}': 1,
    clipyard_archived_bytes_total: 700,
    clipyard_archive_duration_seconds_count: 1,
  });
});

describeOnBothCatalogs('figures of the catalog', (catalog) => {
  const scrapeOnce = async () => {
    const { scrape, problems } = await readCatalog({ read: () => readFigures(catalog.database.db) });
    const lines = await scrape();
    expect(problems).toEqual([]);
    return lines;
  };

  test('are all there while nothing has happened', async () => {
    const lines = await scrapeOnce();
    expect(own(lines, 'clipyard_catalog_up')).toEqual({ clipyard_catalog_up: 1 });
    expect(lines).toMatchObject({
      'clipyard_videos{state="queued"}': 0,
      'clipyard_videos_ended_last_day{state="failed"}': 0,
      clipyard_settled_micro_usd: 0,
      clipyard_held_micro_usd: 0,
      clipyard_lost_last_day_micro_usd: 0,
    });
  });

  test('show videos, queues, slots, accounts and orphans', async () => {
    const { db } = catalog.database;
    await syncAccounts(db, [makeAccount({ id: 'a', maxConcurrentTasks: 3 }), makeAccount({ id: 'b', pool: 'spare' })]);
    const now = new Date();
    const old = new Date(Date.now() - 48 * 3_600_000);
    for (const id of ['video_1', 'video_2']) {
      await insertVideo(db, { id, state: 'queued', createdAt: old });
      const queuedAt = new Date(Date.now() - (id === 'video_1' ? 90_000 : 10_000));
      await db.insert(waiting).values({ videoId: id, pool: 'main', callerId: 'x', model: 'm', place: 1, queuedAt });
    }
    await insertVideo(db, { id: 'video_3', state: 'generating', createdAt: now });
    await insertSubmission(db, { id: 's3', videoId: 'video_3', account: 'a', state: 'running' });
    await insertVideo(db, { id: 'video_4', state: 'failed', createdAt: now, endedAt: now });
    await insertVideo(db, { id: 'video_5', state: 'completed', createdAt: old, endedAt: now });
    await db
      .insert(orphans)
      .values({ account: 'a', credential: 'a', taskId: 'task_9', costMicroUsd: 5, createdAt: now });
    const lines = await scrapeOnce();
    expect(own(lines, 'clipyard_videos')).toEqual({
      'clipyard_videos{state="queued"}': 2,
      'clipyard_videos{state="generating"}': 1,
      'clipyard_videos_ended_last_day{state="failed"}': 1,
    });
    expect(lines).toMatchObject({
      'clipyard_queue_length{pool="main"}': 2,
      'clipyard_queue_length{pool="spare"}': 0,
      'clipyard_account_slots_limit{account="a"}': 3,
      'clipyard_account_slots_in_use{account="a"}': 1,
      'clipyard_account_slots_in_use{account="b"}': 0,
      'clipyard_account_state{account="a",state="active"}': 1,
      'clipyard_account_state{account="a",state="suspended"}': 0,
      'clipyard_submissions{account="a",state="running"}': 1,
      'clipyard_orphans{account="a"}': 1,
      'clipyard_orphans{account="b"}': 0,
    });
    expect(lines['clipyard_queue_oldest_wait_seconds{pool="main"}']).toBeGreaterThanOrEqual(90);
  });

  test('lose as much as the costs say', async () => {
    const { db } = catalog.database;
    const { caller } = await createCaller(db, { name: 'studio', creditMicroUsd: 10_000 });
    const now = new Date();
    // Each: what was held, billed, settled (null: released or still held) and given back.
    const ends = [
      { id: 'paid', billed: 70, settled: 70 },
      { id: 'given-back', billed: 50, settled: 50, isRefunded: true },
      { id: 'unpaid', billed: 30, settled: 0 },
      { id: 'in-review', billed: 900, settled: null },
    ];
    for (const { id, billed, settled, isRefunded } of ends) {
      const base = { callerId: caller.id, videoId: id };
      await hold(db, { ...base, amountMicroUsd: 100 });
      await insertVideo(db, {
        id,
        callerId: caller.id,
        state: 'completed',
        createdAt: now,
        endedAt: now,
        settledMicroUsd: settled,
      });
      await insertSubmission(db, {
        id: `s-${id}`,
        videoId: id,
        account: 'a',
        taskId: id,
        state: 'ended',
        costMicroUsd: billed,
        endedAt: now,
      });
      if (settled !== null) await settle(db, { ...base, amountMicroUsd: settled });
      if (isRefunded) await refund(db, base);
    }
    await db
      .insert(orphans)
      .values({ account: 'a', credential: 'a', taskId: 'task_9', costMicroUsd: 5, createdAt: now });
    const [costed] = await costs(db, { callerId: null, groupBy: [] });
    const lines = await scrapeOnce();
    expect(lines).toMatchObject({
      clipyard_settled_micro_usd: 70,
      clipyard_held_micro_usd: 100,
      clipyard_lost_last_day_micro_usd: 85,
    });
    expect(costed?.lostMicroUsd).toBe(85);
    expect((await db.select().from(callers)).map(({ heldMicroUsd }) => heldMicroUsd)).toEqual([100]);
  });
});

describe('a scrape', () => {
  const nothing = {
    unended: [],
    endedOfDay: [],
    queues: [],
    accounts: [],
    openSubmissions: [],
    settledMicroUsd: 7,
    heldMicroUsd: 0,
    lostOfDayMicroUsd: 0,
  };

  test('says that the catalog is away, and leaves its figures out', async () => {
    let isAway = false;
    const read = async () => (isAway ? Promise.reject(new Error('away')) : nothing);
    const { scrape, problems } = await readCatalog({ read });
    expect(await scrape()).toMatchObject({ clipyard_catalog_up: 1, clipyard_settled_micro_usd: 7 });
    isAway = true;
    const lines = await scrape();
    expect(lines['clipyard_catalog_up']).toBe(0);
    expect(Object.keys(lines).filter((name) => Object.keys(READ).includes(name.replace(/\{.*/, '')))).toEqual([
      'clipyard_catalog_up',
    ]);
    expect(lines['clipyard_process_resident_memory_bytes']).toBeGreaterThan(0);
    expect(problems).toHaveLength(1);
  });

  test('does not wait for a catalog that hangs, and asks it no second time meanwhile', async () => {
    let readings = 0;
    const read = () => {
      readings += 1;
      return new Promise<never>(() => undefined);
    };
    const { scrape } = await readCatalog({ read, timeoutMs: 20 });
    expect(await scrape()).toMatchObject({ clipyard_catalog_up: 0 });
    expect(await scrape()).toMatchObject({ clipyard_catalog_up: 0 });
    expect(readings).toBe(1);
  });

  test('shares a reading with those who ask next', async () => {
    let readings = 0;
    const read = async () => {
      readings += 1;
      await sleep(1);
      return nothing;
    };
    const { scrape } = await readCatalog({ read, freshMs: 60_000 });
    await Promise.all([scrape(), scrape()]);
    await scrape();
    expect(readings).toBe(1);
  });

  test('answers at /metrics alone', async () => {
    const problems: unknown[] = [];
    let render = async () => 'clipyard_videos 1\n';
    const contentType = 'text/plain; version=0.0.4';
    const onProblem = (error: unknown) => problems.push(error);
    const server = await serveMetrics({ host: '127.0.0.1', port: 0, contentType, onProblem, render: () => render() });
    const ask = async (path: string, method = 'GET') => {
      const answer = await fetch(`http://127.0.0.1:${server.port}${path}`, { method });
      return [answer.status, await answer.text()];
    };
    expect(await ask('/metrics?x')).toEqual([200, 'clipyard_videos 1\n']);
    expect(await ask('/')).toEqual([404, '']);
    expect(await ask('/metrics', 'POST')).toEqual([405, '']);
    render = () => Promise.reject(new Error('a defect'));
    expect(await ask('/metrics')).toEqual([500, '']);
    expect(problems).toHaveLength(1);
    const taken = { host: '127.0.0.1', port: server.port, contentType, onProblem, render };
    await expect(serveMetrics(taken)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await server.close();
  });
});

describe('the document', () => {
  const DOCUMENT = readProjectFile('docs/metrics.md');

  test('names what is served, and nothing else is', async () => {
    const { registry } = createProcessMetrics();
    addCatalogMetrics(registry, { read: () => Promise.reject(), onProblem: () => {}, timeoutMs: 1, freshMs: 0 });
    const served = await registry.getMetricsAsJSON();
    const known = { ...COUNTED, ...READ };
    const ours = served.filter(({ name }) => !/^clipyard_(process|nodejs)_/.test(name));
    const types = Object.entries(known).map(([name, { type, help }]) => ({ name, type, help }));
    expect(ours.map(({ name, type, help }) => ({ name, type, help }))).toEqual(types);
    expect(served.filter(({ name }) => !name.startsWith('clipyard_'))).toEqual([]);
  });

  test('names metrics by the conventions', () => {
    for (const [name, { type }] of Object.entries({ ...COUNTED, ...READ })) {
      expect(name).toMatch(/^clipyard_[a-z]+(_[a-z]+)*$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    }
  });

  test('asks only for metrics that there are', () => {
    const used = [...DOCUMENT.matchAll(/clipyard_[a-z_]+/g)].map(([name]) => name);
    const known = [...Object.keys({ ...COUNTED, ...READ }), 'clipyard_process_', 'clipyard_nodejs_'];
    expect(used.filter((name) => !known.includes(name))).toEqual([]);
  });
});
