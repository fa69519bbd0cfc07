/** Poster frames: one picture of a stored clip as JPEG, made by ffmpeg where there is one. */

import { spawn } from 'node:child_process';
import {
  BufferTarget,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  type InputVideoTrack,
  Mp4OutputFormat,
  Output,
} from 'mediabunny';
import type { MediaStore } from './media-store.ts';
import { withVideoTrack } from './mp4-probe.ts';

const TIMEOUT_MS = 20_000;
const MAX_JPEG_BYTES = 2 * 1024 * 1024;
/** The first frames of a clip are often black or blurred. */
const POSTER_AT_SECONDS = 1;

/** The part of a log that storage writes to. */
export interface StorageLog {
  warn(fields: object, message: string): void;
}

/** The two objects of a video. */
export interface ClipKeys {
  readonly clipKey: string;
  readonly posterKey: string;
}

/** Makes and stores the poster of a stored clip; returns its key, or null where it cannot: never a reason to fail. */
export type PosterMaker = (store: MediaStore, keys: ClipKeys) => Promise<string | null>;

/** Looks for ffmpeg at the first poster; its absence is logged once. */
export function createPosterMaker(log: StorageLog, find: () => Promise<string | null> = findFfmpeg): PosterMaker {
  let ffmpeg: Promise<string | null> | undefined;
  const findOnce = async () => {
    const path = await find();
    if (path === null) log.warn({}, 'there is no ffmpeg on PATH: clips are archived without poster frames');
    return path;
  };
  return async (store, keys) => {
    try {
      ffmpeg ??= findOnce();
      const path = await ffmpeg;
      if (path === null) return null;
      await storePoster(store, keys.posterKey, await makePoster(path, store, keys.clipKey));
      return keys.posterKey;
    } catch (error) {
      log.warn({ clipKey: keys.clipKey, error: String(error) }, 'no poster frame could be made');
      return null;
    }
  };
}

async function storePoster(store: MediaStore, posterKey: string, jpeg: Uint8Array): Promise<void> {
  const staged = await store.stage(posterKey);
  try {
    await staged.write(jpeg);
    await staged.commit();
  } catch (error) {
    await staged.discard();
    throw error;
  }
}

/** The absolute path of the ffmpeg on PATH, null without one. */
export async function findFfmpeg(): Promise<string | null> {
  try {
    const found = await run('/bin/sh', { args: ['-c', 'command -v ffmpeg'], input: new Uint8Array(0) });
    const path = Buffer.from(found).toString().trim();
    return path.startsWith('/') ? path : null;
  } catch {
    return null;
  }
}

async function makePoster(ffmpeg: string, store: MediaStore, clipKey: string): Promise<Uint8Array> {
  const picture = await withVideoTrack(store, clipKey, cutOutPicture);
  // The clip is a stranger's: one demuxer, no protocol but the pipe, and none of our environment with its keys.
  const limits = [
    '-v',
    'error',
    '-nostdin',
    '-threads',
    '1',
    '-protocol_whitelist',
    'file,pipe',
    '-f',
    'mov',
    '-i',
    'pipe:0',
  ];
  const output = ['-frames:v', '1', '-vf', "scale='min(1280,iw)':-2", '-f', 'mjpeg', '-q:v', '3', 'pipe:1'];
  const jpeg = await run(ffmpeg, { args: [...limits, ...output], input: picture, env: {} });
  if (jpeg[0] !== 0xff || jpeg[1] !== 0xd8) throw new Error('ffmpeg made no JPEG');
  return jpeg;
}

/** An MP4 of one picture, index first: small whatever the clip's size, and readable from a pipe, unlike many clips. */
async function cutOutPicture(track: InputVideoTrack): Promise<Uint8Array> {
  const sink = new EncodedPacketSink(track);
  const atSeconds = Math.min(POSTER_AT_SECONDS, (await track.computeDuration()) / 2);
  // Some encoders call every picture a key picture, so the bytes are asked.
  const verify = { verifyKeyPackets: true };
  const packet = (await sink.getKeyPacket(atSeconds, verify)) ?? (await sink.getFirstKeyPacket(verify));
  const decoderConfig = await track.getDecoderConfig();
  if (packet === null || track.codec === null || decoderConfig === null) throw new Error('no picture stands alone');
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: 'in-memory' }), target });
  const source = new EncodedVideoPacketSource(track.codec);
  output.addVideoTrack(source);
  await output.start();
  await source.add(packet.clone({ timestamp: 0 }), { decoderConfig });
  await output.finalize();
  if (target.buffer === null) throw new Error('the picture was not written');
  return new Uint8Array(target.buffer);
}

interface Invocation {
  readonly args: readonly string[];
  readonly input: Uint8Array;
  /** Ours when absent. */
  readonly env?: Record<string, string>;
}

/** Runs a program to its end and returns its output; throws when it fails, takes too long or writes too much. */
async function run(program: string, { args, input, env }: Invocation): Promise<Uint8Array> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], ...(env ? { env } : {}) });
  const kill = () => child.kill('SIGKILL');
  const timer = setTimeout(kill, TIMEOUT_MS);
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  child.stdout.on('data', (piece: Uint8Array) => {
    sizeBytes += piece.byteLength;
    if (sizeBytes > MAX_JPEG_BYTES) kill();
    else pieces.push(piece);
  });
  // A program that has seen enough closes its input: its exit code tells whether that was an error.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0 || sizeBytes > MAX_JPEG_BYTES) throw new Error(`${program} ended with ${code ?? 'a signal'}`);
    return Buffer.concat(pieces);
  } finally {
    clearTimeout(timer);
  }
}
