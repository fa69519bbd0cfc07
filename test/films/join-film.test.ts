/** Films from the request to the archive, over a real Temporal server, workers, and clips that the sandbox rendered. */

import { execFile } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { WorkflowFailedError } from '@temporalio/client';
import { eq } from 'drizzle-orm';
import { uuidv7 } from 'uuidv7';
import { createFilmMaker, type FilmMaker, type FilmOrder } from '../../src/archive/film/make-film.ts';
import { listEntries } from '../../src/catalog/balance.ts';
import { acceptFilm, type FilmRow, findFilm } from '../../src/catalog/films.ts';
import { films } from '../../src/catalog/tables/films.ts';
import { mediaDir } from '../../src/process/parts.ts';
import { type Stack, startStack } from '../stack.ts';

const run = promisify(execFile);
const FILMS = '/clipyard/v1/films';
const LONG_AGO = new Date(Date.now() - 3_600_000);

type Make = FilmMaker['make'];

let stack: Stack;
/** As production makes films. */
let makeFilm: Make;

beforeAll(async () => {
  stack = await startStack({ speed: 40 });
  makeFilm = stack.dependencies.films.make;
});
beforeEach(() => making(makeFilm));
afterAll(() => stack.close());

/** How films are made from now on. */
function making(make: Make): void {
  Object.assign(stack.dependencies.films, { make });
}

/** Resolves when a film has begun to be made, and is then made no further. */
function stalling(): Promise<FilmOrder> {
  return new Promise((begun) => {
    making(async (order) => {
      begun(order);
      making(makeFilm);
      return await new Promise<never>((_, reject) => {
        order.signal.addEventListener('abort', () => reject(order.signal.reason));
      });
    });
  });
}

async function ask<T>(method: 'GET' | 'POST', url: string, payload?: object): Promise<T> {
  const answer = await stack.app.inject({ method, url, headers: stack.headers, ...(payload && { payload }) });
  if (answer.statusCode >= 300) throw new Error(answer.body);
  return answer.json() as T;
}

async function clips(count: number): Promise<readonly string[]> {
  const ids = await Promise.all(Array.from({ length: count }, () => stack.create()));
  for (const id of ids) expect((await stack.ended(id)).state).toBe('completed');
  return ids;
}

async function create(payload: object): Promise<string> {
  return (await ask<{ readonly id: string }>('POST', FILMS, payload)).id;
}

async function until(id: string, reached: (film: FilmRow | null) => boolean): Promise<FilmRow | null> {
  for (let tries = 0; tries < 1000; tries++) {
    const film = await findFilm(stack.db, id);
    if (reached(film)) return film;
    await wait(100);
  }
  throw new Error(`the film stays as it is: ${JSON.stringify(await findFilm(stack.db, id))}`);
}

async function ended(id: string): Promise<FilmRow> {
  const film = await until(id, (found) => found?.endedAt != null);
  if (!film) throw new Error(`there is no film ${id}`);
  return film;
}

/** What lies in the archive under the film's id. */
async function objectsOf(id: string): Promise<readonly string[]> {
  return await readdir(join(mediaDir(stack.parts.config.dataDir), 'films', id)).catch(() => []);
}

/** What is left of the work. */
async function leftovers(): Promise<readonly string[]> {
  return await readdir(join(stack.parts.config.dataDir, 'films')).catch(() => []);
}

/** How the film's workflow has closed. */
async function closed(id: string): Promise<string> {
  const handle = stack.client.workflow.getHandle(id);
  await handle.result().catch((error: unknown) => {
    if (!(error instanceof WorkflowFailedError)) throw error;
  });
  return (await handle.describe()).status.name;
}

test('of a four-clip batch lasts as long as its clips, plays, and costs nothing', async () => {
  const line = (seconds: number) =>
    JSON.stringify({ model: 'sandbox-mini', prompt: 'a red fox', duration_seconds: seconds });
  const answer = await stack.app.inject({
    method: 'POST',
    url: '/clipyard/v1/batches',
    headers: { ...stack.headers, 'content-type': 'application/jsonl' },
    payload: [1, 2, 1, 3].map(line).join('\n'),
  });
  const { id: batchId } = answer.json() as { readonly id: string };
  await stack.client.workflow.getHandle(batchId).result();
  const entries = (await listEntries(stack.db, { callerId: 'root', limit: 200 })).items.length;

  const id = await create({ batchId });
  const film = await ended(id);
  expect(film).toMatchObject({ state: 'completed', progress: 100, failure: null });
  const parts = await Promise.all(film.videoIds.map((video) => stack.video(video)));
  const sumMs = parts.reduce((sum, { archive }) => sum + (archive?.durationMs ?? 0), 0);
  expect(parts).toHaveLength(4);
  expect(film.durationMs).toBe(sumMs);

  const shown = await ask<{ readonly archive: { readonly url: string } }>('GET', `${FILMS}/${id}`);
  const { pathname, search } = new URL(shown.archive.url);
  const bytes = (await stack.app.inject({ url: pathname + search })).rawPayload;
  expect(bytes).toHaveLength(film.archive?.sizeBytes ?? -1);
  const file = join(stack.parts.config.dataDir, 'film.mp4');
  await writeFile(file, bytes);
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', file]);
  expect(Number(stdout)).toBeCloseTo(sumMs / 1000, 2);
  const { stderr } = await run('ffmpeg', ['-v', 'error', '-i', file, '-f', 'null', '-']);
  expect(stderr).toBe('');
  expect(await objectsOf(id)).toEqual(['film.mp4']);
  expect(await closed(id)).toBe('COMPLETED');
  expect(await leftovers()).toEqual([]);
  expect((await listEntries(stack.db, { callerId: 'root', limit: 200 })).items).toHaveLength(entries);
});

