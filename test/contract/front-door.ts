/** The HTTP application over the real gateway and catalog, without Temporal: videos are accepted and stay queued. */

import { balance } from '../../src/catalog/balance.ts';
import { createCaller, findCallerByKey } from '../../src/catalog/callers.ts';
import { endVideo } from '../../src/catalog/ends.ts';
import { replacePublishedModels } from '../../src/catalog/models.ts';
import { findVideo } from '../../src/catalog/videos.ts';
import type { DialectName } from '../../src/domain/vendor.ts';
import { makeArchive, makeOffer } from '../builders.ts';
import { putObject } from '../media/media-store-contract.ts';
import { openTestGateway } from '../open-gateway.ts';
import type { TestPartsOptions } from '../open-parts.ts';

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
export async function openFrontDoor(config: TestPartsOptions['config'] = {}) {
  const { app, db, parts, close } = await openTestGateway({ config: { syncWaitSeconds: 0.001, ...config } });
  const { store } = parts;
  const { pricePerSecondMicroUsd, capabilities } = makeOffer();
  await replacePublishedModels(db, 'airforce-1', [{ upstreamModel: 'wan-2.6', pricePerSecondMicroUsd, capabilities }]);

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
    /** Makes a video; its id, under the dialect's name for it. */
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
    /** The row of a video. */
    async read(id: string) {
      const video = await findVideo(db, id);
      if (video === null) throw new Error(`there is no video ${id}`);
      return video;
    },
    async balance(key: string) {
      return await balance(db, (await findCallerByKey(db, key))?.id ?? '');
    },
    /** What a signed link leads to. */
    async follow(link: unknown) {
      return await app.inject(String(link).slice(parts.config.publicUrl.length));
    },
    close,
  };
}

export type FrontDoor = Awaited<ReturnType<typeof openFrontDoor>>;
