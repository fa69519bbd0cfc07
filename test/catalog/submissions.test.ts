/** Submissions: which moves there are, each of which happens once, and what the tables themselves refuse. */

import { eq } from 'drizzle-orm';
import { listClaimedTasks } from '../../src/catalog/claims.ts';
import { readClock } from '../../src/catalog/clock.ts';
import type { Db } from '../../src/catalog/driver/database.ts';
import { inTransaction, isUniqueViolation } from '../../src/catalog/driver/database.ts';
import {
  beginSending,
  billedMicroUsd,
  closeSubmission,
  concludeDoubt,
  countLostCreates,
  ensureRunning,
  findCurrentSubmission,
  findFirstLostCreate,
  findPresumed,
  findSubmission,
  listPresumed,
  markRunning,
  markUnconfirmed,
  noteEmptyList,
  noteSignal,
  reenterTask,
  settlePresumed,
  takeBack,
  voidSubmission,
  withdrawGrant,
} from '../../src/catalog/submissions.ts';
import { orphans } from '../../src/catalog/tables/accounts.ts';
import { waiting } from '../../src/catalog/tables/queue.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import type { RunningTask } from '../../src/domain/step.ts';
import type { SubmissionState } from '../../src/domain/submission.ts';
import { isInDoubt, isOpenState } from '../../src/domain/submission.ts';
import { airforce } from '../../src/providers/airforce.ts';
import { insertSubmission, insertVideo } from './rows.ts';
import { describeOnBothCatalogs } from './with-catalog.ts';
import { withClockAhead } from './wrong-clock.ts';

const STATES: readonly SubmissionState[] = ['granted', 'sending', 'unconfirmed', 'running', 'ended', 'void'];
const DAY_MS = 86_400_000;
const PLACE = { videoId: 'v1', pool: 'main', callerId: 'c', model: 'm', place: 1, queuedAt: new Date() } as const;
const FAILED = { kind: 'failed', upstream: {} } as const;

/** Each move, from where it is possible, and where it leads. */
const MOVES: Readonly<
  Record<string, readonly [(db: Db) => Promise<unknown>, readonly SubmissionState[], SubmissionState]>
> = {
  'begins to send': [(db) => beginSending(db, 's1', 60_000), ['granted'], 'sending'],
  'is in doubt': [
    (db) => markUnconfirmed(db, 's1', { answered: false, lastError: {} }),
    ['sending', 'unconfirmed'],
    'unconfirmed',
  ],
  runs: [(db) => markRunning(db, 's1', 't1'), ['sending', 'unconfirmed'], 'running'],
  'is taken back': [(db) => takeBack(db, 's1', {}), ['sending'], 'void'],
  'is given up': [(db) => voidSubmission(db, 's1', null), ['granted', 'sending', 'unconfirmed'], 'void'],
  'is withdrawn': [(db) => withdrawGrant(db, 's1'), ['granted'], 'void'],
  'is closed': [(db) => closeSubmission(db, 's1', { taskEnd: FAILED, costMicroUsd: 1 }), ['running'], 'ended'],
};

const CASES = Object.keys(MOVES).flatMap((name) => STATES.map((from) => [name, from] as const));

function makeTask(overrides: Partial<RunningTask> = {}): RunningTask {
  return {
    submissionId: 's1',
    n: 1,
    account: 'airforce-1',
    provider: 'airforce',
    baseUrl: 'https://api.example',
    upstreamModel: 'wan-2.6',
    taskId: 't1',
    submittedAt: '2026-03-01T12:00:00.000Z',
    expiresAt: '2026-03-02T12:00:00.000Z',
    timing: airforce.facts.timing,
    cancels: false,
    polls: 0,
    progress: 0,
    ...overrides,
  };
}

async function refusedBy(work: Promise<unknown>): Promise<string | null> {
  const constraints = [
    'submissions_credential_task',
    'submissions_open_video',
    'submissions_credential_lane',
    'submissions_video_n',
  ];
  try {
    await work;
    return null;
  } catch (error) {
    return constraints.find((constraint) => isUniqueViolation(error, constraint)) ?? String(error);
  }
}

