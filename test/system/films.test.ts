/** A film whose worker is killed over it: another worker finishes it, and one object is archived. */

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findPostgresBinaries, type PostgresServer, startPostgres } from '../../bench/postgres-server.ts';
import { freePort } from '../../src/temporal/dev-server/process.ts';
import {
  askAs,
  type ClipyardProcess,
  compile,
  createVideos,
  ROOT_KEY,
  startClipyard,
  untilModels,
  untilPrinted,
  untilReady,
  untilVideos,
} from './clipyard-process.ts';
import { writeUpstreams } from './upstreams.ts';

const run = promisify(execFile);
const CLIPS = 16;
const TRIES = 1800;

let dataDir: string;
let postgres: PostgresServer | null = null;
const processes: ClipyardProcess[] = [];

beforeAll(async () => {
  compile();
  dataDir = await mkdtemp(join(tmpdir(), 'clipyard-films-'));
}, 300_000);

afterAll(async () => {
  for (const one of processes) await one.killTree();
  await postgres?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

function start(args: readonly string[], settings: Readonly<Record<string, string>>): ClipyardProcess {
  const one = startClipyard(args, settings);
  processes.push(one);
  return one;
}

interface Film {
  readonly id: string;
  readonly state: string;
  readonly progress: number;
  readonly durationMs: number;
  readonly failure: unknown;
}

/** Polls until the film is where the test wants it. */
async function until(ask: ReturnType<typeof askAs>, id: string, reached: (film: Film) => boolean): Promise<Film> {
  for (let tries = 0; tries < TRIES; tries++) {
    const film = (await ask(`/clipyard/v1/films/${id}`)) as unknown as Film;
    if (reached(film)) return film;
    await sleep(100);
  }
  throw new Error(`the film stays as it is: ${JSON.stringify(await ask(`/clipyard/v1/films/${id}`))}`);
}

test('a film is finished by another worker when its own is killed', async () => {
  const binaries = findPostgresBinaries();
  if (binaries === null) throw new Error('PostgreSQL is not installed on this machine');
  postgres = await startPostgres(binaries);
  const sandbox = start(['sandbox', '--port', '0', '--speed', '20'], {});
  const sandboxUrl = await untilPrinted(sandbox, /^sandbox +(\S+)$/m);
  const temporal = start(['temporal'], { CLIPYARD_DATA_DIR: join(dataDir, 'temporal') });
  const timing = { firstPollMs: 500, minPollMs: 500 };
  const account = { id: 'one', provider: 'airforce', baseUrl: sandboxUrl, timing };
  const port = await freePort(0);
  const settings = {
    ...(await writeUpstreams(dataDir, { accounts: [account] })),
    CLIPYARD_DATA_DIR: dataDir,
    CLIPYARD_PORT: String(port),
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: await untilPrinted(temporal, /^temporal +(\S+)$/m),
  };
  const doomed = start(['work'], settings);
  const url = `http://127.0.0.1:${port}`;
  start(['serve'], settings);
  await untilReady(`${url}/readyz`);
  const ask = askAs(ROOT_KEY, url);
  await untilModels(ask);
  const videos = await createVideos(ask, CLIPS, 'clip');
  await untilVideos(ask, videos, (all) => all.every(({ state }) => state === 'completed'));

  const { id } = (await ask('/clipyard/v1/films', { videos, transition: 'crossfade' })) as unknown as Film;
  const begun = await until(ask, id, ({ progress, state }) => progress >= 20 || state === 'failed');
  await doomed.killTree();
  expect(begun).toMatchObject({ state: 'joining', failure: null });
  const pieces = await readdir(join(dataDir, 'films', id));
  expect(pieces).toContain('piece-0.mov');

  start(['work'], settings);
  const film = await until(ask, id, ({ state }) => state === 'completed' || state === 'failed');
  expect(film).toMatchObject({ state: 'completed', progress: 100, failure: null });
  const archive = join(dataDir, 'media', 'films', id);
  expect(await readdir(archive)).toEqual(['film.mp4']);
  expect(await readdir(join(dataDir, 'films'))).toEqual([]);
  const probe = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', join(archive, 'film.mp4')];
  const { stdout } = await run('ffprobe', probe);
  expect(Number(stdout)).toBeCloseTo(film.durationMs / 1000, 1);
}, 400_000);
