/** After an older copy of the catalog was put back: nothing is granted before every open run has opened its video again. */

import { eq } from 'drizzle-orm';
import { leaveReopenings, readRestoreState } from '../../src/catalog/reopenings.ts';
import { accounts } from '../../src/catalog/tables/accounts.ts';
import { waiting } from '../../src/catalog/tables/queue.ts';
import { submissions } from '../../src/catalog/tables/submissions.ts';
import { videos } from '../../src/catalog/tables/videos.ts';
import { findVideo } from '../../src/catalog/videos.ts';
import type { StartedVideo, VideoWorkflows } from '../../src/domain/video-workflows.ts';
import { checkCatalogAge, type RestoreReport, restore } from '../../src/recovery/restore.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { fakeWorkflows } from '../fake-workflows.ts';
import { accept, Scene, type SceneOptions } from '../model/scene.ts';

describeOnBothCatalogs('a restore', (catalog) => {
  let scene: Scene;
  let running: string[] = [];

  const furnish = async (options: SceneOptions = {}) => {
    running = [];
    const workflows: VideoWorkflows = fakeWorkflows({
      signalGranted: async (videoId) => scene.told.push(videoId) > 0,
      listRunning: async () => running,
      signalReopen: async (videoId) => running.includes(videoId),
    });
    scene = new Scene(catalog.database.db, { ...options, dependencies: { workflows } });
    await scene.furnish();
  };

  const run = (): Promise<RestoreReport> => restore(scene.dependencies);

  test('grants nothing until the open runs have opened again and the lists were read', async () => {
    await furnish();
    for (const id of ['v1', 'v2']) await accept(scene.db, id);
    running = ['v1'];
    expect(await run()).toEqual({ told: 1, begunAgain: 0, lookedFor: 1, mayBePaidAgain: [] });
    expect(await scene.requestSlot('v2')).toMatchObject({ step: 'slot' });
    expect(await readRestoreState(scene.db)).toEqual({ isNeeded: false, videos: 1 });
    await scene.sweep();
    expect(await scene.requestSlot('v2')).toMatchObject({ step: 'slot' });
    expect(await scene.open('v1')).toMatchObject({ step: 'submit' });
    expect(await readRestoreState(scene.db)).toBeNull();
  });

  test('waits for no run that has closed meanwhile', async () => {
    await furnish();
    await accept(scene.db, 'v1');
    running = ['v1'];
    await run();
    running = [];
    await scene.db.execute("update reopenings set told_at = told_at - interval '2 minutes'");
    expect(await scene.sweep()).toMatchObject({ errors: [] });
    expect(await readRestoreState(scene.db)).toBeNull();
  });

  test('looks for the tasks of videos without a run before it has any made', async () => {
    await furnish();
    const submissionId = await scene.granted('v1');
    await scene.submit('v1', submissionId);
    // The copy was made before the video had its slot.
    await scene.db.delete(submissions);
    await scene.db.update(videos).set({ state: 'queued', taskId: null }).where(eq(videos.id, 'v1'));
    expect(await run()).toMatchObject({ lookedFor: 1, mayBePaidAgain: [] });
    await scene.sweep();
    const next = await scene.requestSlot('v1');
    expect(await scene.take('v1', next)).toMatchObject({ step: 'watch', task: { taskId: 'task_1' } });
    expect(scene.upstream.creates).toHaveLength(1);
  });

  test('finds the task that another account has made, also where that one takes no creates now', async () => {
    await furnish({ accounts: [{ id: 'airforce-1' }, { id: 'airforce-2' }] });
    await scene.submit('v1', await scene.granted('v1'));
    await scene.db.delete(submissions);
    await scene.db.update(videos).set({ state: 'queued', taskId: null }).where(eq(videos.id, 'v1'));
    await scene.db.update(accounts).set({ pausedByOperator: true }).where(eq(accounts.id, 'airforce-1'));
    await run();
    await scene.sweep();
    const next = await scene.requestSlot('v1');
    const task = { taskId: 'task_1', account: 'airforce-1', baseUrl: 'https://airforce-1.example' };
    expect(await scene.take('v1', next)).toMatchObject({ step: 'watch', task });
    expect(scene.upstream.creates).toHaveLength(1);
    expect(await findVideo(scene.db, 'v1')).toMatchObject({ account: 'airforce-1', taskId: 'task_1' });
    // Neither lane nor slot of the account that was granted is kept.
    expect(await scene.take('v2', await scene.granted('v2').then(() => scene.requestSlot('v2')))).toMatchObject({
      step: 'watch',
      task: { account: 'airforce-2' },
    });
  });

  test('looks for the task of a video whose run was about to send what the copy has as granted', async () => {
    await furnish();
    const submissionId = await scene.granted('v1');
    const [granted] = await scene.submissionsOf('v1');
    await scene.submit('v1', submissionId);
    // The copy was made before the create was sent, and the worker that sent it was killed.
    await scene.db.delete(submissions);
    await scene.db.insert(submissions).values(granted ? [granted] : []);
    running = ['v1'];
    expect(await run()).toMatchObject({ told: 1, lookedFor: 1 });
    expect(await scene.submit('v1', submissionId)).toMatchObject({ step: 'watch', task: { taskId: 'task_1' } });
    expect(scene.upstream.creates).toHaveLength(1);
  });

  test('does not create what its list might show while that cannot be read', async () => {
    await furnish();
    await accept(scene.db, 'v1');
    await run();
    await scene.sweep();
    const next = await scene.requestSlot('v1');
    scene.upstream.onList = async () => {
      throw new Error('not now');
    };
    expect(await scene.take('v1', next)).toMatchObject({ step: 'slot' });
    expect(scene.upstream.creates).toEqual([]);
  });

  test('names the videos whose tasks no list tells of', async () => {
    await furnish({ accounts: [{ readsList: false, singleLane: false }] });
    await accept(scene.db, 'v1');
    expect(await run()).toEqual({ told: 0, begunAgain: 0, lookedFor: 1, mayBePaidAgain: ['v1'] });
  });

  test('finds the tasks that were made after the copy, which take their slots', async () => {
    await furnish({ accounts: [{ maxConcurrentTasks: 1 }] });
    await scene.submit('v1', await scene.granted('v1'));
    for (const table of [submissions, videos, waiting]) await scene.db.delete(table);
    await scene.db.update(videos).set({ state: 'queued' });
    await scene.db.execute('update accounts set first_used_at = null');
    await accept(scene.db, 'v0');
    await scene.db.update(videos).set({ createdAt: new Date(Date.now() - 60_000) });
    await run();
    await scene.sweep();
    expect(await scene.requestSlot('v0')).toMatchObject({ step: 'slot' });
  });
});

