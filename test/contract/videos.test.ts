/** What becomes of accepted videos in each dialect, over HTTP and against the real catalog. */

import { findVideo } from '../../src/catalog/videos.ts';
import type { DialectName } from '../../src/domain/vendor.ts';
import { CREATES, type FrontDoor, openFrontDoor } from './front-door.ts';

const DAY_SECONDS = 86_400;
/** Where each dialect shows one video. */
const READS = {
  airforce: '/airforce/v1/video/tasks/',
  'airforce-2024': '/airforce-2024/v1/video/tasks/',
  infrai: '/infrai/v1/video/status/',
  openai: '/openai/v1/videos/',
} as const satisfies Partial<Record<DialectName, string>>;
type Reader = keyof typeof READS;
const READERS = Object.keys(READS) as readonly Reader[];

let door: FrontDoor;
beforeAll(async () => {
  door = await openFrontDoor();
});
afterAll(async () => {
  await door.close();
});

test.each([
  ['airforce', DAY_SECONDS],
  ['airforce-2024', DAY_SECONDS],
  ['infrai', 30 * DAY_SECONDS],
  ['openai', DAY_SECONDS],
] as const)('a video of %s is kept for %d seconds (AF-04, AO-06, X11)', async (dialect, seconds) => {
  const video = await findVideo(door.db, await door.create(await door.join(), dialect));
  expect(video && video.expiresAt.getTime() - video.createdAt.getTime()).toBe(seconds * 1000);
});

test.each(READERS)(
  '%s hides what is unknown and what is another caller’s alike (AF-28, IN-15, OV-22, X22)',
  async (dialect) => {
    const id = await door.create(await door.join(), dialect);
    const stranger = await door.join();
    const foreign = await door.call(stranger, 'GET', READS[dialect] + id);
    const unknown = await door.call(stranger, 'GET', READS[dialect] + 'video_0'.padEnd(id.length, '0'));
    expect([foreign.status, unknown.status]).toEqual([404, 404]);
    expect(JSON.stringify(foreign.body).replace(id, '')).toBe(
      JSON.stringify(unknown.body).replace('video_0'.padEnd(id.length, '0'), ''),
    );
  },
);

test('the list of airforce has the hundred newest and takes no parameters (AF-39, AF-40, X2)', async () => {
  const key = await door.join();
  const ids: string[] = [];
  for (let n = 0; n < 101; n++) ids.push(await door.create(key, 'airforce'));
  const { body } = await door.call(key, 'GET', '/airforce/v1/video/tasks?limit=1&status=completed');
  const listed = (body['data'] as { task_id: string }[]).map(({ task_id }) => task_id);
  expect(listed).toEqual(ids.toReversed().slice(0, 100));
});

test('the list of the older revision is cut and filtered (AO-16, AO-17, X2)', async () => {
  const key = await door.join();
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) ids.push(await door.create(key, 'airforce-2024'));
  await door.complete(ids[1] ?? '');
  const list = async (query: string) => {
    const { body } = await door.call(key, 'GET', `/airforce-2024/v1/video/tasks?${query}`);
    return (body['data'] as { task_id: string }[]).map(({ task_id }) => task_id);
  };
  expect(await list('limit=2')).toEqual([ids[3], ids[2]]);
  expect(await list('limit=20&status=completed')).toEqual([ids[1]]);
  expect(await list('status=running')).toEqual([]);
});

