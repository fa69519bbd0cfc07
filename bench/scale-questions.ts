/** What benchmark `scale` asks: each through the functions that requests, activities and the sweep call. */

import { and, asc, eq, gt, sql } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { acceptVideo, deleteOldKeys, findRepeated, type NewVideo } from '../src/catalog/acceptance.ts';
import { findLastTask } from '../src/catalog/account-tasks.ts';
import { listAccounts } from '../src/catalog/account-views.ts';
import type { AccountRow } from '../src/catalog/accounts.ts';
import { listUnaudited, listUnopened, noteRunning, readNewestAcceptance } from '../src/catalog/audits.ts';
import { balance, listEntries } from '../src/catalog/balance.ts';
import { findCallerByKey, listCallers } from '../src/catalog/callers.ts';
import { findLeftEstimate, listListedClaims, listRivals } from '../src/catalog/claims.ts';
import { refundVideo } from '../src/catalog/corrections.ts';
import { costs } from '../src/catalog/costs.ts';
import type { Db } from '../src/catalog/driver/database.ts';
import { endVideo } from '../src/catalog/ends.ts';
import { readFigures } from '../src/catalog/figures.ts';
import { listUnusedImages } from '../src/catalog/input-images.ts';
import { listDueAccounts, listOpenOrphans } from '../src/catalog/orphans.ts';
import { chooseNext, queuePositions, readTurn } from '../src/catalog/queue-order.ts';
import { removeOrphans, removeVideos } from '../src/catalog/removals.ts';
import { listStranded, listUntakenGrants, listWaitingPools, requestSlot } from '../src/catalog/slots.ts';
import { findCurrentSubmission, listPresumed } from '../src/catalog/submissions.ts';
import { accounts } from '../src/catalog/tables/accounts.ts';
import { waiting } from '../src/catalog/tables/queue.ts';
import { videos } from '../src/catalog/tables/videos.ts';
import { findVideo, listExpiredMedia, listVideos } from '../src/catalog/videos.ts';
import { readWaits } from '../src/catalog/waiting-reasons.ts';
import { listUntold } from '../src/catalog/wishes.ts';
import type { Video } from '../src/domain/video.ts';
import type { VideoFilter } from '../src/domain/video-filter.ts';
import { POOL, RARE_MODEL } from './scale-catalog.ts';
import type { Question } from './statement-subject.ts';

/** A statement of a request, of an activity or of the sweep. */
const STATEMENT_MS = 20;
const COSTS_MS = 100;
/** Of all callers, which root alone asks for. */
const COSTS_OF_ALL_TIME_MS = 300;
/** What is scraped is kept for ten seconds. */
const FIGURES_MS = 100;

const DAY_MS = 86_400_000;
const CALLER = 'caller_7';
const PAGE = 50;

/** What is asked about. */
interface Facts {
  readonly queue: readonly Video[];
  readonly completed: readonly { readonly id: string; readonly taskId: string }[];
  readonly accounts: readonly AccountRow[];
}

async function readFacts(db: Db): Promise<Facts> {
  const { videos: queue } = await listVideos(db, { callerId: null, states: ['queued'], order: 'oldest', limit: PAGE });
  const isLately = gt(videos.createdAt, new Date(Date.now() - 20 * DAY_MS));
  const completed = await db
    .select({ id: videos.id, taskId: sql<string>`${videos.taskId}` })
    .from(videos)
    .where(and(eq(videos.state, 'completed'), isLately))
    .limit(1000);
  return { queue, completed, accounts: await db.select().from(accounts) };
}

const statement = (what: string, ask: Question['ask'], prepare?: Question['prepare']): Question => ({
  what,
  atMostMs: STATEMENT_MS,
  ask,
  ...(prepare && { prepare }),
});

function newVideo(): NewVideo {
  const createdAt = new Date();
  const expiresAt = new Date(createdAt.getTime() + DAY_MS);
  return {
    id: `video_${uuidv7()}`,
    callerId: CALLER,
    dialect: 'airforce',
    request: {
      model: 'model-1',
      mode: 'text',
      prompt: 'A quiet harbour',
      images: [],
      extra: {},
      durationSeconds: 5,
      aspectRatio: '16:9',
      quality: '720p',
    },
    estimateMicroUsd: 300_000,
    createdAt,
    expiresAt,
    queueDeadlineAt: expiresAt,
    batchId: null,
    limits: { maxQueuedVideos: 1_000_000, maxRunningVideos: 4, overflow: 'queue' },
    idempotency: { key: uuidv7(), bodyHash: 'hash' },
  };
}

