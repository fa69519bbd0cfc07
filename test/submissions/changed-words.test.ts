/** An upstream that changes its words while a clip runs: the clip ends, and an operator sees the word. */

import type { CatalogDatabase } from '../../src/catalog/driver/database.ts';
import { closeUpstreamConnections } from '../../src/net/trusted/request-json.ts';
import { createProcessMetrics } from '../../src/observe/metrics/process-metrics.ts';
import { PROVIDERS_BY_NAME } from '../../src/providers/index.ts';
import { openMemoryCatalog } from '../catalog/memory-catalog.ts';
import { Scene } from '../model/scene.ts';
import { json, type ScriptedServer, startScriptedServer } from '../net/scripted-server.ts';

const CLIP_URL = 'https://cdn.example/clip.mp4';

let database: CatalogDatabase;
let server: ScriptedServer;

beforeAll(async () => {
  database = await openMemoryCatalog();
  server = await startScriptedServer();
});
afterAll(async () => {
  await closeUpstreamConnections();
  await server.close();
  await database.close();
});

test('an upstream changes its words while a clip runs: the clip ends, and the word is in metrics, log and snapshot', async () => {
  const metrics = createProcessMetrics();
  const dependencies = { providers: PROVIDERS_BY_NAME, countIncident: metrics.countIncident };
  const scene = await new Scene(database.db, { accounts: [{ baseUrl: server.origin }], dependencies }).furnish();
  const answer = (status: string, more = {}) => json(200, { task_id: 'task-1', status, progress: 40, ...more });
  const step = async (from: Parameters<Scene['take']>[1]) => await scene.take('v1', from);

  server.script = answer('queued');
  let next = await scene.submit('v1', await scene.granted('v1'));
  server.script = answer('processing');
  next = await step(next);
  expect(await scene.video('v1')).toMatchObject({ state: 'generating', progress: 40, lastWord: 'processing' });

  server.script = answer('Stage 2/3');
  next = await step(await step(next));
  expect(next.step).toBe('watch');
  expect(await scene.video('v1')).toMatchObject({ state: 'generating', progress: 40, lastWord: 'Stage 2/3' });
  expect(scene.words).toEqual(['airforce-1 Stage 2/3']);
  const counted = 'clipyard_unknown_words_total{account="airforce-1",word="stage_2_3"} 2';
  expect(await metrics.registry.metrics()).toContain(counted);

  server.script = answer('TASK_STATUS_SUCCEED', { video: { url: CLIP_URL } });
  next = await step(next);
  expect(next.step).toBe('archive');
  expect(await scene.submissionsOf('v1')).toMatchObject([{ state: 'ended', taskEnd: { resultUrl: CLIP_URL } }]);
});
