/** Benchmark `waiting`: what a slot's next owner and a worker's memory cost when 2,000 videos wait, and when 10 do. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { and, count, inArray, isNull, ne, notInArray } from 'drizzle-orm';
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { Db } from '../src/catalog/driver/database.ts';
import { waiting as waitingRows } from '../src/catalog/tables/queue.ts';
import { submissions } from '../src/catalog/tables/submissions.ts';
import { videos } from '../src/catalog/tables/videos.ts';
import { type Config, loadConfig } from '../src/config/settings.ts';
import { TemporalLink } from '../src/process/link.ts';
import { openParts, type Parts } from '../src/process/parts.ts';
import { whenAborted } from '../src/process/stop.ts';
import { discoverUpstreamModels } from '../src/process/upstream-models.ts';
import { runWorkers } from '../src/process/workers.ts';
import { freePort } from '../src/temporal/dev-server/process.ts';
import { installTemporalRuntime } from '../src/temporal/runtime.ts';
import type { BenchContext, Outcome } from './benchmark.ts';
import { findPostgresBinaries, startPostgres } from './postgres-server.ts';
import { mean, percentile } from './statistics.ts';
import { openSubjectLog, startCommand, startSandboxProcess } from './subject.ts';

const SLOTS = 4;
/** That many are left when the last slot of the first part is freed. */
const FEW = 10;
const MANY = 2000;
/** Slots that are freed while so many wait. */
const RELEASES = 30;
/** A task takes about ten seconds, so that creates seldom wait for each other. */
const SANDBOX_SPEED = 0.45;
const CONNECTIONS = 8;
const LOOK_MS = 500;
/** Until memory is read: nothing is left of what came before. */
const SETTLE_MS = 10_000;

const MOST_TIMES_SLOWER = 1.5;
const MOST_KIB_EACH = 60;

interface Subject {
  readonly db: Db;
  readonly stop: AbortSignal;
  post(path: string, body: object): Promise<unknown>;
}

async function createClips({ post }: Subject, clips: number): Promise<void> {
  const body = { model: 'sandbox-mini', prompt: 'One of many', duration_seconds: 1 };
  await Promise.all(Array.from({ length: clips }, () => post('/airforce/v1/video/generations', body)));
}

async function countRows(db: Db, table: typeof waitingRows | typeof videos): Promise<number> {
  const [row] = await db.select({ n: count() }).from(table);
  return row?.n ?? 0;
}

/** Accepted videos whose workflows have not queued them yet: they have neither a place nor a slot. */
async function countUnqueued(db: Db): Promise<number> {
  const place = db.select({ id: waitingRows.videoId }).from(waitingRows);
  const slot = db.select({ id: submissions.videoId }).from(submissions);
  const isNowhere = and(isNull(videos.endedAt), notInArray(videos.id, place), notInArray(videos.id, slot));
  const [row] = await db.select({ n: count() }).from(videos).where(isNowhere);
  return row?.n ?? 0;
}

async function until({ stop }: Subject, holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(LOOK_MS, undefined, { signal: stop });
}

async function countReleases(db: Db): Promise<number> {
  const [row] = await db
    .select({ n: count() })
    .from(submissions)
    .where(inArray(submissions.state, ['ended', 'void']));
  return row?.n ?? 0;
}

/** Resolves when enough more slots have been freed; when that began. */
async function watchReleases(subject: Subject): Promise<Date> {
  const since = new Date();
  const enough = (await countReleases(subject.db)) + RELEASES;
  await until(subject, async () => (await countReleases(subject.db)) >= enough);
  return since;
}

/** The first or the last part: a queue of few, which is what the long one is compared with. */
async function measureFew(subject: Subject) {
  await createClips(subject, SLOTS + FEW + RELEASES);
  return await readGaps(subject.db, await watchReleases(subject));
}

/** Resolves when no slot is taken. */
async function untilIdle(subject: Subject): Promise<void> {
  const open = inArray(submissions.state, ['granted', 'sending', 'unconfirmed', 'running']);
  await until(subject, async () => (await subject.db.select().from(submissions).where(open).limit(1)).length === 0);
  await sleep(SETTLE_MS, undefined, { signal: subject.stop });
}

