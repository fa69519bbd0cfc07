/** `checkTask`: what one poll records, what an old copy of the catalog is told by it, and what a late end settles. */

import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { eq, sql } from 'drizzle-orm';
import { listAccounts } from '../../src/catalog/account-views.ts';
import { costs } from '../../src/catalog/costs.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { accounts } from '../../src/catalog/tables/accounts.ts';
import { waiting } from '../../src/catalog/tables/queue.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { wish } from '../../src/catalog/wishes.ts';
import type { Poll } from '../../src/domain/poll.ts';
import type { TaskStatus } from '../../src/domain/provider.ts';
import type { RunningTask } from '../../src/domain/step.ts';
import { HeldBack, UpstreamError } from '../../src/domain/upstream-error.ts';
import type { CheckTaskInput } from '../../src/submissions/poll-task.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { accept, ESTIMATE, Scene, type SceneOptions } from '../model/scene.ts';
import { ANSWERED_5XX } from '../model/upstream.ts';

const RESULT = { url: 'https://cdn.example/clip.mp4', needsKey: false, expiresAtMs: null };
const SUCCEEDED: TaskStatus = { kind: 'succeeded', result: RESULT, costMicroUsd: 700_000 };
const pending = (progress: number): TaskStatus => ({ kind: 'pending', progress, word: 'processing', known: true });

