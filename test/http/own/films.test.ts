/** Our own routes for films: which clips may become one, whose it is, and how its bytes are fetched. */

import { eq } from 'drizzle-orm';
import { completeFilm, failFilm, findFilm } from '../../../src/catalog/films.ts';
import { batches, batchLines } from '../../../src/catalog/tables/batches.ts';
import { films } from '../../../src/catalog/tables/films.ts';
import { FILM_BOUNDS } from '../../../src/domain/film.ts';
import { filmKeyOf } from '../../../src/media/media-key.ts';
import { makeArchive } from '../../builders.ts';
import { insertVideo } from '../../catalog/rows.ts';
import { putObject } from '../../media/media-store-contract.ts';
import { type OwnApp, openOwnApp } from './own-app.ts';

const FILMS = '/clipyard/v1/films';

interface Film {
  readonly id: string;
  readonly state: string;
  readonly archive: { readonly url: string } | null;
}

let own: OwnApp;
let studio: { readonly id: string; readonly key: string };

beforeAll(async () => {
  own = await openOwnApp();
});
beforeEach(async () => {
  await own.reset();
  studio = await own.join('studio');
});
afterAll(() => own.close());

type Clip = Partial<Parameters<typeof insertVideo>[1]>;

async function addClip(id: string, more: Clip = {}): Promise<string> {
  const endedAt = new Date();
  const archive = makeArchive({ clipKey: `videos/${id}/clip.mp4` });
  await insertVideo(own.database.db, { id, callerId: studio.id, state: 'completed', archive, endedAt, ...more });
  return id;
}

const create = (payload: object, { key = studio.key, idempotency = '' } = {}) =>
  own.ask({
    method: 'POST',
    url: FILMS,
    payload,
    key,
    ...(idempotency && { headers: { 'idempotency-key': idempotency } }),
  });

const problem = (code: string, words: string) => ({ code, detail: expect.stringContaining(words) });

test('clips become a film that its caller sees, and no other', async () => {
  const videos = [await addClip('b'), await addClip('a'), 'b'];
  const { status, body } = await create({ videos });
  expect(status).toBe(202);
  const { id } = body as Film;
  expect(id).toMatch(/^film_/);
  expect(body).toMatchObject({ state: 'queued', progress: 0, durationMs: 24_000, transition: 'cut', videos });
  expect(body).toMatchObject({ archive: null, failure: null, workflowUrl: `https://temporal.example/${id}` });
  expect(own.told).toEqual([`start film ${id}`]);
  const { key: other } = await own.join('another studio');
  expect((await own.ask({ url: `${FILMS}/${id}`, key: studio.key })).body).toEqual(body);
  expect((await own.ask({ url: `${FILMS}/${id}` })).body).toEqual(body);
  expect(await own.ask({ url: `${FILMS}/${id}`, key: other })).toMatchObject({ status: 404 });
  expect(await create({ videos }, { key: other })).toMatchObject({
    status: 404,
    body: problem('not_found', 'video b'),
  });
});

test('a crossfade makes a film shorter', async () => {
  const videos = [await addClip('a'), await addClip('b')];
  expect((await create({ videos, transition: 'crossfade' })).body).toMatchObject({ durationMs: 15_500 });
});

test('a clip that cannot be part of a film is named, and nothing is accepted', async () => {
  await addClip('good');
  const past = new Date(Date.now() - 1000);
  const refused: readonly (readonly [string, Clip, number, string])[] = [
    ['running', { state: 'generating', archive: null, endedAt: null }, 409, 'has not ended, it is generating'],
    ['failed', { state: 'failed', archive: null }, 409, 'is failed'],
    ['deleted', { hiddenAt: past, expiresAt: past }, 404, 'there is no video deleted'],
    ['expired', { expiresAt: past }, 410, 'the media of video expired have been purged'],
    ['purged', { purgedAt: past }, 410, 'video purged'],
    ['others', { callerId: 'root' }, 404, 'there is no video others'],
  ];
  for (const [id, clip, status, words] of refused) {
    await addClip(id, clip);
    const answer = await create({ videos: ['good', id] });
    expect(answer).toMatchObject({ status, body: { detail: expect.stringContaining(words), param: 'videos' } });
  }
  expect(await create({ videos: ['good', 'missing'] })).toMatchObject({ status: 404 });
  expect(own.told).toEqual([]);
  expect(await own.database.db.select().from(films)).toEqual([]);
});

test('either clips or a batch are wanted, within bounds', async () => {
  for (const payload of [
    {},
    { videos: [] },
    { videos: ['a'], batchId: 'b' },
    { videos: ['a/../b'] },
    { videos: 'a' },
  ]) {
    expect(await create(payload)).toMatchObject({ status: 400 });
  }
  const many = Array.from({ length: FILM_BOUNDS.clips + 1 }, () => 'a');
  expect(await create({ videos: many })).toMatchObject({ status: 400 });
  await addClip('a', { archive: makeArchive({ durationMs: FILM_BOUNDS.durationMs / 2 + 1 }) });
  expect(await create({ videos: ['a', 'a'] })).toMatchObject({ status: 413, body: problem('too_large', 'would last') });
  await addClip('large', { archive: makeArchive({ sizeBytes: FILM_BOUNDS.bytes }) });
  expect(await create({ videos: ['large', 'a'] })).toMatchObject({ status: 413, body: problem('too_large', 'bytes') });
});