/** Milliseconds from the end of each task since then to the grant of its slot, and to the next create in it. */
async function readGaps(db: Db, since: Date) {
  const rows = await db.select().from(submissions).where(ne(submissions.state, 'void'));
  const ends = rows.flatMap(({ endedAt }) => (endedAt === null ? [] : [endedAt.getTime()])).toSorted((a, b) => a - b);
  const grants = rows.toSorted((a, b) => a.grantedAt.getTime() - b.grantedAt.getTime());
  // The first tasks took the free slots; from then on each end frees the slot of the next grant.
  const gaps = ends.flatMap((endedMs, n) => {
    const next = grants[n + SLOTS];
    if (endedMs < since.getTime() || !next?.sentAt) return [];
    return [{ granted: next.grantedAt.getTime() - endedMs, sent: next.sentAt.getTime() - endedMs }];
  });
  return gaps.slice(0, RELEASES);
}

function spread(values: readonly number[]) {
  return { mean: mean(values), p50: percentile(values, 0.5), p95: percentile(values, 0.95) };
}

/** Cancels what waits, and resolves when every video has its end; how they ended. */
async function endAll(subject: Subject) {
  const { db, post } = subject;
  const open = await db.select({ id: videos.id }).from(videos).where(isNull(videos.endedAt));
  await Promise.all(open.map(({ id }) => post(`/clipyard/v1/videos/${id}/cancel`, {})));
  const isOpen = isNull(videos.endedAt);
  await until(
    subject,
    async () => (await db.select({ id: videos.id }).from(videos).where(isOpen).limit(1)).length === 0,
  );
  const ends = await db.select({ state: videos.state, n: count() }).from(videos).groupBy(videos.state);
  return Object.fromEntries(ends.map(({ state, n }) => [state, n]));
}

/** Resident bytes once what is garbage has gone: when it goes by itself depends on everything but what waits. */
function readMemory(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage.rss();
}

const ROOT_KEY = 'cy_root_key_of_the_benchmark';

async function startDatabase({ closers }: BenchContext): Promise<string> {
  const binaries = findPostgresBinaries();
  if (binaries === null) throw new Error('PostgreSQL is not installed on this machine (Debian: postgresql)');
  const postgres = await startPostgres(binaries);
  closers.add('PostgreSQL', () => postgres.stop());
  return postgres.url;
}

/** The settings of all processes, as an operator gives them. */
async function writeSettings(context: BenchContext) {
  const { dataDir } = context;
  const timing = { firstPollMs: 500, minPollMs: 500, maxPollMs: 5_000 };
  const baseUrl = await startSandboxProcess(context, SANDBOX_SPEED);
  const account = { id: 'sandbox', provider: 'airforce', baseUrl, apiKeyEnv: 'SANDBOX_KEY', timing };
  const file = join(dataDir, 'clipyard.yaml');
  writeFileSync(file, JSON.stringify({ accounts: [{ ...account, maxConcurrentTasks: SLOTS }] }));
  return {
    CLIPYARD_DATA_DIR: dataDir,
    CLIPYARD_PORT: String(await freePort(0)),
    CLIPYARD_ROOT_KEY: ROOT_KEY,
    CLIPYARD_CONFIG: file,
    SANDBOX_KEY: 'benchmark',
    DATABASE_URL: await startDatabase(context),
  };
}

/** What `clipyard work` does, in this process: its memory is measured, with nothing else in it. */
async function startWorking({ stop, closers }: BenchContext, { parts, link }: { parts: Parts; link: TemporalLink }) {
  await discoverUpstreamModels(parts);
  const workers = runWorkers(parts, link);
  closers.add('workers', () => workers.stop());
  await Promise.race([workers.ready, whenAborted(stop)]);
}