function requests({ queue, completed }: Facts): readonly Question[] {
  const some = (run: number) => completed[(run * 37) % completed.length]?.id ?? '';
  const first = queue[0]?.id ?? '';
  const cancelled = { state: 'cancelled', failure: null, archive: null } as const;
  return [
    statement('key of a caller', (tx, run) => findCallerByKey(tx, `cy_${run}`)),
    statement('create', (tx) => acceptVideo(tx, newVideo())),
    statement('create again', (tx, run) => findRepeated(tx, { callerId: CALLER, key: `key ${run}`, bodyHash: 'hash' })),
    statement('GET of a video', (tx, run) => findVideo(tx, some(run))),
    statement('its submission', (tx, run) => findCurrentSubmission(tx, some(run))),
    statement('what a page of videos waits for', (tx) => readWaits(tx, queue)),
    statement('end of a waiting video', (tx) => endVideo(tx, first, cancelled)),
    statement('refund', (tx, run) => refundVideo(tx, some(run))),
    statement('ledger of a caller', (tx) => listEntries(tx, { callerId: CALLER, limit: PAGE })),
    statement('ledger of all callers', (tx) => listEntries(tx, { callerId: null, limit: PAGE })),
    statement('ledger of a video', (tx, run) => listEntries(tx, { callerId: CALLER, videoId: some(run), limit: PAGE })),
    statement('balance', (tx) => balance(tx, CALLER)),
    statement('accounts', (tx) => listAccounts(tx)),
    statement('callers', (tx) => listCallers(tx)),
  ];
}

function lists({ completed }: Facts): readonly Question[] {
  const cursor = completed[0]?.id ?? '';
  const filters: Readonly<Record<string, Partial<VideoFilter>>> = {
    'all of it': {},
    'oldest first': { order: 'oldest' },
    'from far back': { cursor },
    queued: { states: ['queued'] },
    'failed or cancelled': { states: ['failed', 'cancelled'] },
    'in doubt, of which there are none': { states: ['unconfirmed'] },
    'a model': { model: 'model-3' },
    'a rare model': { model: RARE_MODEL },
    'a batch that is not there': { batchId: 'batch_1' },
  };
  return Object.entries(filters).flatMap(([name, filter]) => {
    const of = (callerId: string | null) => (tx: Db) => listVideos(tx, { callerId, limit: PAGE, ...filter });
    const ofAll = statement(`list of all callers, ${name}`, of(null));
    // A cursor is its caller's own.
    return name === 'from far back' ? [ofAll] : [statement(`list of a caller, ${name}`, of(CALLER)), ofAll];
  });
}

function sums(): readonly Question[] {
  const from = new Date(Math.floor(Date.now() / DAY_MS - 30) * DAY_MS);
  const day = { from, to: new Date(from.getTime() + DAY_MS) };
  const month = { from: new Date(from.getTime() - DAY_MS * 30.5), to: new Date(from.getTime() + DAY_MS / 2) };
  const all = { callerId: null };
  const own = { callerId: CALLER };
  const question = (what: string, filter: Parameters<typeof costs>[1], atMostMs = COSTS_MS): Question => {
    return { what: `costs of ${what}`, atMostMs, ask: (tx) => costs(tx, filter) };
  };
  return [
    question('a caller, one day', { ...own, ...day, groupBy: [] }),
    question('all callers, one day', { ...all, ...day, groupBy: ['model', 'account'] }),
    question('all callers, from noon to noon', { ...all, ...month, groupBy: ['day'] }),
    question('a caller, a year by day', { ...own, groupBy: ['day'] }),
    question('all callers, a year by day', { ...all, groupBy: ['day'] }, COSTS_OF_ALL_TIME_MS),
  ];
}

/** Frees a slot, so that there is something to grant. */
async function freeOneSlot(tx: Db): Promise<void> {
  await tx.execute(sql`update orphans set ended_at = now() where ended_at is null`);
  await tx.execute(sql`update submissions set state = 'ended', ended_at = now()
    where id = (select id from submissions where state = 'running' limit 1)`);
}