describeOnBothCatalogs('a catalog that is older than the newest workflow', (catalog) => {
  let scene: Scene;
  let started: StartedVideo[] = [];
  let startedAt: Date;

  beforeEach(async () => {
    startedAt = new Date();
    const workflows = fakeWorkflows({ listStartedSince: async (since) => (startedAt >= since ? started : []) });
    scene = await new Scene(catalog.database.db, { dependencies: { workflows } }).furnish();
    await accept(scene.db, 'v1');
  });

  test('grants nothing and says so, until a restore is run', async () => {
    started = [{ videoId: 'v2', isAccepted: true }];
    expect(await checkCatalogAge(scene.dependencies)).toBe(true);
    expect(await readRestoreState(scene.db)).toEqual({ isNeeded: true, videos: 0 });
    expect(await scene.requestSlot('v1')).toMatchObject({ step: 'slot' });
    await scene.sweep();
    expect(await scene.requestSlot('v1')).toMatchObject({ step: 'slot' });
    await restore(scene.dependencies);
    await scene.sweep();
    // What it has lost begins again, and takes the slot that it has.
    expect(await scene.requestSlot('v1')).toMatchObject({ step: 'slot' });
    expect(await readRestoreState(scene.db)).toEqual({ isNeeded: false, videos: 1 });
    expect(await checkCatalogAge(scene.dependencies)).toBe(false);
    await leaveReopenings(scene.db, ['v2']);
    expect(await scene.requestSlot('v1')).toMatchObject({ step: 'submit' });
  });

  test('is none whose last videos were removed after the days that are kept', async () => {
    for (const table of [waiting, videos]) await scene.db.delete(table);
    started = [{ videoId: 'v1', isAccepted: true }];
    startedAt = new Date(Date.now() - 3 * 86_400_000);
    expect(await checkCatalogAge({ ...scene.dependencies, keepDays: 2 })).toBe(false);
    expect(await restore({ ...scene.dependencies, keepDays: 2 })).toMatchObject({ begunAgain: 0 });
    expect(await checkCatalogAge({ ...scene.dependencies, keepDays: 3 })).toBe(true);
  });

  test('is none that knows all videos, nor one that has not seen the child of another workflow', async () => {
    started = [
      { videoId: 'v1', isAccepted: true },
      { videoId: 'child', isAccepted: false },
    ];
    expect(await checkCatalogAge(scene.dependencies)).toBe(false);
    expect(await scene.requestSlot('v1')).toMatchObject({ step: 'submit' });
  });
});
