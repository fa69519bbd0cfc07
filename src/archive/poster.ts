/** Poster frames: one picture of a stored clip as JPEG, made by ffmpeg where there is one. */

import {
  BufferTarget,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  type InputVideoTrack,
  Mp4OutputFormat,
  Output,
} from 'mediabunny';
import type { Log } from '../domain/log.ts';
import type { MediaStore } from '../media/media-store.ts';
import { storeBytes } from '../media/store-clip.ts';
import { findFfmpeg, makeJpeg } from './ffmpeg.ts';
import { withVideoTrack } from './mp4-probe.ts';

/** The first frames of a clip are often black or blurred. */
const POSTER_AT_SECONDS = 1;

/** The two objects of a video. */
export interface ClipKeys {
  readonly clipKey: string;
  readonly posterKey: string;
}

/** Makes and stores the poster of a stored clip; returns its key, or null where it cannot: never a reason to fail. */
export type PosterMaker = (store: MediaStore, keys: ClipKeys) => Promise<string | null>;

/** Looks for ffmpeg at the first poster; its absence is logged once. */
export function createPosterMaker(
  log: Pick<Log, 'warn'>,
  find: () => Promise<string | null> = findFfmpeg,
): PosterMaker {
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
      await storeBytes(store, keys.posterKey, await makePoster(path, store, keys.clipKey));
      return keys.posterKey;
    } catch (error) {
      log.warn({ clipKey: keys.clipKey, error: String(error) }, 'no poster frame could be made');
      return null;
    }
  };
}

async function makePoster(ffmpeg: string, store: MediaStore, clipKey: string): Promise<Uint8Array> {
  const picture = await withVideoTrack(store, clipKey, cutOutPicture);
  return await makeJpeg(ffmpeg, { clip: [picture], filter: "scale='min(1280,iw)':-2" });
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
