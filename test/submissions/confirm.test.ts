/** What became of a lost create: which tasks of the list can be its own, and when their absence proves anything. */

import { eq } from 'drizzle-orm';
import { listAccounts } from '../../src/catalog/account-views.ts';
import { accounts } from '../../src/catalog/tables/accounts.ts';
import { waiting } from '../../src/catalog/tables/queue.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { wish } from '../../src/catalog/wishes.ts';
import type { TaskEnd } from '../../src/domain/submission.ts';
import { UpstreamError } from '../../src/domain/upstream-error.ts';
import { makeRequest } from '../builders.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { accept, ESTIMATE, Scene, type SceneOptions } from '../model/scene.ts';
import { ANSWERED_5XX, LOST, type MadeTask } from '../model/upstream.ts';

/** Of one project. */
const TWO_KEYS = ['a', 'b'].map((id) => ({ id, baseUrl: 'https://airforce-1.example', credential: `key ${id}` }));

describeOnBothCatalogs('the list of an account', (catalog) => {
  let scene: Scene;
  let submissionId: string;

  /** A create that was lost, and no list read since. */
  async function lose(options: SceneOptions = {}): Promise<void> {
    scene = await new Scene(catalog.database.db, options).furnish();
    submissionId = await scene.granted('v1');
    scene.upstream.plan('v1', { records: 'never', answer: 'never' });
    const reached = new Promise<void>((resolve) => {
      scene.upstream.onCreate = () => resolve();
    });
    abandoned = scene.submit('v1', submissionId);
    await reached;
  }

  let abandoned: Promise<unknown> = Promise.resolve();

  afterEach(async () => {
    jest.restoreAllMocks();
    scene.upstream.release();
    await abandoned;
  });

  const show = (overrides: Partial<MadeTask> = {}) => {
    scene.upstream.tasks.push({
      taskId: `task_${scene.upstream.tasks.length + 1}`,
      key: 'unknown',
      account: 'https://airforce-1.example',
      model: 'wan-2.6',
      prompt: 'v1',
      durationSeconds: 8,
      visibleAtMs: Date.now(),
      status: { kind: 'missing' },
      ...overrides,
    });
  };

  const confirm = () => scene.submit('v1', submissionId);

  test('shows the task that is adopted', async () => {
    await lose();
    show();
    expect(await confirm()).toMatchObject({ step: 'watch', task: { taskId: 'task_1' } });
  });

  test.each([
    ['a trimmed prompt', { prompt: ' v1\n' }],
    ['another duration', { durationSeconds: 5 }],
    ['another name of the model', { model: 'wan-2.6-2026-10-06' }],
  ])('shows a task of %s that is adopted', async (_name, other) => {
    await lose();
    show(other);
    expect(await confirm()).toMatchObject({ step: 'watch', task: { taskId: 'task_1' } });
  });

  test('shows a task to all keys of a project, which may be that of a twin at another one', async () => {
    await lose({ accounts: TWO_KEYS });
    const twin = await scene.granted('v2');
    const request = makeRequest({ prompt: 'v1', model: 'wan-2.6' });
    await scene.db.update(videos).set({ request }).where(eq(videos.id, 'v2'));
    const ofTwin = eq(submissions.id, twin);
    await scene.db.update(submissions).set({ state: 'unconfirmed', sentAt: new Date() }).where(ofTwin);
    show();
    expect(await confirm()).toMatchObject({ step: 'confirm' });
    await scene.db.update(submissions).set({ state: 'running', taskId: 'task_1' }).where(ofTwin);
    show();
    expect(await confirm()).toMatchObject({ step: 'watch', task: { taskId: 'task_2' } });
  });

  test('shows its own task under a number that the task of another key has as well', async () => {
    await lose({ accounts: TWO_KEYS });
    const others = eq(submissions.id, await scene.granted('v2'));
    await scene.db.update(submissions).set({ state: 'running', taskId: 'task_1' }).where(others);
    show();
    expect(await confirm()).toMatchObject({ step: 'watch', task: { account: 'a', taskId: 'task_1' } });
  });

  test.each([
    ['another prompt', { prompt: 'v2' }],
    ['another account', { account: 'https://elsewhere.example' }],
    ['an earlier time', { visibleAtMs: Date.now() - 10_000 }],
  ])('shows a task of %s that is not adopted', async (_name, other) => {
    await lose();
    show(other);
    expect(await confirm()).toMatchObject({ step: 'confirm' });
  });

  test('shows a task of another video that is not adopted', async () => {
    await lose();
    show();
    const { db } = scene;
    await accept(db, 'v2');
    const [row] = await db.select().from(submissions);
    if (!row) throw new Error('the submission is gone');
    await db.insert(submissions).values({ ...row, id: 's2', videoId: 'v2', state: 'ended', taskId: 'task_1' });
    expect(await confirm()).toMatchObject({ step: 'confirm' });
  });

  test('proves nothing while the create may still be sent', async () => {
    await lose();
    for (let round = 0; round < 3; round++) expect(await confirm()).toMatchObject({ step: 'confirm' });
    expect(await scene.submissionsOf('v1')).toMatchObject([{ state: 'sending', firstEmptyListAt: null }]);
  });

  test('with two tasks proves nothing while the create may still be answered', async () => {
    await lose();
    show();
    show();
    expect(await confirm()).toMatchObject({ step: 'confirm' });
    const earlier = new Date(Date.now() - 2000);
    await scene.db.update(submissions).set({ sendUntil: earlier });
    expect(await confirm()).toMatchObject({ step: 'ended', end: { failure: { kind: 'answer_lost' } } });
  });

  const unreadable = (status: number) => async () => {
    throw new UpstreamError('answered', `${status}: the prompts of others`, { upstream: { status } });
  };

  test('that cannot be read is asked for again, and what it answered is for operators alone', async () => {
    await lose();
    scene.upstream.onList = unreadable(503);
    const reason = 'the answer to the create was lost, and the account’s list cannot be read';
    expect(await confirm()).toMatchObject({ step: 'confirm', lookAgainMs: 5000, reason });
    const { waitingFor, failure } = await scene.video('v1');
    expect({ waitingFor, failure }).toMatchObject({
      waitingFor: { kind: 'lost_answer', detail: reason },
      failure: null,
    });
    expect(JSON.stringify(await scene.db.select().from(videos))).not.toContain('the prompts of others');
    const lastError = 'the list cannot be read: 503: the prompts of others';
    expect(await listAccounts(scene.db)).toMatchObject([{ lastError }]);
    scene.upstream.onList = async () => show();
    expect(await confirm()).toMatchObject({ step: 'watch' });
    expect(await scene.video('v1')).toMatchObject({ state: 'generating', waitingFor: null });
  });

  test('that cannot be read for two minutes counts as none', async () => {
    await lose();
    scene.upstream.onList = unreadable(500);
    await scene.pass(62_000);
    expect(await confirm()).toMatchObject({ step: 'confirm' });
    await scene.pass(120_000);
    await confirm();
    expect(await confirm()).toMatchObject({ step: 'ended', end: { failure: { kind: 'answer_lost' } } });
    expect(scene.upstream.creates).toHaveLength(1);
    expect(await scene.submissionsOf('v1')).toMatchObject([{ state: 'void', presumed: true, costMicroUsd: ESTIMATE }]);
  });

  test('that is back when the hold of the slot ends is read before anything is decided', async () => {
    await lose();
    const settings = { onLostAnswer: 'resubmit', lostAnswerHoldMs: 600_000 } as const;
    for (const account of scene.dependencies.accounts) Object.assign(account, settings);
    scene.upstream.onList = unreadable(503);
    await confirm();
    await scene.pass(182_000);
    expect(await confirm()).toMatchObject({ step: 'confirm' });
    await scene.pass(600_000);
    scene.upstream.onList = async () => undefined;
    show();
    expect(await confirm()).toMatchObject({ step: 'watch', task: { taskId: 'task_1' } });
    expect(scene.upstream.creates).toHaveLength(1);
  });

  test.each([404, 405, 501])('that is answered with %d is none, and the account says so', async (status) => {
    await lose();
    scene.upstream.onList = unreadable(status);
    await scene.pass(62_000);
    await confirm();
    expect(await confirm()).toMatchObject({ step: 'ended', end: { failure: { kind: 'answer_lost' } } });
    expect(await listAccounts(scene.db)).toMatchObject([{ reasons: ['no list'], inUse: 0 }]);
  });

  test('that has shown a task of ours is there, although its server says that there is none', async () => {
    await lose();
    await scene.db.update(accounts).set({ listProvenAt: new Date() });
    scene.upstream.onList = unreadable(404);
    await scene.pass(62_000);
    expect(await confirm()).toMatchObject({ step: 'confirm' });
    scene.upstream.onList = async () => undefined;
    show();
    expect(await confirm()).toMatchObject({ step: 'watch', task: { taskId: 'task_1' } });
  });

  describe('beside earlier tasks of ours', () => {
    /** Clips that were made before the create: one that runs still, or has ended so, and an older one. */
    async function madeBefore(newest: Partial<typeof submissions.$inferInsert>): Promise<void> {
      const [row] = await scene.db.select().from(submissions);
      if (!row) throw new Error('the submission is gone');
      const made: TaskEnd = { kind: 'succeeded', resultUrl: 'x', needsKey: false, expiresAt: '2100-01-01T00:00:00Z' };
      const ended = { state: 'ended', taskEnd: made, singleLane: false, endedAt: new Date() } as const;
      for (const [id, ageMs, more] of [
        ['older', 20_000, {}],
        ['newest', 10_000, newest],
      ] as const) {
        await accept(scene.db, id);
        const sentAt = new Date(Date.now() - ageMs);
        await scene.db.insert(submissions).values({ ...row, id, videoId: id, taskId: id, sentAt, ...ended, ...more });
      }
      show({ taskId: 'older', prompt: 'older', visibleAtMs: Date.now() - 20_000 });
      await scene.pass(62_000);
    }

    test.each([
      ['runs', { state: 'running', taskEnd: null, endedAt: null }],
      ['has made its clip', {}],
    ] as const)(
      'without the newest, which %s, proves nothing, and the create is not sent again',
      async (_how, newest) => {
        await lose();
        await madeBefore(newest);
        for (let round = 0; round < 3; round++) expect(await confirm()).toMatchObject({ step: 'confirm' });
        expect(await listAccounts(scene.db)).toMatchObject([
          { lastError: expect.stringContaining('without the newest') },
        ]);
        await scene.pass(122_000);
        await confirm();
        expect(await confirm()).toMatchObject({ step: 'ended', end: { failure: { kind: 'answer_lost' } } });
        expect(scene.upstream.creates).toHaveLength(1);
        expect(await scene.submissionsOf('v1')).toMatchObject([{ presumed: true, costMicroUsd: ESTIMATE }]);
      },
    );

    test('without the newest, which failed, proves that no task was made', async () => {
      await lose();
      await madeBefore({ taskEnd: { kind: 'failed', upstream: {} } });
      await confirm();
      expect(await confirm()).toMatchObject({ step: 'slot' });
    });

    test('that shows the newest again tells of the task', async () => {
      await lose();
      await madeBefore({});
      expect(await confirm()).toMatchObject({ step: 'confirm' });
      show({ taskId: 'newest', prompt: 'newest', visibleAtMs: Date.now() - 10_000 });
      await confirm();
      expect(await confirm()).toMatchObject({ step: 'slot' });
    });
  });

  test.each([-5 * 3600_000, 8 * 3600_000])(
    'whose dates are of a clock that is %d ms ahead is read by our own tasks in it',
    async (offMs) => {
      await lose();
      scene.upstream.datesAheadMs = offMs;
      const [row] = await scene.db.select().from(submissions);
      if (!row) throw new Error('the submission is gone');
      await accept(scene.db, 'v2');
      const sentAt = new Date(Date.now() - 60_000);
      await scene.db
        .insert(submissions)
        .values({ ...row, id: 's2', videoId: 'v2', taskId: 'task_1', state: 'ended', sentAt });
      show({ prompt: 'v2', visibleAtMs: Date.now() - 60_000 });
      show({ prompt: 'v1', visibleAtMs: Date.now() - 3600_000 });
      await scene.db.update(submissions).set({ sendUntil: new Date() });
      expect(await confirm()).toMatchObject({ step: 'confirm' });
      show();
      expect(await confirm()).toMatchObject({ step: 'watch', task: { taskId: 'task_3' } });
    },
  );

  test('that cannot be read leaves a create whose worker is gone to its caller and to operators', async () => {
    await lose();
    scene.upstream.onList = unreadable(503);
    await scene.pass(62_000);
    expect(await confirm()).toMatchObject({ step: 'confirm' });
    expect(await scene.statesOf('v1')).toEqual(['unconfirmed']);
    expect(await scene.video('v1')).toMatchObject({ state: 'unconfirmed', waitingFor: { kind: 'lost_answer' } });
    await wish(scene.db, 'v1', 'cancel');
    expect(await confirm()).toMatchObject({ step: 'end', state: 'cancelled' });
  });

  test('of an account that is at another host now is not asked for with its key', async () => {
    await lose();
    await scene.db.update(submissions).set({ baseUrl: 'https://before.example' }).where(eq(submissions.videoId, 'v1'));
    let lists = 0;
    scene.upstream.onList = async () => void lists++;
    await confirm();
    expect(lists).toBe(0);
  });

  test.each(['sending', 'unconfirmed'] as const)(
    'that lacks the task of a cancelled video, whose create is %s, has nothing sent again',
    async (state) => {
      await lose();
      await scene.db.update(submissions).set({ state, answered: false });
      await wish(scene.db, 'v1', 'cancel');
      await scene.pass(62_000);
      let next = await confirm();
      for (let steps = 0; next.step !== 'ended' && steps < 5; steps++) next = await scene.take('v1', next);
      expect(next).toMatchObject({ step: 'ended', end: { state: 'cancelled', settledMicroUsd: 0 } });
      expect(await scene.statesOf('v1')).toEqual(['void']);
      expect(await scene.db.select().from(waiting)).toEqual([]);
      expect(scene.upstream.creates).toHaveLength(1);
      expect(scene.incidents).not.toContain('create_repeated');
    },
  );

  test('of an account that has vanished is not asked for with another key', async () => {
    await lose();
    await scene.db.update(submissions).set({ account: 'gone' }).where(eq(submissions.videoId, 'v1'));
    let lists = 0;
    scene.upstream.onList = async () => void lists++;
    await confirm();
    expect(lists).toBe(0);
  });

  test('that shows a younger task which cannot be told ends the clip, and the task takes a slot', async () => {
    await lose();
    await scene.pass(62_000);
    show({ prompt: 'other words' });
    await confirm();
    expect(await confirm()).toMatchObject({ step: 'ended', end: { failure: { kind: 'answer_lost' } } });
    expect(await listAccounts(scene.db)).toMatchObject([{ inUse: 1, slots: [{ state: 'orphan' }] }]);
  });

  test('lets others go on beside a doubt that is older than ninety seconds', async () => {
    await lose();
    await accept(scene.db, 'v2');
    expect(await scene.requestSlot('v2')).toMatchObject({ step: 'slot' });
    scene.upstream.onList = unreadable(503);
    await scene.pass(80_000);
    expect(await confirm()).toMatchObject({ step: 'confirm', lookAgainMs: 5000 });
    expect(scene.told).toEqual([]);
    await scene.pass(10_000);
    expect(await confirm()).toMatchObject({ step: 'confirm' });
    expect(scene.told).toEqual(['v2']);
    expect(scene.incidents).toEqual(['lane_opened']);
  });

  test('shows a task without words that two doubts may have made, and neither adopts it after the other has ended', async () => {
    await lose();
    scene.upstream.showsPrompts = false;
    scene.upstream.onList = unreadable(503);
    await scene.pass(90_000);
    await confirm();
    // Beside the doubt another create is lost, and its task is made.
    const other = await scene.granted('v2');
    scene.upstream.plan('v2', { records: 'never', answer: ANSWERED_5XX });
    await scene.submit('v2', other);
    show({ prompt: 'v2' });
    scene.upstream.onList = async () => undefined;
    const confirmOther = () => scene.submit('v2', other);
    await confirmOther();
    await scene.pass(60_000);
    expect(await confirmOther()).toMatchObject({ step: 'ended', end: { failure: { kind: 'answer_lost' } } });
    await confirm();
    await scene.pass(60_000);
    expect(await confirm()).toMatchObject({ step: 'ended', end: { failure: { kind: 'answer_lost' } } });
    expect(await listAccounts(scene.db)).toMatchObject([{ inUse: 1, slots: [{ state: 'orphan' }] }]);
  });

  test('is judged by the clock of the catalog, not by that of the worker', async () => {
    if (catalog.databaseUrl === null) return; // The embedded catalog has no clock of its own.
    await lose();
    const now = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => now() + 600_000);
    expect(await confirm()).toMatchObject({ step: 'confirm' });
    expect(await scene.submissionsOf('v1')).toMatchObject([{ state: 'sending', firstEmptyListAt: null }]);
  });

  test.each([
    ['answered', ANSWERED_5XX, 5000],
    ['not answered', LOST, 30_000],
  ])('that shows nothing counts from its first reading when the create was %s', async (_name, answer, windowMs) => {
    scene = await new Scene(catalog.database.db, { listWindow: { answeredMs: 5000, unansweredMs: 30_000 } }).furnish();
    submissionId = await scene.granted('v1');
    scene.upstream.plan('v1', { records: 'never', answer });
    await confirm();
    const long = (ms: number) => new Date(Date.now() - ms);
    await scene.db.update(submissions).set({ sentAt: long(200_000), sendUntil: long(140_000) });
    await confirm();
    await scene.db.update(submissions).set({ firstEmptyListAt: long(windowMs - 4500) });
    const step = await confirm();
    expect(step).toMatchObject({ step: 'confirm' });
    expect(step.step === 'confirm' && step.lookAgainMs).toBeLessThanOrEqual(4500);
    await scene.db.update(submissions).set({ firstEmptyListAt: long(windowMs) });
    expect(await confirm()).toMatchObject({ step: 'slot', lookAgainMs: expect.any(Number) });
    expect(await scene.statesOf('v1')).toEqual(['void']);
  });
});
