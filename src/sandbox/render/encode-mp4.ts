/** Frames to H.264 in an MP4 with its index first and no time of making, so that equal frames give equal bytes. */

import type { H264MP4Encoder } from 'h264-mp4-encoder';
import { BufferSource, BufferTarget, Conversion, Input, MP4, Mp4OutputFormat, Output } from 'mediabunny';

/** A clip to encode: so many frames, each drawn when its turn comes. */
export interface FrameSource {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  readonly frames: number;
  /** RGBA pixels. */
  draw(frame: number): Uint8Array;
}

/** 0 is the best quality, 10 the fastest. */
const ENCODER_SPEED = 10;
/** 10 is the best quality, 51 the smallest file. */
const QUANTIZATION = 30;

/**
 * Loads the encoder without the two process-wide listeners its WebAssembly loader adds: they throw, with a megabyte of
 * source as the message, for any error anywhere in the process.
 */
async function createEncoder(): Promise<H264MP4Encoder> {
  const exceptionListeners = process.listeners('uncaughtException');
  const rejectionListeners = process.listeners('unhandledRejection');
  const { default: library } = await import('h264-mp4-encoder');
  for (const listener of process.listeners('uncaughtException')) {
    if (!exceptionListeners.includes(listener)) process.removeListener('uncaughtException', listener);
  }
  for (const listener of process.listeners('unhandledRejection')) {
    if (!rejectionListeners.includes(listener)) process.removeListener('unhandledRejection', listener);
  }
  return library.createH264MP4Encoder();
}

async function encode(source: FrameSource): Promise<Uint8Array> {
  const encoder = await createEncoder();
  encoder.width = source.width;
  encoder.height = source.height;
  encoder.frameRate = source.framesPerSecond;
  encoder.speed = ENCODER_SPEED;
  encoder.quantizationParameter = QUANTIZATION;
  encoder.groupOfPictures = source.framesPerSecond * 2;
  encoder.initialize();
  try {
    for (let frame = 0; frame < source.frames; frame += 1) encoder.addFrameRgba(source.draw(frame));
    encoder.finalize();
    const bytes = encoder.FS.readFile(encoder.outputFilename);
    encoder.FS.unlink(encoder.outputFilename);
    return bytes;
  } finally {
    encoder.delete();
  }
}

/** The encoder writes the index last; players and probes want it first. */
async function moveIndexFirst(mp4: Uint8Array): Promise<Uint8Array> {
  const target = new BufferTarget();
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: 'in-memory' }), target });
  const conversion = await Conversion.init({
    input: new Input({ source: new BufferSource(mp4), formats: [MP4] }),
    output,
    showWarnings: false,
  });
  await conversion.execute();
  if (!target.buffer) throw new Error('remuxing the rendered clip gave no bytes');
  return new Uint8Array(target.buffer);
}

/** Boxes on the way to those that carry a creation and a modification time. */
const CONTAINERS: readonly string[] = ['moov', 'trak', 'mdia'];
const TIMED: readonly string[] = ['mvhd', 'tkhd', 'mdhd'];

/** Zeroes the creation and modification times, in place. */
function eraseTimes(bytes: Uint8Array, start: number, end: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = start; at + 8 <= end; ) {
    const sizeBytes = view.getUint32(at);
    const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString('latin1');
    if (sizeBytes < 8) return;
    if (CONTAINERS.includes(type)) eraseTimes(bytes, at + 8, at + sizeBytes);
    // After size, type, version and flags; both times are 64-bit in version 1.
    if (TIMED.includes(type)) bytes.fill(0, at + 12, at + 12 + (view.getUint8(at + 8) === 1 ? 16 : 8));
    at += sizeBytes;
  }
}

/** Encodes the frames. */
export async function encodeMp4(source: FrameSource): Promise<Uint8Array> {
  const mp4 = await moveIndexFirst(await encode(source));
  eraseTimes(mp4, 0, mp4.length);
  return mp4;
}