describeOnBothCatalogs('checkTask', (catalog) => {
  let scene: Scene;

  const furnish = async (options: SceneOptions = {}) => {
    scene = await new Scene(catalog.database.db, options).furnish();
    return scene;
  };

  /** A video whose task runs. */
  async function running(videoId: string): Promise<RunningTask> {
    const next = await scene.submit(videoId, await scene.granted(videoId));
    if (next.step !== 'watch') throw new Error(`video ${videoId} has no task: ${next.step}`);
    return next.task;
  }

  async function poll(task: RunningTask, finality: CheckTaskInput['finality'] = 'never', videoId = 'v1') {
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    const input: CheckTaskInput = { videoId, task, finality };
    const seen: Poll = await environment.run(scene.activities.checkTask, input);
    return seen;
  }

  test('records progress that never falls (AF-30)', async () => {
    await furnish();
    const task = await running('v1');
    scene.upstream.finish(task.taskId, pending(40));
    expect(await poll(task)).toMatchObject({ kind: 'pending', progress: 40 });
    scene.upstream.finish(task.taskId, pending(30));
    expect(await poll(task)).toMatchObject({ kind: 'pending', progress: 40 });
    expect(await scene.video('v1')).toMatchObject({ state: 'generating', progress: 40, polls: 2 });
  });

  test('says that a task waits for an account which is not configured any more, as long as that is so', async () => {
    await furnish();
    const task = await running('v1');
    const elsewhere = { ...task, baseUrl: 'https://moved.example' };
    expect(await poll(elsewhere)).toMatchObject({ kind: 'unclear' });
    const detail = expect.stringContaining('not configured any more with the base URL https://moved.example');
    const { waitingFor } = (await scene.video('v1')) ?? {};
    expect(waitingFor).toMatchObject({ kind: 'account_suspended', until: null, detail });
    await poll(elsewhere);
    expect(await scene.video('v1')).toMatchObject({ waitingFor });
    scene.upstream.finish(task.taskId, pending(40));
    await poll(task);
    expect(await scene.video('v1')).toMatchObject({ state: 'generating', waitingFor: null });
  });

  test('closes the submission, moves the video on and grants the slot', async () => {
    await furnish({ accounts: [{ maxConcurrentTasks: 1 }] });
    const task = await running('v1');
    await accept(scene.db, 'v2');
    await scene.requestSlot('v2');
    scene.upstream.finish(task.taskId, SUCCEEDED);
    expect(await poll(task)).toMatchObject({ kind: 'over', next: { step: 'archive' } });
    expect(await scene.video('v1')).toMatchObject({ state: 'archiving', progress: 99, upstreamMicroUsd: 700_000 });
    expect(scene.told).toEqual(['v2']);
  });

  test('leaves no longer to the archive than the clip is kept for', async () => {
    await furnish();
    const task = await running('v1');
    const expiresAt = new Date(Date.now() + 60_000);
    await scene.db.update(videos).set({ expiresAt });
    scene.upstream.finish(task.taskId, SUCCEEDED);
    const next = { step: 'archive', resultExpiresAt: expiresAt.toISOString() };
    expect(await poll(task)).toMatchObject({ kind: 'over', next });
  });

  test('records an end once however often it is seen', async () => {
    await furnish();
    const task = await running('v1');
    scene.upstream.finish(task.taskId, SUCCEEDED);
    const polls = await Promise.all([poll(task), poll(task), poll(task)]);
    for (const seen of polls) expect(seen).toMatchObject({ kind: 'over', next: { step: 'archive' } });
    expect(await scene.video('v1')).toMatchObject({ polls: 1 });
    expect(await scene.statesOf('v1')).toEqual(['ended']);
  });

  test('settles a cancelled video when its task completes', async () => {
    await furnish();
    const task = await running('v1');
    expect(await scene.end('v1', 'cancelled')).toMatchObject({ step: 'watch', ended: true });
    scene.upstream.finish(task.taskId, SUCCEEDED);
    expect(await poll(task)).toMatchObject({ kind: 'over', next: { step: 'ended' } });
    expect(await scene.video('v1')).toMatchObject({ state: 'cancelled', settledMicroUsd: 700_000 });
  });

  test('takes a video without a cost at its estimate', async () => {
    await furnish();
    const task = await running('v1');
    scene.upstream.finish(task.taskId, { kind: 'succeeded', result: RESULT, costMicroUsd: null });
    await poll(task);
    expect(await scene.submissionsOf('v1')).toMatchObject([{ costMicroUsd: ESTIMATE }]);
  });

  test.each([
    ['never', 'missing', 'running'],
    // As older runs ask it.
    ['if missing', 'missing', 'running'],
    ['in any case', 'over', 'ended'],
  ] as const)('with finality %s takes a task that is not known as %s', async (finality, kind, state) => {
    await furnish();
    const task = await running('v1');
    scene.upstream.finish(task.taskId, { kind: 'missing' });
    expect(await poll(task, finality)).toMatchObject({ kind });
    expect(await scene.statesOf('v1')).toEqual([state]);
  });

  describe('of a task that its upstream does not know', () => {
    const LIST_LACKS_IT = { list: [{ taskId: 'another' }] } as const;

    interface Missing {
      readonly list?: readonly { readonly taskId: string }[];
      readonly hasList?: boolean;
    }

    async function missing({ list, hasList = true }: Missing = {}) {
      await furnish({ accounts: [{ maxConcurrentTasks: 1 }], hasList });
      const task = await running('v1');
      await accept(scene.db, 'v2');
      await scene.requestSlot('v2');
      scene.upstream.finish(task.taskId, { kind: 'missing' });
      if (list) {
        const tasks = list.map(({ taskId }) => ({ taskId, createdAtMs: undefined, costMicroUsd: null }));
        scene.upstream.provider.list = async () => ({ tasks, upstreamNowMs: Date.now() });
      }
      return task;
    }

    test('keeps it for as long as the list shows it', async () => {
      const task = await missing();
      await poll(task);
      await scene.pass(9 * 60_000);
      expect(await poll(task)).toEqual({ kind: 'missing' });
      expect(scene.told).toEqual([]);
    });

    test('gives it up after a minute in which the list lacks it as well, and follows it on for its bill', async () => {
      const task = await missing(LIST_LACKS_IT);
      await poll(task);
      await scene.pass(50_000);
      expect(await poll(task)).toEqual({ kind: 'missing' });
      await scene.pass(10_000);
      expect(await poll(task)).toMatchObject({ kind: 'over', next: { step: 'end', state: 'failed' } });
      // It may run still: its slot stays taken.
      expect(scene.told).toEqual([]);
      expect(scene.incidents).toEqual(['task_missing']);
      scene.upstream.finish(task.taskId, { kind: 'succeeded', result: null, costMicroUsd: 700_000 });
      await scene.sweep();
      expect(scene.told).toEqual(['v2']);
      expect(await costs(scene.db, { callerId: null, groupBy: [] })).toMatchObject([{ lostMicroUsd: 700_000 }]);
    });

    test('believes ten minutes where no list tells', async () => {
      const task = await missing({ list: [] });
      await poll(task);
      await scene.pass(9 * 60_000);
      expect(await poll(task)).toEqual({ kind: 'missing' });
      await scene.pass(60_000);
      expect(await poll(task)).toMatchObject({ kind: 'over' });
    });

    test('asks for no list where the operator says that there is none', async () => {
      const task = await missing({ ...LIST_LACKS_IT, hasList: false });
      await poll(task);
      await scene.pass(9 * 60_000);
      expect(await poll(task)).toEqual({ kind: 'missing' });
    });

    test('begins anew when it is known again', async () => {
      const task = await missing({ list: [] });
      await poll(task);
      await scene.pass(9 * 60_000);
      scene.upstream.finish(task.taskId, pending(10));
      await poll(task);
      scene.upstream.finish(task.taskId, { kind: 'missing' });
      await poll(task);
      await scene.pass(9 * 60_000);
      expect(await poll(task)).toEqual({ kind: 'missing' });
    });
  });

  test('says that rows have changed: a cancel that the workflow has not heard of is obeyed', async () => {
    await furnish();
    const task = await running('v1');
    await wish(scene.db, 'v1', 'cancel');
    expect(await poll(task)).toMatchObject({ kind: 'over', next: { step: 'cancel', task: { taskId: task.taskId } } });
  });

  describe('at the deadline', () => {
    const unknown = { kind: 'pending', progress: 100, word: 'plated', known: false } as const;
    const late = new Date(Date.now() - 1).toISOString();

    test('takes the clip that is there under a word which is not known', async () => {
      await furnish();
      const task = await running('v1');
      scene.upstream.finish(task.taskId, { ...unknown, result: RESULT });
      expect(await poll(task)).toMatchObject({ kind: 'pending' });
      const last = await poll({ ...task, deadlineAt: late });
      expect(last).toMatchObject({ kind: 'over', next: { step: 'archive' } });
      expect(await scene.submissionsOf('v1')).toMatchObject([{ state: 'ended', costMicroUsd: ESTIMATE }]);
    });

    test.each<[string, object, object]>([
      ['where there is none', unknown, {}],
      ['where the caller bounded its time', { ...unknown, result: RESULT }, { onDeadline: 'cancelled' }],
    ])('goes on %s', async (_name, status, bounds) => {
      await furnish();
      const task = await running('v1');
      scene.upstream.finish(task.taskId, status as TaskStatus);
      expect(await poll({ ...task, deadlineAt: late, ...bounds })).toMatchObject({ kind: 'pending', word: 'plated' });
    });
  });

  test('counts words that are not known, logs each once, and shows the last', async () => {
    await furnish();
    const task = await running('v1');
    // A process logs each but once.
    const word = `simmering ${process.hrtime.bigint()}`;
    scene.upstream.finish(task.taskId, { kind: 'pending', progress: null, word, known: false });
    await poll(task);
    await poll(task);
    expect(scene.incidents).toEqual(['unknown_word', 'unknown_word']);
    expect(scene.words).toEqual([`airforce-1 ${word}`]);
    expect(await scene.video('v1')).toMatchObject({ state: 'generating', lastWord: word });
    await endVideo(scene.db, 'v1', {
      state: 'expired',
      failure: { kind: 'deadline_exceeded', message: 'late', upstream: null },
      archive: null,
    });
    expect(await scene.video('v1')).toMatchObject({ failure: { upstream: { message: word } } });
  });

  describe('that fails', () => {
    /** Which row version the account has: it changes with each write. */
    const accountVersion = async () => {
      const [row] = await scene.db.select({ version: sql<string>`xmin::text` }).from(accounts);
      return row?.version;
    };
    const failWith = (error: Error) => {
      scene.upstream.onCheck = async () => Promise.reject(error);
    };

    test('tells operators why, once for each reason', async () => {
      await furnish();
      const task = await running('v1');
      failWith(new UpstreamError('answered', '503 from the task', { upstream: { status: 503 }, retryAfterMs: 7 }));
      expect(await poll(task)).toEqual({ kind: 'unclear', message: '503 from the task', retryAfterMs: 7 });
      const failed = { state: 'active', lastError: 'a task could not be polled: 503 from the task' };
      expect(await listAccounts(scene.db)).toMatchObject([failed]);
      const before = await accountVersion();
      await poll(task);
      scene.upstream.onCheck = async () => undefined;
      expect(await poll(task)).toMatchObject({ kind: 'pending' });
      expect(await accountVersion()).toBe(before);
      expect(await scene.video('v1')).toMatchObject({ state: 'generating', polls: 3 });
      failWith(new UpstreamError('lost', 'no answer in time'));
      await poll(task);
      expect(await listAccounts(scene.db)).toMatchObject([{ lastError: expect.stringMatching(/no answer in time$/) }]);
    });

    test('tells them nothing of polls that were only held back', async () => {
      await furnish();
      const task = await running('v1');
      failWith(new HeldBack('too many', { retryAfterMs: 7 }));
      expect(await poll(task)).toEqual({ kind: 'unclear', message: 'too many', retryAfterMs: 7 });
      expect(await listAccounts(scene.db)).toMatchObject([{ state: 'active', lastError: null }]);
    });
  });

  test('never asks with another key when the account has vanished', async () => {
    await furnish();
    const task = await running('v1');
    expect(await poll({ ...task, account: 'gone' })).toMatchObject({ kind: 'unclear' });
  });
});

