/** Running ffmpeg: found once, fed by a pipe, bounded in time and output, and told nothing of ours. */

import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const TIMEOUT_MS = 20_000;
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;

/** The absolute path of the ffmpeg on PATH, null without one. */
export async function findFfmpeg(): Promise<string | null> {
  try {
    const found = await run('/bin/sh', { args: ['-c', 'command -v ffmpeg'], input: [] });
    const path = Buffer.from(found).toString().trim();
    return path.startsWith('/') ? path : null;
  } catch {
    return null;
  }
}

/**
 * One JPEG out of a clip that begins with its index, filtered so.
 * @throws Error when ffmpeg fails, takes too long, writes too much, or makes no JPEG.
 */
export async function makeJpeg(
  ffmpeg: string,
  { clip, filter, timeoutMs }: { clip: Pieces; filter: string; timeoutMs?: number | undefined },
): Promise<Uint8Array> {
  // The clip is a stranger's: one demuxer, no protocol but the pipe, and none of our environment with its keys.
  const limits = ['-v', 'error', '-nostdin', '-threads', '1', '-protocol_whitelist', 'file,pipe', '-f', 'mov'];
  const output = ['-an', '-frames:v', '1', '-vf', filter, '-f', 'mjpeg', '-q:v', '3', 'pipe:1'];
  const args = [...limits, '-i', 'pipe:0', ...output];
  const jpeg = await run(ffmpeg, { args, input: clip, env: {}, timeoutMs });
  if (jpeg[0] !== 0xff || jpeg[1] !== 0xd8) throw new Error('ffmpeg made no JPEG');
  return jpeg;
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

/** Runs a program to its end and returns its output; throws when it fails, takes too long or writes too much. */
async function run(program: string, { args, input, env, timeoutMs = TIMEOUT_MS }: Invocation): Promise<Uint8Array> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], env });
  const kill = () => child.kill('SIGKILL');
  const timer = setTimeout(kill, timeoutMs);
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  child.stdout.on('data', (piece: Uint8Array) => {
    sizeBytes += piece.byteLength;
    if (sizeBytes > MAX_OUTPUT_BYTES) kill();
    else pieces.push(piece);
  });
  // A program that has seen enough closes its input: its exit code tells whether that was an error.
  const fed = pipeline(Readable.from(input), child.stdin).catch((error: unknown) => error);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0 || sizeBytes > MAX_OUTPUT_BYTES) throw new Error(`${program} ended with ${code ?? 'a signal'}`);
    return Buffer.concat(pieces);
  } finally {
    clearTimeout(timer);
    child.stdin.destroy();
    await fed;
  }
}