async function startSubject(given: BenchContext): Promise<Subject> {
  const context = { ...given, log: openSubjectLog(given) };
  const settings = await writeSettings(context);
  const config = loadConfig(settings);
  installTemporalRuntime(context.log);
  const parts = await openParts(config, context);
  const link = new TemporalLink(config, context);
  const { address } = (await link.openEmbedded()).settings;
  await startWorking(context, { parts, link });
  const gatewaySettings = { ...settings, TEMPORAL_ADDRESS: address };
  await startCommand(context, { args: ['serve'], settings: gatewaySettings, prints: 'gateway' });
  return { db: parts.database.db, stop: context.stop, post: poster(context, config) };
}

function poster({ closers }: BenchContext, { publicUrl }: Config): Subject['post'] {
  const dispatcher = new Agent({ connections: CONNECTIONS });
  closers.add('connections of the load', () => dispatcher.close());
  const headers = { authorization: `Bearer ${ROOT_KEY}`, 'content-type': 'application/json' };
  return async (path, body) => {
    const options = { method: 'POST', dispatcher, headers, body: JSON.stringify(body) } as const;
    const answer = await request(`${publicUrl}${path}`, options);
    const text = await answer.body.text();
    if (answer.statusCode !== 200) throw new Error(`${path} was answered ${answer.statusCode}: ${text}`);
    return z.unknown().parse(JSON.parse(text));
  };
}

export async function waiting(context: BenchContext): Promise<Outcome> {
  const subject = await startSubject(context);
  const { db } = subject;
  const before = await measureFew(subject);
  await subject.post('/clipyard/v1/accounts/sandbox/pause', {});
  await untilIdle(subject);
  const beforeBytes = readMemory();
  const queuedFrom = performance.now();
  await createClips(subject, MANY);
  await until(subject, async () => (await countUnqueued(db)) === 0);
  const queuedMs = performance.now() - queuedFrom;
  await sleep(SETTLE_MS, undefined, { signal: context.stop });
  const waitingCount = await countRows(db, waitingRows);
  const grownBytes = readMemory() - beforeBytes;
  await subject.post('/clipyard/v1/accounts/sandbox/resume', {});
  const many = await readGaps(db, await watchReleases(subject));
  await endAll(subject);
  await untilIdle(subject);
  // Before and after, so that what else the machine does meanwhile falls on both.
  const few = [...before, ...(await measureFew(subject))];
  const ends = await endAll(subject);
  const granted = (gaps: typeof few) => gaps.map((gap) => gap.granted);
  const sent = (gaps: typeof few) => gaps.map((gap) => gap.sent);
  return {
    comparisons: [
      {
        what: `median from a task's end to the grant of its slot, ${MANY} waiting and ${FEW} to ${FEW + RELEASES}`,
        unit: 'ms',
        ours: percentile(granted(many), 0.5),
        baseline: percentile(granted(few), 0.5),
        bar: { atMost: MOST_TIMES_SLOWER },
      },
      {
        what: 'the same to the next create',
        unit: 'ms',
        ours: percentile(sent(many), 0.5),
        baseline: percentile(sent(few), 0.5),
        bar: null,
      },
      {
        what: 'memory that each waiting video adds to the process of a worker',
        unit: 'KiB',
        ours: grownBytes / 1024 / MANY,
        baseline: null,
        bar: { atMost: MOST_KIB_EACH },
      },
      {
        what: 'videos that neither completed nor were cancelled in the end',
        unit: '',
        ours: (await countRows(db, videos)) - (ends['completed'] ?? 0) - (ends['cancelled'] ?? 0),
        baseline: null,
        bar: { atMost: 0 },
      },
    ],
    figures: {
      slots: SLOTS,
      releases: [few.length, many.length],
      waitingWhenMemoryWasRead: waitingCount,
      queuedPerSecond: (MANY / queuedMs) * 1000,
      memoryBeforeMiB: beforeBytes / 1024 / 1024,
      endToGrantMs: { few: spread(granted(few)), many: spread(granted(many)) },
      endToCreateMs: { few: spread(sent(few)), many: spread(sent(many)) },
      ends,
    },
  };
}