test('the same idempotency key is the same film, also when its clips are gone', async () => {
  const payload = { videos: [await addClip('a')] };
  const first = await create(payload, { idempotency: 'once' });
  await own.database.db.execute("delete from videos where id = 'a'");
  expect(await create(payload, { idempotency: 'once' })).toMatchObject({ status: 202, body: first.body as object });
  const other = await create({ ...payload, transition: 'crossfade' }, { idempotency: 'once' });
  expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
  expect(own.told).toHaveLength(1);
});

test('a caller has a hundred films that have not ended, and another one when one of them has', async () => {
  const payload = { videos: [await addClip('a')] };
  const made: Film[] = [];
  for (let n = 0; n < FILM_BOUNDS.unended; n++) made.push((await create(payload)).body as Film);
  expect(await create(payload)).toMatchObject({ status: 429, body: problem('too_many_videos', '100 films') });
  await failFilm(own.database.db, made[0]?.id ?? '', { kind: 'cancelled', message: '' });
  expect(await create(payload)).toMatchObject({ status: 202 });
});

describe('of a batch', () => {
  const batchId = 'batch_1';

  async function addBatch(endedAt: Date | null, clips: readonly (string | null)[]): Promise<void> {
    const { db } = own.database;
    const createdAt = new Date();
    const state = endedAt ? 'completed' : 'in_progress';
    const facts = { id: batchId, callerId: studio.id, state, window: '24h', repeatKey: batchId } as const;
    await db.insert(batches).values({ ...facts, createdAt, expiresAt: createdAt, endedAt });
    // The lines are entered in another order than they are counted.
    const lines = clips.map((videoId, n) => ({ line: n + 1, videoId, batchId, state: 'completed' as const }));
    await db.insert(batchLines).values(lines.toReversed());
  }

  test('all clips are joined in the order of its lines', async () => {
    await addBatch(new Date(), [await addClip('z'), await addClip('a'), await addClip('m')]);
    expect(await create({ batchId })).toMatchObject({ status: 202, body: { batchId, videos: ['z', 'a', 'm'] } });
  });

  test('it is refused while the batch runs, and where a line became no clip', async () => {
    await addBatch(null, [await addClip('a')]);
    expect(await create({ batchId })).toMatchObject({ status: 409, body: problem('conflict', 'has not ended') });
    expect(await create({ batchId: 'batch_2' })).toMatchObject({ status: 404 });
    await own.reset();
    studio = await own.join('studio');
    await addBatch(new Date(), [await addClip('a'), null]);
    expect(await create({ batchId })).toMatchObject({ status: 409, body: problem('conflict', 'line 2') });
  });
});

test('the bytes are fetched by a signed link, in ranges, until their time is over', async () => {
  const { db } = own.database;
  const { id } = (await create({ videos: [await addClip('a')] })).body as Film;
  const key = filmKeyOf(id);
  const { sha256, durationMs, width, height, codec } = makeArchive();
  const publish = () => putObject(own.store, key, Buffer.from('0123456789'));
  const archive = { key, sha256, sizeBytes: 10, durationMs, width, height, codec };
  expect(await completeFilm(db, id, { archive, publish })).toBe(true);
  expect(await completeFilm(db, id, { archive, publish: () => Promise.reject(new Error('once')) })).toBe(false);
  const { body } = await own.ask({ url: `${FILMS}/${id}`, key: studio.key });
  expect(body).toMatchObject({ state: 'completed', progress: 100, archive: { sha256, sizeBytes: 10, durationMs } });
  const { pathname, search } = new URL((body as Film).archive?.url ?? '');
  expect(pathname).toBe(`/media/${id}/film.mp4`);
  const part = await own.app.inject({ url: pathname + search, headers: { range: 'bytes=2-4' } });
  expect([part.statusCode, part.body, part.headers['content-type']]).toEqual([206, '234', 'video/mp4']);
  expect((await own.app.inject({ url: pathname })).statusCode).toBe(403);
  expect((await own.app.inject({ url: `/media/${id}/clip.mp4${search}` })).statusCode).toBe(403);
  await db.update(films).set({ expiresAt: new Date() }).where(eq(films.id, id));
  expect((await own.app.inject({ url: pathname + search })).statusCode).toBe(410);
  expect(await findFilm(db, id)).not.toBeNull();
  expect((await own.ask({ url: `${FILMS}/${id}`, key: studio.key })).body).toMatchObject({ archive: { url: null } });
});

test('a film is kept as long as its caller keeps clips', async () => {
  const { id } = (await create({ videos: [await addClip('a')] })).body as Film;
  const film = await findFilm(own.database.db, id);
  expect((film?.expiresAt.getTime() ?? 0) - (film?.createdAt.getTime() ?? 0)).toBe(400 * 86_400_000);
  const url = `/clipyard/v1/callers/${studio.id}`;
  await own.ask({ method: 'PATCH', url, payload: { retentionSeconds: 60 } });
  const { body } = await create({ videos: ['a'] });
  const short = await findFilm(own.database.db, (body as Film).id);
  expect((short?.expiresAt.getTime() ?? 0) - (short?.createdAt.getTime() ?? 0)).toBe(60_000);
});
