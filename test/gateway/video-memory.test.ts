/** Videos in memory: who shares a read, what ends it, and that no change of this process is overtaken. */

import { ROOT_CALLER_ID } from '../../src/catalog/callers.ts';
import type { Video } from '../../src/domain/video.ts';
import { VideoMemory } from '../../src/gateway/video-memory.ts';
import { makeVideo } from '../builders.ts';
import { insertVideo } from '../catalog/rows.ts';
import { openTestGateway, type TestGateway } from '../open-gateway.ts';
import { ROOT_KEY } from '../open-parts.ts';

const subscribers = new Map<string, () => void>();
const videos = new Map<string, Video>();
let reads = 0;
let memory: VideoMemory;
let now: jest.SpyInstance<number, []>;

beforeEach(() => {
  subscribers.clear();
  videos.clear();
  reads = 0;
  now = jest.spyOn(Date, 'now').mockReturnValue(1000);
  memory = new VideoMemory({
    read: async (id) => {
      reads += 1;
      return videos.get(id) ?? null;
    },
    subscribe: (id, onChange) => {
      subscribers.set(id, onChange);
      return () => void subscribers.delete(id);
    },
  });
  videos.set('video_1', makeVideo({ id: 'video_1', progress: 1 }));
});
afterEach(() => now.mockRestore());

const progress = async (id = 'video_1') => (await memory.read(id))?.progress;
const change = (progressNow: number) => videos.set('video_1', makeVideo({ id: 'video_1', progress: progressNow }));

test('all who ask within a second share one read', async () => {
  expect(await Promise.all([progress(), progress(), progress()])).toEqual([1, 1, 1]);
  now.mockReturnValue(1999);
  change(2);
  expect(await progress()).toBe(1);
  expect(reads).toBe(1);
  now.mockReturnValue(2000);
  expect(await progress()).toBe(2);
});

test('a change that is heard of is seen at once', async () => {
  await progress();
  change(2);
  subscribers.get('video_1')?.();
  expect(await progress()).toBe(2);
  expect(subscribers.size).toBe(1);
});

test('a notice that came before the request is heard of first', async () => {
  await progress();
  change(2);
  // As an event that waits behind the one that asks.
  setImmediate(() => subscribers.get('video_1')?.());
  expect(await progress()).toBe(2);
});

test('a change while it is read is seen by who asks after it', async () => {
  const before = progress();
  change(2);
  memory.forget('video_1');
  expect([await before, await progress()]).toEqual([1, 2]);
});

test('nothing is kept of ids without a video, or of reads that failed', async () => {
  expect(await memory.read('video_none')).toBeNull();
  jest.spyOn(videos, 'get').mockImplementationOnce(() => {
    throw new Error('away');
  });
  await expect(memory.read('video_1')).rejects.toThrow('away');
  expect(subscribers.size).toBe(0);
  expect(await progress()).toBe(1);
});

test('no more than ten thousand are kept', async () => {
  for (let n = 0; n < 10_002; n++) {
    videos.set(`video_n${n}`, makeVideo());
    await memory.read(`video_n${n}`);
  }
  expect(subscribers.size).toBe(10_000);
  expect(subscribers.has('video_n0')).toBe(false);
});

test('what this process changes is shown at once', async () => {
  now.mockRestore();
  const gateway: TestGateway = await openTestGateway();
  const headers = { authorization: `Bearer ${ROOT_KEY}` };
  await insertVideo(gateway.db, { id: 'video_1', callerId: ROOT_CALLER_ID });
  const status = async () =>
    (await gateway.app.inject({ url: '/airforce/v1/video/tasks/video_1', headers })).json().status;
  const seen = [await status()];
  await gateway.app.inject({ method: 'POST', url: '/clipyard/v1/videos/video_1/cancel', headers });
  seen.push(await status());
  await gateway.close();
  expect(seen).toEqual(['queued', 'failed']);
});