describeOnBothCatalogs('a submission', (catalog) => {
  const stateOf = async (id = 's1') => (await findSubmission(catalog.database.db, id))?.state;

  test.each(CASES)('that %s was %s, or stays as it is', async (name, from) => {
    const { db } = catalog.database;
    const [move, allowed, to] = MOVES[name] ?? [];
    if (!move || !allowed || !to) throw new Error(`there is no move ${name}`);
    await insertSubmission(db, { id: 's1', videoId: 'v1', state: from });
    const moved = await move(db);
    expect(moved === null).toBe(!allowed.includes(from));
    expect(await stateOf()).toBe(allowed.includes(from) ? to : from);
  });

  test('is sent by one of twenty', async () => {
    const { db } = catalog.database;
    await insertSubmission(db, { id: 's1', videoId: 'v1', state: 'granted' });
    const claims = await Promise.all(Array.from({ length: 20 }, () => beginSending(db, 's1', 60_000)));
    expect(claims.filter((claim) => claim !== null)).toHaveLength(1);
  });

  test('may be sent as long as it says by the clock of the catalog', async () => {
    const { db } = catalog.database;
    await insertSubmission(db, { id: 's1', videoId: 'v1', state: 'granted' });
    const before = await readClock(db);
    const { sentAt, sendUntil } = (await beginSending(db, 's1', 60_000)) ?? {};
    const after = await readClock(db);
    expect(sentAt?.getTime()).toBeGreaterThanOrEqual(Math.floor(before.getTime()));
    expect(sentAt?.getTime()).toBeLessThanOrEqual(after.getTime() + 1);
    expect((sendUntil?.getTime() ?? 0) - (sentAt?.getTime() ?? 0)).toBe(60_000);
  });

  test('runs since then by the clock of the catalog', async () => {
    if (catalog.databaseUrl === null) return;
    const { db } = catalog.database;
    await insertSubmission(db, { id: 's1', videoId: 'v1', state: 'sending' });
    const before = await readClock(db);
    const { runningAt } = (await withClockAhead(DAY_MS, () => markRunning(db, 's1', 't1'))) ?? {};
    const after = await readClock(db);
    expect(runningAt?.getTime()).toBeGreaterThanOrEqual(Math.floor(before.getTime()));
    expect(runningAt?.getTime()).toBeLessThanOrEqual(after.getTime() + 1);
  });

  test('is a slot, or in doubt, in these states', () => {
    expect(STATES.filter(isOpenState)).toEqual(['granted', 'sending', 'unconfirmed', 'running']);
    expect(STATES.filter((state) => isInDoubt({ state }))).toEqual(['sending', 'unconfirmed']);
  });

  test('that is open is the current one, and else the newest', async () => {
    const { db } = catalog.database;
    expect(await findCurrentSubmission(db, 'v1')).toBeNull();
    await insertSubmission(db, { id: 's1', videoId: 'v1', n: 1, state: 'void' });
    await insertSubmission(db, { id: 's3', videoId: 'v1', n: 3, state: 'void' });
    expect((await findCurrentSubmission(db, 'v1'))?.id).toBe('s3');
    await insertSubmission(db, { id: 's2', videoId: 'v1', n: 2, state: 'running' });
    expect((await findCurrentSubmission(db, 'v1'))?.id).toBe('s2');
  });

  test('whose doubt is concluded keeps that its answer was lost, and what is presumed of its bill', async () => {
    const { db } = catalog.database;
    await insertVideo(db, { id: 'v1' });
    await insertSubmission(db, { id: 's1', videoId: 'v1', state: 'unconfirmed', answered: true });
    await insertSubmission(db, { id: 's2', videoId: 'v2', state: 'sending', account: 'b' });
    expect(await concludeDoubt(db, 's1', 300)).toMatchObject({ state: 'void', answered: true, costMicroUsd: 300 });
    expect(await concludeDoubt(db, 's2', null)).toMatchObject({ state: 'void', answered: false, costMicroUsd: null });
    expect(await concludeDoubt(db, 's2', null)).toBeNull();
    expect(await listPresumed(db, 'airforce-1')).toMatchObject([{ submission: { id: 's1' } }]);
    const presumed = await findPresumed(db, 'v1');
    if (presumed) await settlePresumed(db, presumed);
    expect(await findSubmission(db, 's1')).toMatchObject({ presumed: false, costMicroUsd: null });
  });

  test("counts the lost answers of its video's creates, its own among them", async () => {
    const { db } = catalog.database;
    const sentAt = new Date('2026-03-01T12:00:00.000Z');
    const later = new Date('2026-03-01T13:00:00.000Z');
    await insertSubmission(db, { id: 's1', videoId: 'v1', n: 1, state: 'void', answered: false, sentAt });
    await insertSubmission(db, { id: 's2', videoId: 'v1', n: 2, state: 'void', sentAt: later });
    await insertSubmission(db, { id: 's3', videoId: 'v1', n: 3, state: 'void', answered: true, sentAt: later });
    await insertSubmission(db, { id: 's4', videoId: 'v1', n: 4, state: 'sending' });
    const own = { id: 's4', videoId: 'v1', credential: 'airforce-1' };
    expect(await countLostCreates(db, own)).toBe(3);
    expect(await findFirstLostCreate(db, own)).toEqual(sentAt);
    expect(await findFirstLostCreate(db, { ...own, credential: 'another' })).toBeNull();
  });

  test('remembers its first empty list while it is in doubt', async () => {
    const { db } = catalog.database;
    const at = new Date('2026-03-01T12:00:00.000Z');
    await insertSubmission(db, { id: 's1', videoId: 'v1', state: 'unconfirmed' });
    await insertSubmission(db, { id: 's2', videoId: 'v2', state: 'running' });
    await noteEmptyList(db, 's1', at);
    await noteEmptyList(db, 's2', at);
    expect((await findSubmission(db, 's1'))?.firstEmptyListAt).toEqual(at);
    expect((await findSubmission(db, 's2'))?.firstEmptyListAt).toBeNull();
  });

  test('remembers when its winner was told again', async () => {
    const { db } = catalog.database;
    await insertSubmission(db, { id: 's1', videoId: 'v1', state: 'granted' });
    await noteSignal(db, 's1');
    expect((await findSubmission(db, 's1'))?.signalledAt).toBeInstanceOf(Date);
  });
});