function steps({ queue, accounts: rows }: Facts): readonly Question[] {
  const first = queue[0]?.id ?? '';
  const pool = { id: POOL, accounts: rows };
  return [
    statement('slot, all taken', (tx) => requestSlot(tx, first, 'model-1')),
    statement('slot, one free', (tx) => requestSlot(tx, first, 'model-1'), freeOneSlot),
    statement('next video, all taken', (tx) => chooseNext(tx, pool)),
    statement('next video, one free', (tx) => chooseNext(tx, pool), freeOneSlot),
    statement('turn of a video', (tx) => readTurn(tx, first)),
  ];
}

function sweeps({ queue, completed }: Facts): readonly Question[] {
  const minuteAgo = new Date(Date.now() - 60_000);
  const closed = queue.map(({ id }) => id);
  const listed = completed.map(({ taskId }) => ({ taskId, prompt: 'a prompt' }));
  const doubt = { prompt: 'a prompt', sentAt: new Date(Date.now() - DAY_MS) };
  const account = { account: 'account-1', credential: 'credential-1', baseUrl: 'https://api.example' };
  const sent = { sentAt: new Date(), grantedAt: new Date() };
  const left = { prompt: 'a prompt', createdAt: doubt.sentAt };
  // What a shorter retention would remove in one piece.
  const old = { endedBefore: new Date(Date.now() - 300 * DAY_MS), limit: 200 };
  return [
    statement('due for comparing', (tx) => listUnaudited(tx, { closed, limit: 1000 })),
    statement('compared', (tx) => noteRunning(tx, closed[0] ?? '')),
    statement('never opened', (tx) => listUnopened(tx, minuteAgo)),
    statement('untold wishes', (tx) => listUntold(tx, 1000)),
    statement('untaken grants', (tx) => listUntakenGrants(tx, 60_000)),
    statement('accounts whose lists are due', (tx) => listDueAccounts(tx)),
    statement('claimed of 1000 tasks', (tx) => listListedClaims(tx, account, listed)),
    statement('rivals of a create in doubt', (tx) => listRivals(tx, { ...account, videoId: '' }, doubt)),
    statement('last task before a create', (tx) => findLastTask(tx, { ...account, ...sent })),
    statement('estimate of a left create', (tx) => findLeftEstimate(tx, account.account, left)),
    statement('open orphans', (tx) => listOpenOrphans(tx, 50)),
    statement('presumed of a credential', (tx) => listPresumed(tx, account.credential)),
    statement('stranded videos', (tx) => listStranded(tx, 500)),
    statement('pools with a queue', (tx) => listWaitingPools(tx)),
    statement('expired media', (tx) => listExpiredMedia(tx, 500)),
    statement('unused images', (tx) => listUnusedImages(tx, new Date(Date.now() - DAY_MS), 500)),
    statement('old idempotency keys', (tx) => deleteOldKeys(tx)),
    statement('old videos', (tx) => removeVideos(tx, old)),
    statement('old orphans', (tx) => removeOrphans(tx, old)),
    statement('newest acceptance', (tx) => readNewestAcceptance(tx)),
    { what: 'figures', atMostMs: FIGURES_MS, ask: (tx) => readFigures(tx) },
  ];
}

/** Everything but places in the queue. */
export async function questions(db: Db): Promise<readonly Question[]> {
  const facts = await readFacts(db);
  return [...requests(facts), ...lists(facts), ...sums(), ...steps(facts), ...sweeps(facts)];
}

/** The first place in the queue, the one in the middle and the last one, and a page of the last. */
export async function questionsOfPlaces(db: Db, whose: string): Promise<readonly Question[]> {
  const rows = await db.select({ id: waiting.videoId }).from(waiting).orderBy(asc(waiting.place));
  const place = (name: string, index: number) => {
    const id = rows[Math.floor(index)]?.id ?? '';
    return statement(`place in the queue of ${whose}, ${name}`, (tx) => queuePositions(tx, [id]));
  };
  const page = rows.slice(-200).map(({ id }) => id);
  return [
    place('first', 0),
    place('middle', rows.length / 2),
    place('last', rows.length - 1),
    statement(`places in the queue of ${whose}, last 200`, (tx) => queuePositions(tx, page)),
  ];
}
