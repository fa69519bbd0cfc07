/** Running ffmpeg: found once, fed by a pipe, bounded in time and output, and told nothing of ours. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { lowerPriority } from '../process/priority.ts';

const TIMEOUT_MS = 20_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** The absolute path of the ffmpeg on PATH, null without one. */
export async function findFfmpeg(): Promise<string | null> {
  try {
    const { output } = await run('/bin/sh', { args: ['-c', 'command -v ffmpeg'], input: [] });
    const path = Buffer.from(output).toString().trim();
    return path.startsWith('/') ? path : null;
  } catch {
    return null;
  }
}

// The clip is a stranger's: one demuxer, no protocol but the pipe, and none of our environment with its keys.
const LIMITS = ['-v', 'error', '-nostdin', '-threads', '1', '-protocol_whitelist', 'file,pipe', '-f', 'matroska'];
const CLIP = [...LIMITS, '-i', 'pipe:0', '-an'];

/** What becomes one picture, and how long that may take. */
export interface JpegOrder {
  readonly filter: string;
  readonly timeoutMs?: number | undefined;
}

/**
 * One JPEG out of a clip that begins with its index, filtered so.
 * @throws Error when ffmpeg fails, takes too long, writes too much, or makes no JPEG.
 */
export async function makeJpeg(ffmpeg: string, clip: Pieces, { filter, timeoutMs }: JpegOrder): Promise<Uint8Array> {
  const args = [...CLIP, '-frames:v', '1', '-vf', filter, '-f', 'mjpeg', '-q:v', '3', 'pipe:1'];
  const { code, output } = await run(ffmpeg, { args, input: clip, env: {}, timeoutMs });
  if (code !== 0) throw new Error(`${ffmpeg} ended with ${code ?? 'a signal'}`);
  if (output[0] !== 0xff || output[1] !== 0xd8) throw new Error('ffmpeg made no JPEG');
  return output;
}

/** How far a clip could be decoded. */
export interface Decoding {
  /** Pictures. */
  readonly decoded: number;
  /** False where the time was over before the clip was. */
  readonly isComplete: boolean;
  readonly hasComplained: boolean;
}

/** Decodes all pictures of a clip that begins with its index, and keeps none; throws where there is no such program. */
export async function countPictures(ffmpeg: string, clip: Pieces): Promise<Decoding> {
  const args = [...CLIP, '-progress', 'pipe:1', '-nostats', '-f', 'null', '-'];
  const { code, output, hasComplained } = await run(ffmpeg, { args, input: clip, env: {} });
  const counts = [
    ...Buffer.from(output)
      .toString()
      .matchAll(/^frame=(\d+)$/gm),
  ];
  return { decoded: Number(counts.at(-1)?.[1] ?? 0), isComplete: code !== null, hasComplained };
}

/** Bytes in the order in which a pipe takes them. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

interface Invocation {
  readonly args: readonly string[];
  readonly input: Pieces;
  /** Ours when absent. */
  readonly env?: Record<string, string>;
  readonly timeoutMs?: number | undefined;
}

/** How a program ended. */
interface Ending {
  /** Null where it was killed, for its time, for its output or from elsewhere. */
  readonly code: number | null;
  readonly output: Uint8Array;
  /** Whether it wrote of errors. */
  readonly hasComplained: boolean;
}

/** Runs a program to its end; throws where it cannot be run. */
async function run(program: string, { args, input, env, timeoutMs = TIMEOUT_MS }: Invocation): Promise<Ending> {
  const child = spawn(program, args, { stdio: 'pipe', env });
  lowerPriority(child.pid);
  const kill = () => child.kill('SIGKILL');
  const timer = setTimeout(kill, timeoutMs);
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  let hasComplained = false;
  child.stdout.on('data', (piece: Uint8Array) => {
    sizeBytes += piece.byteLength;
    if (sizeBytes > MAX_OUTPUT_BYTES) kill();
    else pieces.push(piece);
  });
  child.stderr.on('data', () => {
    hasComplained = true;
  });
  // A program that has seen enough closes its input: its exit code tells whether that was an error.
  const fed = pipeline(Readable.from(input, { highWaterMark: 1 }), child.stdin).catch((error: unknown) => error);
  try {
    const [code = null]: readonly (number | null)[] = await once(child, 'close');
    const isWhole = sizeBytes <= MAX_OUTPUT_BYTES;
    return { code: isWhole ? code : null, output: Buffer.concat(pieces), hasComplained };
  } finally {
    clearTimeout(timer);
    child.stdin.destroy();
    await fed;
  }
}
