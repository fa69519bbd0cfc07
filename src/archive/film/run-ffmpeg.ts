/** One run of ffmpeg over files of a folder: bounded in time, processor time, memory and words, told nothing of ours. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lowerPriority } from '../../process/priority.ts';

const MOST_MEMORY_KIB = 6 * 1024 * 1024;
/** Of what it complains of, the end. */
const WORDS = 2000;

export interface FfmpegRun {
  readonly ffmpeg: string;
  /** Where it runs: files are named without a path. */
  readonly folder: string;
  readonly args: readonly string[];
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told how much of the output is made, in milliseconds of film. */
  readonly onMade?: (madeMs: number) => void;
}

/** ffmpeg has failed; the message has the end of what it said. */
export class FfmpegFailure extends Error {
  override readonly name = 'FfmpegFailure';
}

/**
 * The clips are strangers': no protocol but files and pipes, none but the formats that we wrote and archived, and none of
 * our environment with its keys. The shell sets limits that hold although this process dies.
 */
const LIMITED = 'ulimit -v "$1"; ulimit -t "$2"; shift 2; exec "$@"';
const SAFE = ['-nostdin', '-v', 'error', '-y', '-protocol_whitelist', 'file,pipe'];

/** Runs it to its end. @throws FfmpegFailure, and the signal's reason. */
export async function runFfmpeg({ ffmpeg, folder, args, timeoutMs, signal, onMade }: FfmpegRun): Promise<void> {
  signal.throwIfAborted();
  const cpuSeconds = String(Math.ceil((timeoutMs / 1000) * 2));
  const limits = ['-c', LIMITED, 'sh', String(MOST_MEMORY_KIB), cpuSeconds];
  const child = spawn('/bin/sh', [...limits, ffmpeg, ...SAFE, '-progress', 'pipe:1', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {},
  });
  lowerPriority(child.pid);
  const kill = () => child.kill('SIGKILL');
  const timer = setTimeout(kill, timeoutMs);
  signal.addEventListener('abort', kill);
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-WORDS);
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const made = /^out_time_us=(\d+)$/m.exec(text)?.[1];
    if (made !== undefined) onMade?.(Number(made) / 1000);
  });
  try {
    const [code = null]: readonly (number | null)[] = await once(child, 'close');
    signal.throwIfAborted();
    if (code !== 0) throw new FfmpegFailure(`ffmpeg ended with ${code ?? 'a signal'}: ${words.trim() || 'no words'}`);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  }
}
