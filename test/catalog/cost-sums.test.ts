/** The sums of costs agree with a recount, whatever happens to videos, tasks and orphans, and in whatever order. */

import { setTimeout as sleep } from 'node:timers/promises';
import { eq, sql } from 'drizzle-orm';
import * as fc from 'fast-check';
import { acceptVideo } from '../../src/catalog/acceptance.ts';
import { refundVideo, resolveLostAnswer, settleReviewed } from '../../src/catalog/corrections.ts';
import { type CostFilter, type CostGroup, costs } from '../../src/catalog/costs.ts';
import { type Db, inTransaction, isUniqueViolation } from '../../src/catalog/driver/database.ts';
import { endVideo, settleLateEnd } from '../../src/catalog/ends.ts';
import { bookOrphan, endOrphan } from '../../src/catalog/orphans.ts';
import {
  beginSending,
  closeDelivered,
  closeSubmission,
  concludeDoubt,
  ensureRunning,
  findCurrentSubmission,
  findPresumed,
  markRunning,
  type SubmissionRow,
  settlePresumed,
  takeBack,
} from '../../src/catalog/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { changeVideo, lockVideo } from '../../src/catalog/videos.ts';
import { Refusal } from '../../src/domain/failure.ts';
import type { TaskEnd } from '../../src/domain/submission.ts';
import { makeArchive, makeRequest } from '../builders.ts';
import { insertCaller } from '../model/scene.ts';
import { randomRuns } from '../random-runs.ts';
import { recountCosts } from './recount-costs.ts';
import { insertSubmission, insertVideo } from './rows.ts';
import { describeOnBothCatalogs, emptyCatalog } from './with-catalog.ts';

const CALLERS = ['caller_1', 'caller_2'] as const;
const ACCOUNTS = ['airforce-1', 'airforce-2', 'airforce-3'] as const;
const ESTIMATE = 100;
const DAY_MS = 86_400_000;
const FIRST_DAY_MS = Date.parse('2026-03-01T00:00:00.000Z');
const FAILURE = { kind: 'upstream_failed', message: 'no', upstream: null } as const;
const NO_END: TaskEnd = { kind: 'failed', upstream: {} };
const END: TaskEnd = { kind: 'succeeded', resultUrl: null, needsKey: false, expiresAt: '2026-03-02T00:00:00.000Z' };

/** What happens: to one of the videos, with an amount, at an account and at a time, as far as it can. */
interface Event {
  readonly what: keyof typeof EVENTS;
  readonly video: number;
  readonly account: (typeof ACCOUNTS)[number];
  readonly amount: number;
  readonly atMs: number;
}

interface Happening extends Event {
  readonly id: string;
  /** The video's newest submission, or its open one. */
  readonly submission: SubmissionRow | null;
}

const idOf = (video: number) => `v${video}`;

/** As where a task's end frees its slot: a video that had its end before is settled then. */
async function close(db: Db, { id }: Happening, how: (tx: Db) => Promise<SubmissionRow | null>): Promise<void> {
  await inTransaction(db, async (tx) => {
    const video = await lockVideo(tx, id);
    const closed = await how(tx);
    if (video && closed && video.endedAt !== null) await settleLateEnd(tx, video, closed);
  });
}

async function grant(db: Db, { id, account, submission, video }: Happening): Promise<void> {
  const isOpen = submission !== null && !['ended', 'void'].includes(submission.state);
  const [row] = await db.select().from(videos).where(eq(videos.id, id));
  if (isOpen || row === undefined || row.endedAt !== null) return;
  const n = (submission?.n ?? 0) + 1;
  await inTransaction(db, async (tx) => {
    await insertSubmission(tx, { id: `s${video}-${n}`, videoId: id, n, account, singleLane: false, state: 'granted' });
    await changeVideo(tx, id, { account, provider: 'airforce' });
  });
}