describeOnBothCatalogs('checkTask over an older copy of the catalog', (catalog) => {
  let scene: Scene;

  /** A video that runs, whose catalog is then set back to what `restore` leaves of it. */
  async function restored(restore: () => Promise<unknown>): Promise<RunningTask> {
    scene = await new Scene(catalog.database.db, { accounts: [{ maxConcurrentTasks: 1 }] }).furnish();
    const next = await scene.submit('v1', await scene.granted('v1'));
    if (next.step !== 'watch') throw new Error(next.step);
    const queued = { state: 'queued', taskId: null, account: null, submittedAt: null } as const;
    await scene.db.update(videos).set(queued);
    await restore();
    return next.task;
  }

  const wait = async () => {
    const place = {
      videoId: 'v1',
      pool: 'main',
      callerId: 'caller_1',
      model: 'wan-2.6',
      place: 0,
      queuedAt: new Date(),
    };
    await scene.db.insert(waiting).values(place);
  };

  const poll = async (task: RunningTask): Promise<Poll> =>
    await scene
      .take('v1', { step: 'watch', task, ended: false })
      .then((next) => (next.step === 'watch' ? { kind: 'pending', progress: 0, word: '' } : { kind: 'over', next }));

  const isHealed = async (task: RunningTask) => {
    expect(await poll(task)).toMatchObject({ kind: 'pending' });
    const open = (await scene.submissionsOf('v1')).filter(({ state }) => state !== 'void');
    expect(open).toMatchObject([{ id: task.submissionId, state: 'running', taskId: task.taskId }]);
    expect(await scene.video('v1')).toMatchObject({
      state: 'generating',
      taskId: task.taskId,
      account: 'airforce-1',
      submittedAt: new Date(task.submittedAt),
    });
    expect(await scene.db.select().from(waiting)).toEqual([]);
    scene.upstream.finish(task.taskId, SUCCEEDED);
    expect(await poll(task)).toMatchObject({ kind: 'over', next: { step: 'archive' } });
    expect(scene.upstream.creates).toHaveLength(1);
  };

  test('enters a submission that was lost', async () => {
    await isHealed(await restored(() => scene.db.delete(submissions)));
  });

  test('takes the video out of a queue that it left long ago', async () => {
    const task = await restored(async () => {
      await scene.db.delete(submissions);
      await wait();
    });
    await isHealed(task);
  });

  test.each(['granted', 'sending', 'unconfirmed'] as const)('moves a submission on that was %s', async (state) => {
    await isHealed(await restored(() => scene.db.update(submissions).set({ state, taskId: null })));
  });

  test('voids a slot that the video was granted since', async () => {
    const task = await restored(async () => {
      await scene.db.delete(submissions);
      await wait();
      await scene.sweep();
      expect(await scene.statesOf('v1')).toEqual(['granted']);
    });
    await isHealed(task);
  });

  test('voids an older submission that seemed to be in doubt', async () => {
    scene = await new Scene(catalog.database.db, {}).furnish();
    const id = await scene.granted('v1');
    scene.upstream.plan('v1', { records: 'never', answer: ANSWERED_5XX });
    await scene.submit('v1', id);
    await scene.submit('v1', id);
    await scene.pass(5000);
    const next = await scene.take('v1', await scene.requestSlot('v1'));
    if (next.step !== 'watch') throw new Error(next.step);
    const { task } = next;
    await scene.db.delete(submissions).where(eq(submissions.id, task.submissionId));
    await scene.db.update(submissions).set({ state: 'unconfirmed', endedAt: null });
    await poll(task);
    expect(await scene.statesOf('v1')).toEqual(['void', 'running']);
  });
});
