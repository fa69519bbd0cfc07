/** Poster frames: one picture of a stored clip as JPEG, made by ffmpeg where there is one. */

import { type EncodedPacket, EncodedPacketSink, type InputVideoTrack } from 'mediabunny';
import type { Log } from '../domain/log.ts';
import type { MediaStore } from '../media/media-store.ts';
import { storePieces } from '../media/store-pieces.ts';
import { findBrokenPictures } from './broken-pictures.ts';
import { findFfmpeg } from './ffmpeg.ts';
import { NotAVideo } from './mp4-boxes.ts';
import { withVideoTrack } from './mp4-probe.ts';
import { drawJpeg, picturesOf } from './picture-stream.ts';

/** The first frames of a clip are often black or blurred. */
const POSTER_AT_SECONDS = 1;

/** The two objects of a video. */
export interface ClipKeys {
  readonly clipKey: string;
  readonly posterKey: string;
}

/**
 * Makes and stores the poster of a stored clip; returns its key, or null where it cannot, which is no reason to fail.
 * @throws NotAVideo where the clip's pictures cannot be decoded.
 */
export type PosterMaker = (store: MediaStore, keys: ClipKeys) => Promise<string | null>;

/** Looks for ffmpeg at the first poster; its absence is logged once. */
export function createPosterMaker(
  log: Pick<Log, 'warn'>,
  find: () => Promise<string | null> = findFfmpeg,
): PosterMaker {
  let ffmpeg: Promise<string | null> | undefined;
  const findOnce = async () => {
    const path = await find();
    if (path === null)
      log.warn({}, 'there is no ffmpeg on PATH: clips get no poster frames, and are not decoded to check them');
    return path;
  };
  return async (store, keys) => {
    ffmpeg ??= findOnce();
    const path = await ffmpeg;
    if (path === null) return null;
    // A program that cannot be run says so when it is to make the poster.
    const problem = await findBrokenPictures(path, { store, clipKey: keys.clipKey }).catch(() => null);
    if (problem !== null) throw new NotAVideo(problem);
    try {
      await storePieces(store, keys.posterKey, [await makePoster(path, store, keys.clipKey)]);
      return keys.posterKey;
    } catch (error) {
      log.warn({ clipKey: keys.clipKey, error: String(error) }, 'no poster frame could be made');
      return null;
    }
  };
}

async function makePoster(ffmpeg: string, store: MediaStore, clipKey: string): Promise<Uint8Array> {
  return await withVideoTrack(store, clipKey, async (track) => {
    const pictures = { ...(await picturesOf(track)), packets: [await pickPicture(track)] };
    return await drawJpeg(ffmpeg, pictures, { filter: "scale='min(1280,iw)':-2" });
  });
}

/** One that stands alone, so that little is decoded even of a large clip. */
async function pickPicture(track: InputVideoTrack): Promise<EncodedPacket> {
  const sink = new EncodedPacketSink(track);
  const atSeconds = Math.min(POSTER_AT_SECONDS, (await track.computeDuration()) / 2);
  // Some encoders call every picture a key picture, so the bytes are asked.
  const verify = { verifyKeyPackets: true };
  const picture = (await sink.getKeyPacket(atSeconds, verify)) ?? (await sink.getFirstKeyPacket(verify));
  if (picture === null) throw new Error('no picture stands alone');
  return picture;
}
