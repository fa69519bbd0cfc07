/** The last picture of a stored clip, which another clip may begin with. */

import { UnusableImage } from '../domain/image-header.ts';
import type { MediaStore } from '../media/media-store.ts';
import { findFfmpeg } from './ffmpeg.ts';
import { withVideoTrack } from './mp4-probe.ts';
import { drawJpeg, picturesOf } from './picture-stream.ts';

/** Throws `UnusableImage` where none can be had. */
export type TakeLastPicture = (clipKey: string) => Promise<Uint8Array>;

/** The whole clip is decoded. */
const TIMEOUT_MS = 120_000;

/** Takes last pictures by ffmpeg, where there is one. */
export function createPictureTaker(store: MediaStore): TakeLastPicture {
  let found: Promise<string | null> | undefined;
  return async (clipKey) => {
    found ??= findFfmpeg();
    const ffmpeg = await found;
    if (ffmpeg === null) throw new UnusableImage('this server takes no pictures: it has no ffmpeg');
    try {
      return await takePicture(ffmpeg, store, clipKey);
    } catch (error) {
      throw new UnusableImage(`it could not be decoded: ${String(error)}`);
    }
  };
}

function takePicture(ffmpeg: string, store: MediaStore, clipKey: string): Promise<Uint8Array> {
  return withVideoTrack(store, clipKey, async (track) => {
    const { packetCount } = await track.computePacketStats();
    const order = { filter: `select=eq(n\\,${packetCount - 1})`, timeoutMs: TIMEOUT_MS };
    return await drawJpeg(ffmpeg, await picturesOf(track), order);
  });
}
