/** Joining clips into a film: ffprobe reads back what was made. */

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFfmpeg } from '../../../src/archive/ffmpeg.ts';
import { ClipMissing, FfmpegMissing, type JoinOrder, joinClips } from '../../../src/archive/film/join-clips.ts';
import { FfmpegFailure } from '../../../src/archive/film/run-ffmpeg.ts';
import { crossfadeMs, filmDurationMs } from '../../../src/domain/film.ts';
import { createFileStore } from '../../../src/media/file-store.ts';
import { makeClip } from '../../fixtures/make-clip.ts';
import { putObject } from '../../media/media-store-contract.ts';

const run = promisify(execFile);

let root: string;
let ffmpeg: string;
let order: Omit<JoinOrder, 'clipKeys'>;

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'clipyard-film-'));
  ffmpeg = (await findFfmpeg()) ?? 'ffmpeg';
  const store = createFileStore(join(root, 'media'));
  const { signal } = new AbortController();
  order = { ffmpeg, store, transition: 'cut', folder: join(root, 'work'), signal };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A clip of a test picture, perhaps with a tone. */
async function addClip(
  name: string,
  seconds: number,
  { size = '160x96', rate = 10, tone = false } = {},
): Promise<string> {
  const file = join(root, `${name}.mp4`);
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`];
  const sound = tone ? ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`, '-c:a', 'aac'] : [];
  await mkdir(root, { recursive: true });
  await run(ffmpeg, ['-v', 'error', '-y', ...picture, ...sound, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', file]);
  return await add(name, await readFile(file));
}

async function add(name: string, bytes: Uint8Array): Promise<string> {
  const key = `videos/${name}/clip.mp4`;
  await putObject(order.store, key, bytes);
  return key;
}

async function probe(file: string) {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', file]);
  const { format, streams } = JSON.parse(stdout) as {
    format: { duration: string };
    streams: { codec_type: string; codec_name: string; width?: number; height?: number; duration: string }[];
  };
  return { seconds: Number(format.duration), streams };
}

/** Every picture is decoded: how many there are, and what was complained of. */
async function decode(file: string): Promise<{ readonly frames: number; readonly complaints: string }> {
  const { stdout, stderr } = await run(ffmpeg, ['-v', 'error', '-i', file, '-map', '0:v', '-f', 'framemd5', '-']);
  const frames = stdout.split('\n').filter((line) => /^0,/.test(line)).length;
  return { frames, complaints: stderr };
}

test('clips that are coded alike are joined as they are, in order, and last as long as all of them', async () => {
  const clipKeys = [await addClip('a', 1), await addClip('b', 2), await addClip('c', 1.5)];
  const progress: number[] = [];
  const film = await joinClips({ ...order, clipKeys, onProgress: (percent) => progress.push(percent) });
  expect(film).toMatchObject({ isCopy: true, durationMs: 4500 });
  const { seconds, streams } = await probe(film.file);
  expect(seconds).toBeCloseTo(4.5, 1);
  expect(streams).toMatchObject([{ codec_name: 'h264', width: 160, height: 96 }]);
  expect(await decode(film.file)).toEqual({ frames: 45, complaints: '' });
  expect(progress.at(-1)).toBe(100);
  expect(progress).toEqual(progress.toSorted((a, b) => a - b));
});

test('sound is joined as it is where every clip has the same', async () => {
  const clipKeys = [await addClip('a', 1, { tone: true }), await addClip('b', 1, { tone: true })];
  const film = await joinClips({ ...order, clipKeys });
  expect(film.isCopy).toBe(true);
  const { seconds, streams } = await probe(film.file);
  expect(Math.abs(seconds - 2)).toBeLessThan(0.1);
  expect(streams.map(({ codec_name }) => codec_name)).toEqual(['h264', 'aac']);
});

test('other sizes, rates and encoders, some with sound, become one film in the first one’s format', async () => {
  const clipKeys = [
    await addClip('a', 1, { size: '128x128', rate: 12, tone: true }),
    await addClip('b', 2, { size: '160x96', rate: 25 }),
    await add('c', await makeClip()),
  ];
  const film = await joinClips({ ...order, clipKeys });
  expect(film).toMatchObject({ isCopy: false, durationMs: 5000 });
  const { seconds, streams } = await probe(film.file);
  expect(seconds).toBeCloseTo(5, 1);
  expect(streams).toMatchObject([{ codec_name: 'h264', width: 128, height: 128 }, { codec_name: 'aac' }]);
  for (const { duration } of streams) expect(Number(duration)).toBeCloseTo(5, 1);
  expect(await decode(film.file)).toEqual({ frames: 60, complaints: '' });
});

test('a crossfade shows the clips on both of its sides at once, so the film is as much shorter', async () => {
  const clipKeys = [await addClip('a', 2), await addClip('b', 0.6, { tone: true }), await addClip('c', 2)];
  const film = await joinClips({ ...order, clipKeys, transition: 'crossfade' });
  expect(film).toMatchObject({ isCopy: false, durationMs: 4600 - 200 - 200 });
  const { seconds, streams } = await probe(film.file);
  expect(seconds).toBeCloseTo(4.2, 1);
  for (const { duration } of streams) expect(Number(duration)).toBeCloseTo(4.2, 1);
  expect(await decode(film.file)).toEqual({ frames: 42, complaints: '' });
});

test('another try goes on with the pieces that one before it has made', async () => {
  const clipKeys = [await addClip('a', 1), await addClip('b', 1, { size: '96x96' }), await addClip('c', 1)];
  const stopped = new AbortController();
  const stopAtHalf = (percent: number) => percent > 60 && stopped.abort(new Error('killed'));
  const first = joinClips({ ...order, clipKeys, signal: stopped.signal, onProgress: stopAtHalf });
  await expect(first).rejects.toThrow('killed');
  const piece = join(order.folder, 'piece-0.mov');
  const { mtimeMs } = await stat(piece);
  const film = await joinClips({ ...order, clipKeys });
  expect((await stat(piece)).mtimeMs).toBe(mtimeMs);
  expect((await probe(film.file)).seconds).toBeCloseTo(3, 1);
  expect(readdirSync(order.folder)).toEqual(expect.arrayContaining(['clip-2.mp4', 'film.mp4', 'piece-2.mov']));
});

test('a clip that is gone, and an ffmpeg that fails, are told apart', async () => {
  const clipKeys = [await addClip('a', 1), 'videos/b/clip.mp4'];
  await expect(joinClips({ ...order, clipKeys })).rejects.toBeInstanceOf(ClipMissing);
  const unlike = [await addClip('a', 1), await addClip('c', 1, { size: '96x96' })];
  const failing = joinClips({ ...order, clipKeys: unlike, ffmpeg: '/bin/false' });
  await expect(failing).rejects.toBeInstanceOf(FfmpegFailure);
});

test('without ffmpeg clips that are coded alike are joined, and others are refused in words', async () => {
  const clipKeys = [await addClip('a', 1, { tone: true }), await addClip('b', 1.5, { tone: true })];
  const film = await joinClips({ ...order, clipKeys, ffmpeg: null });
  expect(film).toMatchObject({ isCopy: true, durationMs: 2500 });
  expect(await decode(film.file)).toEqual({ frames: 25, complaints: '' });
  for (const transition of ['cut', 'crossfade'] as const) {
    const unlike = transition === 'cut' ? [...clipKeys, await addClip('c', 1)] : clipKeys;
    const refused = joinClips({ ...order, clipKeys: unlike, transition, ffmpeg: null });
    await expect(refused).rejects.toBeInstanceOf(FfmpegMissing);
  }
});

test('the sound of many clips keeps in step with their pictures', async () => {
  const names = Array.from({ length: 12 }, (_, n) => `clip${n}`);
  const clipKeys: string[] = [];
  for (const name of names) clipKeys.push(await addClip(name, 0.7, { tone: true }));
  const film = await joinClips({ ...order, clipKeys });
  expect(film.isCopy).toBe(true);
  const { streams } = await probe(film.file);
  for (const { duration } of streams) expect(Math.abs(Number(duration) - 8.4)).toBeLessThan(0.1);
  expect(await decode(film.file)).toEqual({ frames: 84, complaints: '' });
});

test('blends take no more than a third of a clip each', () => {
  expect(crossfadeMs(2000, 2000)).toBe(500);
  expect(crossfadeMs(2000, 600)).toBe(200);
  expect(filmDurationMs([1000, 2000, 3000], 'cut')).toBe(6000);
  expect(filmDurationMs([3000, 2000, 3000], 'crossfade')).toBe(7000);
});
