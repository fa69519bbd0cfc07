/** The HTTP application over the real gateway and catalog, without Temporal: videos are accepted and stay queued. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { createSpriteSheets } from '../../src/archive/sprite-sheet.ts';
import { syncAccounts } from '../../src/catalog/accounts.ts';
import { balance } from '../../src/catalog/balance.ts';
import { createCaller, findCallerByKey } from '../../src/catalog/callers.ts';
import { openDatabase } from '../../src/catalog/driver/database.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { replacePublishedModels } from '../../src/catalog/models.ts';
import { findVideo } from '../../src/catalog/videos.ts';
import { DIALECTS } from '../../src/dialects/index.ts';
import type { DialectName } from '../../src/domain/vendor.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { buildApp } from '../../src/http/app.ts';
import { mediaRoutes } from '../../src/http/media/routes.ts';
import { createFileStore } from '../../src/media/file-store.ts';
import { createLinkSigner, createVideoLinks } from '../../src/media/signed-links.ts';
import { makeArchive, makeOffer } from '../builders.ts';
import { makeAccount } from '../catalog/rows.ts';
import { fakeWorkflows } from '../fake-workflows.ts';
import { putObject } from '../media/media-store-contract.ts';
import { silentLog } from '../temporal/silent-log.ts';

const PUBLIC_URL = 'http://127.0.0.1';

/** Makes a video of five seconds in the words of each documented API; a4f, which waits for the end, is told 504 after a moment. */
export const CREATES = {
  airforce: {
    url: '/airforce/v1/video/generations',
    body: { model: 'wan-2.6', prompt: 'a fox', duration_seconds: 5 },
  },
  'airforce-2024': {
    url: '/airforce-2024/v1/video/generations',
    body: { model: 'wan-2.6', prompt: 'a fox', duration_seconds: 5 },
  },
  infrai: { url: '/infrai/v1/video/generate', body: { model: 'wan-2.6', prompt: 'a fox', duration_seconds: 5 } },
  openai: { url: '/openai/v1/videos', body: { model: 'wan-2.6', prompt: 'a fox', seconds: 5 } },
  a4f: {
    url: '/a4f/v1/video/generations',
    body: { model: 'wan-2.6', prompt: 'a fox', duration: 5, quality: '720p' },
  },
} as const satisfies Partial<Record<DialectName, { url: string; body: object }>>;
export type CreatingDialect = keyof typeof CREATES;

/** One model, `wan-2.6` at 40 cents a second, 5 to 10 seconds, text and image. */
export async function openFrontDoor() {
  const root = mkdtempSync(join(tmpdir(), 'clipyard-front-door-'));
  const store = createFileStore(root);
  const database = await openDatabase({ databaseUrl: null, dataDir: ':memory:' });
  const { db } = database;
  await syncAccounts(db, [makeAccount()]);
  const { pricePerSecondMicroUsd, capabilities } = makeOffer();
  await replacePublishedModels(db, 'airforce-1', [{ upstreamModel: 'wan-2.6', pricePerSecondMicroUsd, capabilities }]);
  const gateway = createGateway({
    db,
    store,
    workflows: fakeWorkflows(),
    spriteSheets: createSpriteSheets({ store, log: silentLog(), findVideo: (id) => findVideo(db, id) }),
    subscribe: () => () => undefined,
    log: silentLog(),
  });
  const signer = createLinkSigner(['a signing key'], PUBLIC_URL);
  const up = async () => undefined;
  const app = buildApp({
    gateway,
    dialects: DIALECTS,
    links: createVideoLinks(signer),
    store,
    trustedHosts: [],
    health: { checks: { catalog: up, storage: up, temporal: up, workers: up }, isDraining: () => false },
    plugins: [
      mediaRoutes({ store, links: signer, findVideo: (id) => findVideo(db, id), findInputImage: async () => null }),
    ],
    log: pino({ level: 'silent' }),
    syncWaitSeconds: 0.001,
  });

  return {
    app,
    db,
    /** The key of a new caller. */
    async join(terms: Partial<Parameters<typeof createCaller>[1]> = {}): Promise<string> {
      return (await createCaller(db, { name: 'studio', creditMicroUsd: null, ...terms })).key;
    },
    async call(key: string, method: 'GET' | 'POST' | 'DELETE', url: string, payload?: object) {
      const headers = { authorization: `Bearer ${key}` };
      const answer = await app.inject({ method, url, headers, ...(payload && { payload }) });
      return { status: answer.statusCode, headers: answer.headers, body: answer.json() };
    },
    /** Makes a video; its id, whatever the dialect calls it. */
    async create(key: string, dialect: CreatingDialect, more: object = {}): Promise<string> {
      const { url, body } = CREATES[dialect];
      const answer = await this.call(key, 'POST', url, { ...body, ...more });
      const { task_id, job_id, id } = answer.body;
      return String(task_id ?? job_id ?? id ?? answer.headers['x-video-id']);
    },
    /** Ends a video with a clip in the store. */
    async complete(id: string): Promise<void> {
      const archive = makeArchive({ clipKey: `videos/${id}/clip.mp4`, sizeBytes: 6 });
      await putObject(store, archive.clipKey, Buffer.from('a clip'));
      await endVideo(db, id, { state: 'completed', failure: null, archive });
    },
    /** Ends a video without one. */
    async fail(id: string): Promise<void> {
      await endVideo(db, id, { state: 'failed', failure: null, archive: null });
    },
    async balance(key: string) {
      return await balance(db, (await findCallerByKey(db, key))?.id ?? '');
    },
    /** What a signed link leads to. */
    async follow(link: unknown) {
      return await app.inject(String(link).slice(PUBLIC_URL.length));
    },
    async close(): Promise<void> {
      await app.close();
      await gateway.close();
      await database.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

export type FrontDoor = Awaited<ReturnType<typeof openFrontDoor>>;