const EVENTS = {
  accept: async (db, { id, video }) => {
    await acceptVideo(db, {
      id,
      callerId: CALLERS[video % 2] ?? '',
      dialect: video % 3 === 0 ? 'airforce-2024' : 'airforce',
      request: makeRequest({ model: `m${video % 3}` }),
      estimateMicroUsd: ESTIMATE,
      createdAt: new Date(),
      expiresAt: new Date(Date.now() + DAY_MS),
      queueDeadlineAt: new Date(Date.now() + DAY_MS),
      batchId: null,
      limits: null,
      idempotency: null,
    });
  },
  grant,
  send: (db, { submission }) => (submission ? beginSending(db, submission.id, 1000) : Promise.resolve()),
  run: (db, { submission, id }) => (submission ? markRunning(db, submission.id, `task-${id}`) : Promise.resolve()),
  // The task of an orphan turns out to be a submission's.
  claim: (db, { submission, amount }) =>
    submission ? markRunning(db, submission.id, `orphan-${amount % 4}`) : Promise.resolve(),
  remember: async (db, { id, account, video, amount }) => {
    await inTransaction(db, async (tx) => {
      if (!(await lockVideo(tx, id))) return;
      const place = { account, provider: 'airforce', baseUrl: 'https://api.example', upstreamModel: 'm' } as const;
      const task = {
        submissionId: `s${video}-9`,
        n: 9,
        taskId: `orphan-${amount % 4}`,
        submittedAt: new Date().toISOString(),
      };
      await ensureRunning(tx, id, { ...place, ...task } as Parameters<typeof ensureRunning>[2]);
    });
  },
  succeed: (db, event) =>
    close(db, event, async (tx) =>
      event.submission
        ? await closeSubmission(tx, event.submission.id, { taskEnd: END, costMicroUsd: event.amount })
        : null,
    ),
  fail: (db, event) =>
    close(db, event, async (tx) => {
      const costMicroUsd = event.amount % 2 === 0 ? null : event.amount;
      return event.submission
        ? await closeSubmission(tx, event.submission.id, { taskEnd: NO_END, costMicroUsd })
        : null;
    }),
  deliver: (db, event) =>
    close(db, event, async (tx) =>
      event.submission
        ? await closeDelivered(tx, event.submission.id, { taskEnd: END, costMicroUsd: event.amount })
        : null,
    ),
  'take back': (db, event) =>
    close(db, event, async (tx) => (event.submission ? await takeBack(tx, event.submission.id, {}) : null)),
  conclude: (db, event) =>
    close(db, event, async (tx) =>
      event.submission
        ? await concludeDoubt(tx, event.submission.id, event.amount % 2 === 0 ? null : event.amount)
        : null,
    ),
  complete: (db, { id }) => endVideo(db, id, { state: 'completed', failure: null, archive: makeArchive() }),
  cancel: (db, { id }) => endVideo(db, id, { state: 'cancelled', failure: FAILURE, archive: null }),
  'give up': (db, { id }) =>
    endVideo(db, id, { state: 'failed', failure: { ...FAILURE, kind: 'answer_lost' }, archive: null }),
  expire: (db, { id }) => endVideo(db, id, { state: 'expired', failure: FAILURE, archive: null }),
  refund: (db, { id }) => refundVideo(db, id),
  settle: (db, { id, amount }) => settleReviewed(db, id, amount),
  'not made': (db, { id }) => resolveLostAnswer(db, id, { made: false }),
  made: (db, { id, amount }) => resolveLostAnswer(db, id, { made: true, taskId: `orphan-${amount % 4}` }),
  'settle presumed': async (db, { id }) => {
    const presumed = await findPresumed(db, id);
    if (presumed) await settlePresumed(db, presumed);
  },
  'find orphan': (db, { account, amount, atMs }) =>
    bookOrphan(db, {
      account,
      credential: account,
      taskId: `orphan-${amount % 4}`,
      upstreamModel: amount % 3 === 0 ? undefined : 'm1',
      costMicroUsd: amount,
      createdAt: new Date(atMs),
    }),
  'end orphan': (db, { account, amount }) =>
    endOrphan(db, { credential: account, taskId: `orphan-${amount % 4}` }, amount),
  // Nothing in the product moves an end; here it makes many days of one moment.
  'end earlier': async (db, { id, atMs }) => {
    const [row] = await db.select().from(videos).where(eq(videos.id, id));
    if (row && row.endedAt !== null)
      await db
        .update(videos)
        .set({ endedAt: new Date(atMs) })
        .where(eq(videos.id, id));
  },
} as const satisfies Record<string, (db: Db, event: Happening) => Promise<unknown>>;

async function happen(db: Db, event: Event): Promise<void> {
  const id = idOf(event.video);
  const submission = await findCurrentSubmission(db, id);
  try {
    await EVENTS[event.what](db, { ...event, id, submission });
  } catch (error) {
    // What cannot be is refused, or violates a constraint, and changes nothing.
    if (!(error instanceof Refusal || isUniqueViolation(error))) throw error;
  }
}

const at = (days: number) => new Date(FIRST_DAY_MS + days * DAY_MS);
const PERIODS: readonly Pick<CostFilter, 'from' | 'to'>[] = [
  { from: at(1), to: at(3) },
  { from: at(0.5), to: at(2.25) },
  { from: at(1.25), to: at(1.75) },
  { from: at(1), to: at(1.5) },
  { from: at(0.75) },
  { to: at(1.3) },
  { from: at(3), to: at(1.5) },
];
const GROUPS: readonly (readonly CostGroup[])[] = [
  [],
  ['day'],
  ['account'],
  ['caller', 'model'],
  ['model', 'account', 'day'],
];

