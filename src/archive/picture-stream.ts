/** Coded pictures as a stream that a pipe can carry, which the files that they come from often are not. */

import {
  AppendOnlyStreamTarget,
  type EncodedPacket,
  EncodedPacketSink,
  EncodedVideoPacketSource,
  type InputVideoTrack,
  MkvOutputFormat,
  Output,
} from 'mediabunny';
import { type JpegOrder, makeJpeg } from './ffmpeg.ts';

/** Pictures in the order in which they are decoded, and what a decoder has to know of them. */
export interface CodedPictures {
  readonly codec: NonNullable<InputVideoTrack['codec']>;
  readonly decoderConfig: NonNullable<Awaited<ReturnType<InputVideoTrack['getDecoderConfig']>>>;
  readonly packets: Iterable<EncodedPacket> | AsyncIterable<EncodedPacket>;
}

/** All pictures of a track, read from the store as they are taken; throws for a codec that cannot be read. */
export async function picturesOf(track: InputVideoTrack): Promise<CodedPictures> {
  const decoderConfig = await track.getDecoderConfig();
  if (track.codec === null || decoderConfig === null) throw new Error('its pictures cannot be read');
  return { codec: track.codec, decoderConfig, packets: new EncodedPacketSink(track).packets() };
}

export interface PictureStream {
  readonly clip: AsyncIterable<Uint8Array>;
  /** Resolves with how many were handed over; to be waited for before their source is closed. */
  readonly finished: Promise<number>;
}

/** One after the other in Matroska, as fast as they are read: an MP4's fragments are held until the next key picture. */
export function streamPictures({ codec, decoderConfig, packets }: CodedPictures): PictureStream {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const format = new MkvOutputFormat({ appendOnly: true });
  const output = new Output({ format, target: new AppendOnlyStreamTarget(writable) });
  const source = new EncodedVideoPacketSource(codec);
  output.addVideoTrack(source);
  const write = async (): Promise<number> => {
    let count = 0;
    try {
      await output.start();
      for await (const packet of packets) {
        // Where pictures refer across a key picture, the muxer takes it for a mistake.
        await source.add(packet.clone({ type: count === 0 ? 'key' : 'delta' }), { decoderConfig });
        count += 1;
      }
      await output.finalize();
    } catch {
      // What cannot be read ends the clip here, and a reader that has stopped has all that it wanted.
      await output.cancel().catch(() => undefined);
    }
    return count;
  };
  return { clip: readable, finished: write() };
}

/** One JPEG out of these pictures; their source may be closed after it. */
export async function drawJpeg(ffmpeg: string, pictures: CodedPictures, order: JpegOrder): Promise<Uint8Array> {
  const { clip, finished } = streamPictures(pictures);
  try {
    return await makeJpeg(ffmpeg, clip, order);
  } finally {
    await finished;
  }
}
