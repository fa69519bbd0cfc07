/** A catalog that is an older copy of itself and has lost a video whose workflow runs: nothing is made or paid twice. */

import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { eq } from 'drizzle-orm';
import { callers, ledger } from '../../src/catalog/tables/callers.ts';
import { waiting } from '../../src/catalog/tables/queue.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import type { Poll } from '../../src/domain/poll.ts';
import type { TaskStatus } from '../../src/domain/provider.ts';
import { type NextStep, type RunningTask, remember, type TaskMemory } from '../../src/domain/step.ts';
import type { CheckTaskInput } from '../../src/submissions/poll-task.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { ESTIMATE, Scene, type SceneOptions } from '../model/scene.ts';
import { LOST } from '../model/upstream.ts';

const RESULT = { url: 'https://cdn.example/clip.mp4', needsKey: false, expiresAtMs: null };
const SUCCEEDED: TaskStatus = { kind: 'succeeded', result: RESULT, costMicroUsd: 700_000 };
const PENDING: TaskStatus = { kind: 'pending', progress: 10, word: 'processing', known: true };

describeOnBothCatalogs('a video that the catalog has lost', (catalog) => {
  let scene: Scene;

  const furnish = async (options: SceneOptions = {}) => {
    scene = await new Scene(catalog.database.db, options).furnish();
  };

  /** The catalog as it was before the video was accepted. */
  async function forget(): Promise<void> {
    for (const table of [videos, waiting, submissions, ledger]) await scene.db.delete(table);
    await scene.db.update(callers).set({ availableMicroUsd: 0, heldMicroUsd: 0, spentMicroUsd: 0 });
  }

  async function running(): Promise<RunningTask> {
    const next = await scene.submit('v1', await scene.granted('v1'));
    if (next.step !== 'watch') throw new Error(next.step);
    return next.task;
  }

  async function poll(task: RunningTask): Promise<Poll> {
    const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
    const input: CheckTaskInput = { videoId: 'v1', task, finality: 'never' };
    const seen: Poll = await environment.run(scene.activities.checkTask, input);
    return seen;
  }

  /** On from the step, as the workflow goes, to the video's end. */
  async function toItsEnd(first: NextStep): Promise<void> {
    let next = first;
    for (let steps = 0; steps < 20 && next.step !== 'ended'; steps++) next = await scene.take('v1', next);
  }

  async function isSettledOnce(): Promise<void> {
    expect(await scene.video('v1')).toMatchObject({ state: 'completed', settledMicroUsd: 700_000 });
    const entries = await scene.db.select().from(ledger).where(eq(ledger.videoId, 'v1'));
    expect(entries.map(({ kind }) => kind).toSorted()).toEqual(['hold', 'release', 'settle']);
    const [caller] = await scene.db.select().from(callers);
    expect(caller).toMatchObject({ availableMicroUsd: -700_000, heldMicroUsd: 0, spentMicroUsd: 700_000 });
    expect(scene.upstream.creates).toHaveLength(1);
  }

  const OPEN = { step: 'open' };

  test('is to be opened again at each step that its workflow may take next', async () => {
    await furnish();
    const task = await running();
    await forget();
    expect(await scene.requestSlot('v1')).toEqual(OPEN);
    expect(await scene.submit('v1', 'submission_gone')).toEqual(OPEN);
    for (const state of ['completed', 'failed', 'cancelled', 'expired'] as const) {
      expect(await scene.end('v1', state)).toEqual(OPEN);
    }
    for (const status of [PENDING, SUCCEEDED, { kind: 'missing' }] as const) {
      await scene.db.delete(submissions);
      scene.upstream.finish(task.taskId, status);
      expect(await poll(task)).toEqual({ kind: 'over', next: OPEN });
      // Its slot is taken before anything else.
      expect(await scene.statesOf('v1')).toEqual(['running']);
    }
  });

  test('keeps the task that its workflow watches', async () => {
    await furnish();
    const task = await running();
    await forget();
    const memory: TaskMemory = { kind: 'running', task };
    expect(await scene.open('v1', memory)).toMatchObject({
      step: 'watch',
      task: { taskId: task.taskId },
      ended: false,
    });
    expect(await scene.open('v1', memory)).toMatchObject({ step: 'watch' });
    scene.upstream.finish(task.taskId, SUCCEEDED);
    await toItsEnd({ step: 'watch', task, ended: false });
    await isSettledOnce();
    expect(await scene.video('v1')).toMatchObject({ taskId: task.taskId, account: 'airforce-1', provider: 'airforce' });
  });

  test('adopts the task of a create whose answer was not known', async () => {
    await furnish();
    const submissionId = await scene.granted('v1');
    scene.upstream.plan('v1', { records: 'at once', answer: LOST });
    jest.spyOn(scene.upstream.provider, 'list').mockRejectedValueOnce(new Error('not now'));
    expect(await scene.submit('v1', submissionId)).toMatchObject({ step: 'confirm' });
    await forget();
    expect(await scene.submit('v1', submissionId)).toEqual(OPEN);
    const at = { account: 'airforce-1', provider: 'airforce' } as const;
    const create = { submissionId, ...at };
    const next = await scene.open('v1', { kind: 'sent', create });
    expect(next).toMatchObject({ step: 'confirm', submissionId });
    expect(await scene.video('v1')).toMatchObject({ ...at, submissions: 1, sentAt: expect.any(Date) });
    const watch = await scene.take('v1', next);
    if (watch.step !== 'watch') throw new Error(watch.step);
    scene.upstream.finish(watch.task.taskId, SUCCEEDED);
    await toItsEnd(watch);
    await isSettledOnce();
  });

  test('is a lost answer that is booked, where the clip came with it and nothing can be polled', async () => {
    await furnish({ listWindow: null });
    const submissionId = await scene.granted('v1');
    const clip = { sha256: 'a'.repeat(64), sizeBytes: 1000 };
    scene.upstream.plan('v1', { records: 'never', answer: { kind: 'delivered', clip } });
    const create = { submissionId, account: 'airforce-1', provider: 'airforce' } as const;
    const sent = remember(null, { step: 'submit', ...create });
    const next = await scene.submit('v1', submissionId);
    expect(next).toMatchObject({ step: 'archive' });
    const memory = remember(sent, next);
    expect(memory).toMatchObject({ kind: 'sent', create });
    await forget();
    expect(await scene.open('v1', memory ?? undefined)).toMatchObject({ step: 'confirm', submissionId });
    const [submission] = await scene.db.select().from(submissions);
    expect(submission).toMatchObject({ id: submissionId, state: 'unconfirmed' });
  });

  test('is held for again although its caller has no credit in this copy', async () => {
    await furnish();
    const task = await running();
    await forget();
    await scene.db.update(callers).set({ creditMicroUsd: 0 });
    expect(await scene.open('v1', { kind: 'running', task })).toMatchObject({ step: 'watch' });
    const [caller] = await scene.db.select().from(callers);
    expect(caller).toMatchObject({ availableMicroUsd: -ESTIMATE, heldMicroUsd: ESTIMATE });
  });

  test('is not completed before this copy knows how its task ended', async () => {
    await furnish();
    const task = await running();
    await forget();
    await scene.open('v1', { kind: 'running', task });
    expect(await scene.end('v1', 'completed')).toEqual(OPEN);
    scene.upstream.finish(task.taskId, SUCCEEDED);
    await toItsEnd({ step: 'watch', task, ended: false });
    await isSettledOnce();
  });
});
