/** Joins stored clips into one MP4 on disk: as they are where they are coded alike, else piece by piece in one coding. */

import { createWriteStream } from 'node:fs';
import { mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { filmDurationMs, type Transition } from '../../domain/film.ts';
import type { MediaStore } from '../../media/media-store.ts';
import { readClipFacts } from './clip-facts.ts';
import { copyClips } from './copy-clips.ts';
import { areAlike, type ClipFacts, type Format, formatOf, graphOf, type Piece, piecesOf } from './film-plan.ts';
import { type FfmpegRun, runFfmpeg } from './run-ffmpeg.ts';

export interface JoinOrder {
  /** Null where there is none: then clips are joined that are coded alike, and no others. */
  readonly ffmpeg: string | null;
  readonly store: MediaStore;
  /** In the order in which they are shown. */
  readonly clipKeys: readonly string[];
  readonly transition: Transition;
  /**
   * Where it works, made if it is not there. What is finished there stays, so that another try goes on with it; the
   * folder is its caller's to remove.
   */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Told of each step: 0 to 100. */
  readonly onProgress?: (percent: number) => void;
}

/** A film on disk. */
export interface JoinedFilm {
  readonly file: string;
  /** What its clips make up; what it really lasts is for its archive to say. */
  readonly durationMs: number;
  /** Nothing was coded again. */
  readonly isCopy: boolean;
}

/** A clip of the order is not in the store. */
export class ClipMissing extends Error {
  override readonly name = 'ClipMissing';
  readonly clipKey: string;

  constructor(clipKey: string) {
    super(`${clipKey} is not in the media store`);
    this.clipKey = clipKey;
  }
}

type CodingOrder = JoinOrder & { readonly ffmpeg: string };

/** The clips have to be coded again, and there is no ffmpeg. */
export class FfmpegMissing extends Error {
  override readonly name = 'FfmpegMissing';
}

const FILM = 'film.mp4';
/** Progress once the clips have been looked into, once they are here, and once the pieces are made. */
const READ = 5;
const FETCHED = 15;
const MADE = 95;
const CODING_THREADS = 2;
/** For a run, and for each second of film on a slow machine. */
const RUN_MS = 60_000;
const RUN_MS_PER_SECOND = 30_000;
/** No timescale of a piece divides its frames' length unevenly. */
const UNITS_PER_FRAME = 512;

const clipName = (n: number) => `clip-${n}.mp4`;
const pieceName = (n: number) => `piece-${n}.mov`;

/** @throws ClipMissing, FfmpegMissing, FfmpegFailure, NotAVideo, and the signal's reason. */
export async function joinClips(order: JoinOrder): Promise<JoinedFilm> {
  const { clipKeys, transition, folder, onProgress = () => undefined } = order;
  await mkdir(folder, { recursive: true });
  const facts: ClipFacts[] = [];
  for (const [n, key] of clipKeys.entries()) {
    facts.push(await readFacts(order, key));
    onProgress((READ * (n + 1)) / clipKeys.length);
  }
  const durationMs = filmDurationMs(
    facts.map((clip) => clip.durationMs),
    transition,
  );
  const isCopy = areAlike(facts) && (transition === 'cut' || facts.length === 1);
  const film = { facts, durationMs, onProgress };
  const file = isCopy ? await copy(order, film) : await codeAgain(order, film);
  onProgress(100);
  return { file, durationMs, isCopy };
}

async function readFacts({ store, signal }: JoinOrder, key: string): Promise<ClipFacts> {
  signal.throwIfAborted();
  if ((await store.sizeBytes(key)) === null) throw new ClipMissing(key);
  return await readClipFacts(store, key);
}

/** What is known of a film before it is made, and who is told of its steps. */
interface PlannedFilm {
  readonly facts: readonly ClipFacts[];
  readonly durationMs: number;
  readonly onProgress: (percent: number) => void;
}

async function copy({ store, clipKeys, folder, signal }: JoinOrder, { facts, onProgress }: PlannedFilm) {
  const file = join(folder, FILM);
  const part = partOf(file);
  const onCopied = (clips: number) => onProgress(READ + ((MADE - READ) * clips) / clipKeys.length);
  await copyClips({ store, clipKeys, facts, file: part, signal, onCopied });
  await rename(part, file);
  return file;
}

/** By ffmpeg, in the format of the first clip. */
async function codeAgain(order: JoinOrder, film: PlannedFilm): Promise<string> {
  const { ffmpeg, clipKeys } = order;
  const { onProgress, facts } = film;
  if (ffmpeg === null) throw new FfmpegMissing('the clips have to be coded again, and this server has no ffmpeg');
  for (const [n, key] of clipKeys.entries()) {
    await fetchClip(order, key, clipName(n));
    onProgress(READ + ((FETCHED - READ) * (n + 1)) / clipKeys.length);
  }
  const names = await makePieces({ ...order, ffmpeg }, facts, onProgress);
  onProgress(MADE);
  return await concatenate({ ...order, ffmpeg }, names, film);
}

async function sizeOf(path: string): Promise<number | null> {
  return await stat(path).then(
    ({ size }) => size,
    () => null,
  );
}

/** ffmpeg seeks in what it reads, and a media store need not be a folder. */
async function fetchClip({ store, folder, signal }: JoinOrder, key: string, name: string): Promise<void> {
  const path = join(folder, name);
  const sizeBytes = await store.sizeBytes(key);
  const stream = sizeBytes === null ? null : await store.read(key);
  if (stream === null) throw new ClipMissing(key);
  if ((await sizeOf(path)) === sizeBytes) return void stream.destroy();
  const part = partOf(path);
  await pipeline(stream, createWriteStream(part), { signal });
  await rename(part, path);
}

/** No two tries write to one file, though a try that was given up may still be at work. */
function partOf(path: string): string {
  return `${path}.${process.pid}-${process.hrtime.bigint()}.part`;
}

/** Has a file made by ffmpeg, all of it or nothing. */
async function makeFile(
  { ffmpeg, folder, signal }: CodingOrder,
  name: string,
  { args, filmMs, onMade }: Pick<FfmpegRun, 'args' | 'onMade'> & { readonly filmMs: number },
): Promise<void> {
  const part = partOf(name);
  const timeoutMs = RUN_MS + (filmMs / 1000) * RUN_MS_PER_SECOND;
  await runFfmpeg({ ffmpeg, folder, args: [...args, part], timeoutMs, signal, ...(onMade && { onMade }) });
  await rename(join(folder, part), join(folder, name));
}

/** The pieces' names, in order; those that an earlier try has made are taken as they are. */
async function makePieces(
  order: CodingOrder,
  facts: readonly ClipFacts[],
  onProgress: (percent: number) => void,
): Promise<readonly string[]> {
  const format = formatOf(facts);
  const pieces = piecesOf(facts, order.transition, format);
  const allFrames = pieces.reduce((sum, { frames }) => sum + frames, 0);
  let madeFrames = 0;
  for (const [n, piece] of pieces.entries()) {
    const tell = (frames: number) => onProgress(FETCHED + ((MADE - FETCHED) * (madeFrames + frames)) / allFrames);
    const filmMs = (piece.frames / format.framesPerSecond) * 1000;
    const onMade = (madeMs: number) => tell(Math.min(piece.frames, (madeMs / 1000) * format.framesPerSecond));
    if ((await sizeOf(join(order.folder, pieceName(n)))) === null) {
      await makeFile(order, pieceName(n), { args: argsOf(piece, facts, format), filmMs, onMade });
    }
    madeFrames += piece.frames;
    tell(0);
  }
  return pieces.map((_, n) => pieceName(n));
}

/** Without pictures that refer to later ones, so that the pieces' times follow each other without a gap. */
function argsOf(piece: Piece, facts: readonly ClipFacts[], format: Format): readonly string[] {
  const inputs = piece.clips.flatMap((clip) => ['-f', 'mov', '-i', clipName(clip)]);
  const sound = format.hasAudio ? ['-map', '[a]', '-c:a', 'pcm_s16le'] : [];
  const coding = ['-c:v', 'libx264', '-preset', 'veryfast', '-crf', '18', '-bf', '0', '-threads', `${CODING_THREADS}`];
  const timescale = ['-video_track_timescale', `${format.framesPerSecond * UNITS_PER_FRAME}`];
  const threads = ['-filter_complex_threads', '1'];
  return [
    ...threads,
    ...inputs,
    '-filter_complex',
    graphOf(piece, facts, format),
    '-map',
    '[v]',
    ...sound,
    ...coding,
    ...timescale,
    '-f',
    'mov',
  ];
}

/** One after the other in one MP4 that begins with its index; pictures stay as they are. */
async function concatenate(
  order: CodingOrder,
  names: readonly string[],
  { facts, durationMs }: PlannedFilm,
): Promise<string> {
  await writeFile(join(order.folder, 'list.txt'), names.map((name) => `file ${name}\n`).join(''));
  const hasAudio = facts.some((clip) => clip.hasAudio);
  const sound = hasAudio ? ['-map', '0:a:0', '-c:a', 'aac', '-b:a', '192k'] : [];
  const formats = ['-format_whitelist', 'concat,mov,mp4,m4a,3gp,3g2,mj2'];
  const input = ['-f', 'concat', ...formats, '-i', 'list.txt', '-map', '0:v:0', '-c:v', 'copy', ...sound];
  await makeFile(order, FILM, { args: [...input, '-movflags', '+faststart', '-f', 'mp4'], filmMs: durationMs });
  return join(order.folder, FILM);
}