describeOnBothCatalogs('the tables', (catalog) => {
  const put = (row: Parameters<typeof insertSubmission>[1]) => insertSubmission(catalog.database.db, row);

  test('hold one open submission for a video', async () => {
    await put({ id: 's1', videoId: 'v1', state: 'running' });
    await put({ id: 's2', videoId: 'v1', n: 2, state: 'void' });
    expect(await refusedBy(put({ id: 's3', videoId: 'v1', n: 3, state: 'granted', account: 'b' }))).toBe(
      'submissions_open_video',
    );
  });

  test('hold a task once for an account', async () => {
    await put({ id: 's1', videoId: 'v1', state: 'ended', taskId: 't1' });
    await put({ id: 's2', videoId: 'v2', state: 'running', taskId: 't1', account: 'b' });
    expect(await refusedBy(put({ id: 's3', videoId: 'v3', state: 'running', taskId: 't1' }))).toBe(
      'submissions_credential_task',
    );
  });

  test.each(['granted', 'sending', 'unconfirmed'] as const)('hold one lane while a create is %s', async (state) => {
    await put({ id: 's1', videoId: 'v1', state });
    await put({ id: 's2', videoId: 'v2', state: 'running' });
    await put({ id: 's3', videoId: 'v3', state: 'granted', singleLane: false });
    expect(await refusedBy(put({ id: 's4', videoId: 'v4', state: 'granted' }))).toBe('submissions_credential_lane');
  });

  test('number the submissions of a video', async () => {
    await put({ id: 's1', videoId: 'v1', state: 'void' });
    expect(await refusedBy(put({ id: 's2', videoId: 'v1', state: 'void' }))).toBe('submissions_video_n');
  });

  test('know which tasks are ours and what was billed', async () => {
    const { db } = catalog.database;
    await put({ id: 's1', videoId: 'v1', state: 'ended', taskId: 't1', costMicroUsd: 300 });
    await put({ id: 's2', videoId: 'v1', n: 2, state: 'ended', taskId: 't2', costMicroUsd: 400, account: 'b' });
    await put({ id: 's3', videoId: 'v2', state: 'running', taskId: 't3' });
    const own = { account: 'airforce-1', credential: 'another key by now' };
    expect(await listClaimedTasks(db, own, ['t1', 't2', 't3', 't4'])).toEqual(new Set(['t1', 't3']));
    expect(await listClaimedTasks(db, own, [])).toEqual(new Set());
    expect(await billedMicroUsd(db, 'v1')).toBe(700);
    expect(await billedMicroUsd(db, 'v2')).toBeNull();
  });
});

