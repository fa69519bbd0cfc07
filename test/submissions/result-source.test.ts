/** Where a finished clip is fetched: a link that did not serve is asked for anew at the task. */

import { noteWaiting } from '../../src/catalog/videos.ts';
import type { TaskStatus } from '../../src/domain/provider.ts';
import { findResult } from '../../src/submissions/result-source.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { Scene } from '../model/scene.ts';

const at = (url: string): TaskStatus => {
  return { kind: 'succeeded', result: { url, needsKey: false, expiresAtMs: null }, costMicroUsd: 5 };
};

describeOnBothCatalogs('a result', (catalog) => {
  let scene: Scene;
  let polls = 0;

  beforeEach(async () => {
    scene = await new Scene(catalog.database.db).furnish();
    const watch = await scene.submit('v1', await scene.granted('v1'));
    scene.upstream.finish('task_1', at('https://cdn.example/first.mp4'));
    await scene.take('v1', watch);
    polls = 0;
    scene.upstream.onCheck = async () => void polls++;
  });

  const find = () => findResult(scene.dependencies, 'v1');
  const since = new Date('2026-03-01T12:00:00.000Z');
  const waitForIt = () =>
    noteWaiting(scene.db, 'v1', { kind: 'result_not_ready', since: since.toISOString(), until: null, detail: '' });

  test('is where the task said that it is', async () => {
    expect(await find()).toMatchObject({ url: 'https://cdn.example/first.mp4', notReadySince: null, retryMs: 900_000 });
    expect(polls).toBe(0);
  });

  test('is looked for at the task again where it could not be had', async () => {
    await waitForIt();
    expect(await find()).toMatchObject({ url: 'https://cdn.example/first.mp4', notReadySince: since });
    scene.upstream.finish('task_1', at('https://cdn.example/second.mp4'));
    expect(await find()).toMatchObject({ url: 'https://cdn.example/second.mp4', notReadySince: since });
    scene.upstream.finish('task_1', { kind: 'missing' });
    expect(await find()).toMatchObject({ url: 'https://cdn.example/second.mp4' });
    scene.upstream.onCheck = async () => Promise.reject(new Error('not now'));
    expect(await find()).toMatchObject({ url: 'https://cdn.example/second.mp4' });
  });
});
