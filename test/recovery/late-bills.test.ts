/** Late bills: what an ended task cost after all is asked for where its account's list names another cost. */

import { costs } from '../../src/catalog/costs.ts';
import type { TaskStatus } from '../../src/domain/provider.ts';
import type { NextStep } from '../../src/domain/step.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { ESTIMATE, Scene } from '../model/scene.ts';

const SWEPT_AGAIN_MS = 11 * 60_000;
const RESULT = { url: 'https://cdn.example/clip.mp4', needsKey: false, expiresAtMs: null };
const failed = (costMicroUsd: number | null): TaskStatus => ({ kind: 'failed', upstream: {}, costMicroUsd });
const succeeded = (costMicroUsd: number | null): TaskStatus => ({ kind: 'succeeded', result: RESULT, costMicroUsd });

describeOnBothCatalogs('the bill of a task that has ended', (catalog) => {
  let scene: Scene;
  let taskId: string;

  /** A video whose task ended so, as the upstream said at first. */
  async function ending(status: TaskStatus, finality: 'never' | 'in any case' = 'never') {
    scene = await new Scene(catalog.database.db).furnish();
    let next: NextStep = await scene.submit('v1', await scene.granted('v1'));
    taskId = scene.upstream.tasks[0]?.taskId ?? '';
    if (finality === 'never') scene.upstream.finish(taskId, status);
    if (next.step !== 'watch') throw new Error(`no task runs: ${next.step}`);
    if (finality === 'in any case') next = await scene.giveUp('v1', next.task);
    while (next.step !== 'ended') next = await scene.take('v1', next);
  }

  /** The upstream says another thing of it, and its list is read. */
  async function tells(status: TaskStatus): Promise<void> {
    scene.upstream.finish(taskId, status);
    await scene.pass(SWEPT_AGAIN_MS);
    expect(await scene.sweep()).toMatchObject({ errors: [] });
  }

  const sums = async () => (await costs(scene.db, { callerId: null, groupBy: [] }))[0];

  test.each([
    ['is lost where it comes later', null, failed(400_000), 400_000],
    ['is none any more where it is taken back', 400_000, failed(0), 0],
    ['stays where the list says nothing of it', 400_000, failed(null), 400_000],
    ['is lost where the task succeeds after all', 0, succeeded(5), 5],
    ['is none while the task is said to run again', 0, { kind: 'pending', progress: 1, word: 'x', known: true }, 0],
  ] as const)('of one that failed %s', async (_name, atFirst, later, upstreamMicroUsd) => {
    await ending(failed(atFirst));
    await tells(later);
    const lost = { settledMicroUsd: 0, upstreamMicroUsd, lostMicroUsd: upstreamMicroUsd };
    expect(await sums()).toMatchObject({ videos: 1, ...lost });
    expect(await scene.video('v1')).toMatchObject({ state: 'failed', settledMicroUsd: 0, upstreamMicroUsd });
    expect(scene.warned).toEqual(
      upstreamMicroUsd === (atFirst ?? 0) ? [] : ['the bill of a task has changed after its end'],
    );
  });

  test.each([
    ['is lost where it grows', 400_000, succeeded(500_000), 500_000],
    ['is what the upstream says where it said nothing at first', null, succeeded(300_000), 300_000],
    ['is none any more where it is taken back', 400_000, failed(0), 0],
    ['stays where the list says nothing of it', 400_000, succeeded(null), 400_000],
  ] as const)('of one that made its clip %s; the caller pays what was settled', async (_name, first, later, billed) => {
    await ending(succeeded(first));
    const settledMicroUsd = first ?? ESTIMATE;
    await tells(later);
    const lostMicroUsd = billed - settledMicroUsd;
    expect(await sums()).toMatchObject({ videos: 1, settledMicroUsd, upstreamMicroUsd: billed, lostMicroUsd });
    const video = { state: 'completed', settledMicroUsd, upstreamMicroUsd: billed };
    expect(await scene.video('v1')).toMatchObject(video);
  });

  test('is not taken for changed where a clip that has had its time shows as expired, and as free', async () => {
    const result = { ...RESULT, expiresAtMs: Date.now() };
    await ending({ kind: 'succeeded', result, costMicroUsd: 400_000 });
    await tells(failed(0));
    expect(await sums()).toMatchObject({ settledMicroUsd: 400_000, upstreamMicroUsd: 400_000, lostMicroUsd: 0 });
  });

  test('is what a poll says, where the list names another', async () => {
    await ending(failed(0));
    const list = scene.upstream.provider.list;
    scene.upstream.provider.list = async (call) => {
      const { tasks = [], upstreamNowMs } = (await list?.(call)) ?? {};
      return { tasks: tasks.map((task) => ({ ...task, costMicroUsd: 320_000 })), upstreamNowMs };
    };
    await tells(failed(0));
    expect(await sums()).toMatchObject({ upstreamMicroUsd: 0, lostMicroUsd: 0 });
  });

  test('is booked once where the task was given up, and is followed as an orphan', async () => {
    await ending(failed(null), 'in any case');
    await tells(failed(400_000));
    await tells(failed(400_000));
    expect(await sums()).toMatchObject({ upstreamMicroUsd: 400_000, lostMicroUsd: 400_000 });
  });
});