describeOnBothCatalogs('a task that runs', (catalog) => {
  const heal = (task: RunningTask) => inTransaction(catalog.database.db, (tx) => ensureRunning(tx, 'v1', task));
  const rows = async () => {
    const all = await catalog.database.db.select().from(submissions).where(eq(submissions.videoId, 'v1'));
    return all.toSorted((a, b) => a.n - b.n).map(({ id, n, state, taskId }) => ({ id, n, state, taskId }));
  };
  const HEALED = { id: 's1', n: 1, state: 'running', taskId: 't1' };

  test('keeps its video out of the queue, also where a poll entered it before its video was there', async () => {
    const { db } = catalog.database;
    const task = makeTask({ n: 1 });
    await heal(task);
    await insertVideo(db, { id: 'v1' });
    await db.insert(waiting).values(PLACE);
    const createdAt = new Date();
    const memory = { memory: { kind: 'running', task }, sendUntil: createdAt } as const;
    await inTransaction(db, (tx) => reenterTask(tx, { id: 'v1', model: 'wan-2.6', createdAt }, memory));
    expect(await db.$count(waiting)).toBe(0);
  });

  test('has its row entered where it is missing, once', async () => {
    await Promise.all(Array.from({ length: 8 }, () => heal(makeTask())));
    expect(await rows()).toEqual([HEALED]);
    expect(await catalog.database.db.select().from(orphans)).toEqual([]);
  });

  test('keeps the row that was found for its task under another submission', async () => {
    const { db } = catalog.database;
    await insertSubmission(db, { id: 'found', videoId: 'v1', state: 'running', taskId: 't1' });
    await heal(makeTask({ n: 2 }));
    expect(await rows()).toEqual([{ ...HEALED, id: 'found' }]);
    expect(await db.select().from(orphans)).toEqual([]);
  });

  test.each(['granted', 'sending', 'unconfirmed'] as const)('moves a row on that is %s', async (state) => {
    await insertSubmission(catalog.database.db, { id: 's1', videoId: 'v1', state });
    await heal(makeTask());
    expect(await rows()).toEqual([HEALED]);
  });

  test.each(['ended', 'void'] as const)('leaves a row alone that is %s', async (state) => {
    await insertSubmission(catalog.database.db, { id: 's1', videoId: 'v1', state, taskId: 't1' });
    await heal(makeTask());
    expect(await rows()).toEqual([{ ...HEALED, state }]);
  });

  test('takes the place of what an old copy believed', async () => {
    const { db } = catalog.database;
    await insertSubmission(db, { id: 'old', videoId: 'v1', n: 2, state: 'granted' });
    await insertSubmission(db, { id: 'older', videoId: 'v1', n: 1, state: 'void' });
    await db.insert(waiting).values(PLACE);
    await heal(makeTask({ n: 2 }));
    expect(await rows()).toEqual([
      { id: 'older', n: 1, state: 'void', taskId: null },
      { id: 'old', n: 2, state: 'void', taskId: null },
      { id: 's1', n: 3, state: 'running', taskId: 't1' },
    ]);
    expect(await db.select().from(waiting)).toEqual([]);
  });

  test('takes the place of a task that an old copy believed to run, which is followed on for its bill', async () => {
    const { db } = catalog.database;
    await insertSubmission(db, { id: 'old', videoId: 'v1', n: 1, state: 'running', taskId: 't0' });
    await heal(makeTask({ n: 2 }));
    expect(await rows()).toEqual([
      { id: 'old', n: 1, state: 'ended', taskId: 't0' },
      { id: 's1', n: 2, state: 'running', taskId: 't1' },
    ]);
    expect(await db.select().from(orphans)).toMatchObject([{ taskId: 't0', videoId: 'v1', endedAt: null }]);
  });
});