test('with a crossfade is as much shorter', async () => {
  const film = await ended(await create({ videos: await clips(2), transition: 'crossfade' }));
  expect(film.failure).toBeNull();
  expect(film.archive?.durationMs).toBeGreaterThan(1500);
  expect(film.archive?.durationMs).toBeLessThan(2000);
});

test('goes on at other workers, and is archived once', async () => {
  const begun = stalling();
  const id = await create({ videos: await clips(2) });
  await begun;
  await stack.restartWorkers();
  expect(await ended(id)).toMatchObject({ state: 'completed' });
  expect(await objectsOf(id)).toEqual(['film.mp4']);
  expect(await closed(id)).toBe('COMPLETED');
  expect(await leftovers()).toEqual([]);
});

test('fails and names the clip that was deleted before it was read', async () => {
  const [first = '', second = ''] = await clips(2);
  making(async (order) => {
    await stack.app.inject({ method: 'DELETE', url: `/openai/v1/videos/${second}`, headers: stack.headers });
    return await makeFilm(order);
  });
  const id = await create({ videos: [first, second] });
  const { state, failure } = await ended(id);
  expect({ state, failure }).toMatchObject({ state: 'failed', failure: { kind: 'clip_gone' } });
  expect(failure?.message).toContain(second);
  expect(await closed(id)).toBe('FAILED');
  expect(await objectsOf(id)).toEqual([]);
  expect(await leftovers()).toEqual([]);
});

test('needs no ffmpeg where nothing is coded again, and says so where it does', async () => {
  const folder = join(stack.parts.config.dataDir, 'films');
  making(createFilmMaker({ store: stack.store, folder, find: async () => null }).make);
  const videos = await clips(2);
  expect(await ended(await create({ videos }))).toMatchObject({ state: 'completed', durationMs: 2000 });
  const refused = await ended(await create({ videos, transition: 'crossfade' }));
  expect(refused).toMatchObject({ state: 'failed', failure: { kind: 'ffmpeg_missing' } });
});

test('is cancelled by an operator', async () => {
  const videos = await clips(1);
  const begun = stalling();
  const id = await create({ videos });
  await begun;
  await stack.client.workflow.getHandle(id).cancel();
  expect(await ended(id)).toMatchObject({ state: 'failed', failure: { kind: 'cancelled' } });
  expect(await closed(id)).toBe('CANCELLED');
});

test('is started by the sweep where nothing else did, ended where an operator closed it, and removed in time', async () => {
  const videoIds = await clips(1);
  const facts = { callerId: 'root', batchId: null, videoIds, transition: 'cut', state: 'queued' } as const;
  const rest = { durationMs: 1000, idempotencyKey: null, bodyHash: '', createdAt: LONG_AGO, aliveAt: LONG_AGO };
  const expiresAt = new Date(Date.now() + 3_600_000);
  const { id: forgotten } = await acceptFilm(stack.db, { id: `film_${uuidv7()}`, ...facts, ...rest, expiresAt });
  await stack.sweep();
  expect(await ended(forgotten)).toMatchObject({ state: 'completed' });

  const begun = stalling();
  const terminated = await create({ videos: videoIds });
  await begun;
  await stack.client.workflow.getHandle(terminated).terminate();
  await stack.restartWorkers();
  await stack.db.update(films).set({ aliveAt: LONG_AGO, expiresAt: LONG_AGO }).where(eq(films.id, terminated));
  await stack.db.update(films).set({ expiresAt: LONG_AGO }).where(eq(films.id, forgotten));
  await stack.sweep();
  await until(forgotten, (film) => film === null);
  expect(await objectsOf(forgotten)).toEqual([]);
  await until(terminated, (film) => film === null || film.failure?.kind === 'cancelled');
});