const EVERYTHING: readonly CostGroup[] = ['day', 'model', 'caller', 'account'];

async function expectAgreement(db: Db): Promise<void> {
  const groups = GROUPS.map((groupBy) => ({ groupBy }));
  const periods = PERIODS.map((period) => ({ ...period, groupBy: EVERYTHING }));
  for (const asked of [...groups, ...periods]) {
    for (const callerId of [null, 'caller_1']) {
      const filter = { ...asked, callerId };
      expect({ filter, items: await costs(db, filter) }).toEqual({ filter, items: await recountCosts(db, filter) });
    }
  }
}

const event: fc.Arbitrary<Event> = fc.record({
  what: fc.constantFrom(...(Object.keys(EVENTS) as (keyof typeof EVENTS)[])),
  video: fc.nat({ max: 4 }),
  account: fc.constantFrom(...ACCOUNTS),
  amount: fc.integer({ min: 0, max: 500 }),
  atMs: fc.integer({ min: FIRST_DAY_MS, max: FIRST_DAY_MS + 4 * DAY_MS }),
});

/** Most events need that others came before: the ways that videos go, of which any step may be missing. */
const WAYS: readonly (readonly (keyof typeof EVENTS)[])[] = [
  ['grant', 'send', 'run', 'succeed', 'complete', 'end earlier', 'refund'],
  ['grant', 'send', 'run', 'fail', 'grant', 'send', 'deliver', 'complete', 'settle'],
  ['grant', 'send', 'run', 'cancel', 'end earlier', 'succeed', 'refund'],
  ['grant', 'send', 'run', 'expire', 'succeed'],
  ['grant', 'send', 'give up', 'made', 'end orphan'],
  ['grant', 'send', 'conclude', 'grant', 'send', 'cancel', 'settle presumed'],
  ['find orphan', 'grant', 'send', 'claim', 'end orphan'],
];

const way: fc.Arbitrary<readonly Event[]> = fc
  .tuple(
    event,
    fc.constantFrom(...WAYS).chain((whats) => fc.subarray([...whats], { minLength: whats.length - 1 })),
  )
  .map(([one, whats]) => whats.map((what) => ({ ...one, what })));

const history = fc
  .array(fc.oneof({ weight: 2, arbitrary: event.map((one) => [one]) }, { weight: 1, arbitrary: way }), {
    maxLength: 40,
  })
  .map((parts) => [...Array.from({ length: 5 }, (_, video) => accepted(video)), ...parts.flat()]);

const accepted = (video: number): Event => ({
  what: 'accept',
  video,
  account: 'airforce-1',
  amount: 0,
  atMs: FIRST_DAY_MS,
});

describeOnBothCatalogs('sums of costs', (catalog) => {
  async function begin(): Promise<Db> {
    const { db } = catalog.database;
    await emptyCatalog(catalog.database);
    for (const id of CALLERS) await insertCaller(db, id);
    return db;
  }

  test('agree with a recount after whatever happened', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (events) => {
        const db = await begin();
        for (const one of events) await happen(db, one);
        await expectAgreement(db);
      }),
      { ...randomRuns(12), endOnFailure: true },
    );
  });

  test('agree with a recount when much happens at once', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (events) => {
        const db = await begin();
        const workers = [0, 1, 2, 3].map((worker) => events.filter((_, index) => index % 4 === worker));
        await Promise.all(
          workers.map(async (own) => {
            for (const one of own) await happen(db, one);
          }),
        );
        await expectAgreement(db);
      }),
      { ...randomRuns(12), endOnFailure: true },
    );
  });

  test('agree with a recount when a video ends and a task of it is billed, neither of which sees the other', async () => {
    if (catalog.databaseUrl === null) return;
    const db = await begin();
    await insertVideo(db, { id: 'v1', account: 'airforce-1', state: 'generating' });
    await insertSubmission(db, { id: 's1', videoId: 'v1', state: 'running' });
    let billed = Promise.resolve<unknown>(undefined);
    await db.transaction(async (tx) => {
      await changeVideo(tx, 'v1', { state: 'failed', endedAt: at(1.5), settledMicroUsd: 0 });
      await tx.execute(sql`set constraints all immediate`);
      billed = closeSubmission(db, 's1', { taskEnd: NO_END, costMicroUsd: 50 });
      // It commits, if it does not wait for this transaction.
      await Promise.race([billed, sleep(300)]);
    });
    await billed;
    await expectAgreement(db);
    expect(await costs(db, { callerId: null, groupBy: [] })).toMatchObject([{ videos: 1, upstreamMicroUsd: 50 }]);
  });
});