describe('a delete', () => {
  test('at airforce takes the task out of the list and leaves the clip (AF-41 to AF-43, X8)', async () => {
    const key = await door.join();
    const id = await door.create(key, 'airforce');
    await door.complete(id);
    const task = (await door.call(key, 'GET', READS.airforce + id)).body;
    for (const whose of [await door.join(), key, key]) {
      const { status, body } = await door.call(whose, 'DELETE', READS.airforce + id);
      expect([status, body]).toEqual([200, { deleted: true }]);
      const list = await door.call(key, 'GET', '/airforce/v1/video/tasks');
      expect(list.body['data']).toHaveLength(whose === key ? 0 : 1);
    }
    expect((await door.call(key, 'GET', READS.airforce + id)).status).toBe(404);
    expect((await door.follow(task['result_url'])).statusCode).toBe(200);
  });

  test('at the older revision and infrai takes the clip as well (AO-18, IN-22, X8)', async () => {
    const key = await door.join();
    for (const [dialect, path] of [
      ['airforce-2024', READS['airforce-2024']],
      ['infrai', '/infrai/v1/video/delete/'],
    ] as const) {
      const id = await door.create(key, dialect);
      await door.complete(id);
      const { body } = await door.call(key, 'GET', READS[dialect] + id);
      const link = body['result_url'] ?? body['video_url'];
      expect((await door.follow(link)).statusCode).toBe(200);
      await door.call(key, 'DELETE', path + id);
      expect((await door.follow(link)).statusCode).toBe(410);
    }
  });

  test('of what runs hides it, cancels it or waits for its end (X9)', async () => {
    const key = await door.join();
    const after: Record<string, unknown> = {};
    for (const [dialect, path] of [
      ['airforce', READS.airforce],
      ['airforce-2024', READS['airforce-2024']],
      ['infrai', '/infrai/v1/video/delete/'],
      ['openai', READS.openai],
    ] as const) {
      const id = await door.create(key, dialect);
      const { status } = await door.call(key, 'DELETE', path + id);
      const video = await findVideo(door.db, id);
      after[dialect] = [status, video?.state, video?.hiddenAt !== null];
    }
    expect(after).toEqual({
      airforce: [200, 'queued', true],
      'airforce-2024': [200, 'queued', true],
      infrai: [200, 'cancelled', true],
      openai: [409, 'queued', false],
    });
  });
});

test('a cancel ends a job once, and its retention cannot outlive its delete (IN-16, IN-26, X15)', async () => {
  const key = await door.join();
  const id = await door.create(key, 'infrai');
  const cancel = () => door.call(key, 'POST', `/infrai/v1/video/cancel/${id}`, { job_id: 'another' });
  expect([(await cancel()).body, (await cancel()).body]).toEqual([{ ok: true }, { ok: false }]);
  expect((await door.call(key, 'GET', READS.infrai + id)).body).toEqual({ job_id: id, state: 'cancelled' });
  await door.call(key, 'DELETE', `/infrai/v1/video/delete/${id}`);
  const kept = await door.call(key, 'POST', `/infrai/v1/video/set_retention/${id}`, { days: 7 });
  expect(kept.status).toBe(404);
});

test('every revision ends at the same balance after a failure (AF-48, AO-02, X6)', async () => {
  const key = await door.join({ creditMicroUsd: 10_000_000 });
  const available = async () => (await door.balance(key)).availableMicroUsd;
  for (const dialect of ['airforce', 'airforce-2024'] as const) {
    const id = await door.create(key, dialect);
    expect(await available()).toBe(8_000_000);
    await door.fail(id);
    expect(await available()).toBe(10_000_000);
    expect((await door.call(key, 'GET', READS[dialect] + id)).body).toMatchObject({ status: 'failed', cost_cents: 0 });
  }
});

test('any video is shown in any dialect by its one id, each in its word (AF-20, AO-07, OV-14, X3)', async () => {
  const key = await door.join();
  const id = await door.create(key, 'airforce');
  expect(id).toMatch(/^video_/);
  const words = async () => {
    const answers = await Promise.all(READERS.map((dialect) => door.call(key, 'GET', READS[dialect] + id)));
    return answers.map(({ body }) => body['status'] ?? body['state']);
  };
  expect(await words()).toEqual(['queued', 'queued', 'queued', 'queued']);
  await door.complete(id);
  expect(await words()).toEqual(['completed', 'completed', 'completed', 'completed']);
});

test('text and image videos are asked for at one route (AF-01, AF-16)', async () => {
  const key = await door.join();
  const { url, body } = CREATES.airforce;
  const image = { mode: 'image', input_images: [{ url: 'https://example.com/dragon.jpg' }] };
  const modes = [{}, { mode: 'text' }, image].map(async (more) => {
    const { body: task } = await door.call(key, 'POST', url, { ...body, ...more });
    return (await findVideo(door.db, String(task['task_id'])))?.request.mode;
  });
  expect(await Promise.all(modes)).toEqual(['text', 'text', 'image']);
});

test('each dialect shows its own time and its own kind of it (AF-23, OV-16, X20)', async () => {
  const key = await door.join();
  const { body: task } = await door.call(key, 'POST', CREATES.airforce.url, CREATES.airforce.body);
  const { body: video } = await door.call(key, 'POST', CREATES.openai.url, CREATES.openai.body);
  for (const [id, created] of [
    [task['task_id'], task['created']],
    [video['id'], video['created_at']],
  ]) {
    const found = await findVideo(door.db, String(id));
    expect(created).toBe(Math.floor((found?.createdAt.getTime() ?? 0) / 1000));
  }
});
