/** Reads a stored MP4 back: what it shows, and whether its pictures are really there. */

import {
  CustomSource,
  type EncodedPacket,
  EncodedPacketSink,
  Input,
  type InputVideoTrack,
  Logging,
  LogLevel,
  MP4,
  QTFF,
} from 'mediabunny';
import type { ProbedClip } from '../domain/video.ts';
import type { MediaStore } from '../media/media-store.ts';
import { readBytes } from '../media/ranged-read.ts';
import { checkBoxes, NotAVideo } from './mp4-boxes.ts';

// What is odd about a stranger's file is for our own log to say, in our own words.
Logging.level = LogLevel.Silent;

const MAX_CACHE_BYTES = 4 * 1024 * 1024;
/** More than an index or a single coded picture needs; what claims more is not read. */
const MAX_READ_BYTES = 64 * 1024 * 1024;
/** Of the table of fragments, at the end of the file. */
const LENGTH_BYTES = 4;
/** Pictures from all along the clip that are looked into. */
const SAMPLES = 16;

/** Throws `NotAVideo` for bytes that are no whole MP4 with a video track, and the store's own error when it cannot be read. */
export async function probeClip(store: MediaStore, key: string): Promise<ProbedClip> {
  return withVideoTrack(store, key, describeTrack);
}

/** Opens the object's video track by ranged reads, a few MiB in memory at most; throws as `probeClip` does. */
export async function withVideoTrack<T>(
  store: MediaStore,
  key: string,
  use: (track: InputVideoTrack) => Promise<T>,
): Promise<T> {
  const sizeBytes = await store.sizeBytes(key);
  if (sizeBytes === null) throw new Error(`${key} is not in the media store`);
  const { hasLookup } = await checkBoxes(store, key, sizeBytes);
  const storeErrors: unknown[] = [];
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    if (end - start > MAX_READ_BYTES) throw new NotAVideo('one of its pictures is too large to read');
    try {
      const bytes = await readBytes(store, key, { start, end });
      // Without its length the table is not found: the fragments that were checked are found by their headers.
      if (hasLookup && end > sizeBytes - LENGTH_BYTES) bytes.fill(0, Math.max(0, sizeBytes - LENGTH_BYTES - start));
      return bytes;
    } catch (error) {
      storeErrors.push(error);
      throw error;
    }
  };
  const source = new CustomSource({ getSize: () => sizeBytes, read, maxCacheSize: MAX_CACHE_BYTES });
  const input = new Input({ source, formats: [MP4, QTFF] });
  try {
    const track = await input.getPrimaryVideoTrack();
    if (track === null) throw new NotAVideo('it has no video track');
    const used = await use(track);
    // A use that has gone on without them saw less than is stored.
    if (storeErrors.length > 0) throw storeErrors[0];
    return used;
  } catch (error) {
    // The parser reports bad bytes as plain errors; only those of the store are not about the bytes.
    if (storeErrors.length > 0) throw storeErrors[0];
    if (error instanceof NotAVideo) throw error;
    throw new NotAVideo('it cannot be read as an MP4', { cause: error });
  } finally {
    input.dispose();
  }
}

async function describeTrack(track: InputVideoTrack): Promise<ProbedClip> {
  const sink = new EncodedPacketSink(track);
  // Only reading the bytes shows that they lie inside the file.
  const last = await sink.getPacket(Number.POSITIVE_INFINITY);
  if (last === null) throw new NotAVideo('it is cut: its last picture is missing');
  const durationSeconds = await track.computeDuration();
  const durationMs = Math.round(durationSeconds * 1000);
  const codec = track.codec ?? 'unknown';
  const { displayWidth: width, displayHeight: height } = track;
  if (!(durationMs > 0 && width > 0 && height > 0)) throw new NotAVideo('its video track is empty');
  const hasGap = isGap(last) || (await hasGaps(sink, durationSeconds));
  // Pictures that are not coded may be black.
  if (hasGap && track.codec !== null) throw new NotAVideo('it is cut: there is nothing in one of its pictures');
  return { durationMs, width, height, codec };
}

/** Looks into pictures from all along the clip. */
async function hasGaps(sink: EncodedPacketSink, durationSeconds: number): Promise<boolean> {
  for (let n = 0; n < SAMPLES; n += 1) {
    if (isGap(await sink.getPacket((durationSeconds * n) / SAMPLES))) return true;
  }
  return false;
}

/** No coded picture is all zeros: that is room which was made for one and never filled. */
function isGap(picture: EncodedPacket | null): boolean {
  return picture !== null && picture.data.length > 0 && picture.data.every((byte) => byte === 0);
}
