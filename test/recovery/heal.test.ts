/** What is compared when a worker starts: which videos are left to their own workflows, and in which order others go on. */

import { waiting } from '../../src/catalog/schema.ts';
import type { VideoRun, VideoRunFacts } from '../../src/domain/video-runs.ts';
import { healCatalog } from '../../src/recovery/heal.ts';
import { makeRequest } from '../builders.ts';
import { describeOnBothCatalogs } from '../catalog/with-catalog.ts';
import { accept, Scene } from '../model/scene.ts';

/** Long ago first, as their numbers are. */
const runOf = (videoId: string): VideoRun => {
  return { videoId, isOpen: true, state: 'queued', startedAt: new Date(Number(videoId.slice(1)) * 1000) };
};

function factsOf(videoId: string, wasOpened: boolean): VideoRunFacts {
  const at = new Date().toISOString();
  return {
    input: { request: makeRequest({ prompt: videoId, model: 'wan-2.6' }), callerId: 'caller_1' },
    accepted: { dialect: 'airforce', estimateMicroUsd: 1, createdAt: at, expiresAt: at },
    wasOpened,
    memory: null,
    end: null,
  };
}

describeOnBothCatalogs('the comparison of catalog and workflows', (catalog) => {
  /** Visibility lists the newest first. */
  const IDS = ['v3', 'v2', 'v1'];

  async function heal(scene: Scene, wasOpened: boolean, signal = new AbortController().signal) {
    return await healCatalog({
      ...scene.dependencies,
      workflows: { ...scene.dependencies.workflows, cancel: async () => true },
      signal,
      runs: { list: async () => IDS.map(runOf), read: async (id) => factsOf(id, wasOpened) },
    });
  }

  async function furnish(): Promise<Scene> {
    const scene = await new Scene(catalog.database.db, { accounts: [{ maxConcurrentTasks: 1 }] }).furnish();
    for (const id of IDS.toReversed()) await accept(scene.db, id);
    return scene;
  }

  test('leaves videos alone whose workflows wait for the worker that is starting', async () => {
    const scene = await furnish();
    expect(await heal(scene, false)).toEqual({ healed: 0, started: 0 });
    expect(await scene.db.select().from(waiting)).toEqual([]);
    expect(scene.told).toEqual([]);
    expect(await scene.open('v1')).toMatchObject({ step: 'slot' });
  });

  test('goes no further in a worker that is told to stop', async () => {
    const scene = await furnish();
    await expect(heal(scene, true, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    expect(await scene.db.select().from(waiting)).toEqual([]);
    expect(scene.told).toEqual([]);
  });

  test('queues videos that lost their places again in the order in which they came', async () => {
    const scene = await furnish();
    expect(await heal(scene, true)).toEqual({ healed: 3, started: 0 });
    const places = await scene.db.select().from(waiting).orderBy(waiting.place);
    expect(places.map(({ videoId }) => videoId)).toEqual(['v2', 'v3']);
    expect(scene.told).toEqual(['v1']);
  });
});
