/** What has to be known of a stored clip before it is joined to others, read by ranges from the media store. */

import { createHash } from 'node:crypto';
import { type InputAudioTrack, type InputVideoTrack, Mp4OutputFormat } from 'mediabunny';
import type { MediaStore } from '../../media/media-store.ts';
import { withVideoTrack } from '../mp4-probe.ts';
import type { ClipFacts } from './film-plan.ts';

/** Pictures by which the rate is told. */
const RATED_PICTURES = 200;

/** @throws NotAVideo, and the store's own error. */
export async function readClipFacts(store: MediaStore, clipKey: string): Promise<ClipFacts> {
  return await withVideoTrack(store, clipKey, async (track) => {
    const audio = await track.getPrimaryPairableAudioTrack();
    const { averagePacketRate } = await track.computePacketStats(RATED_PICTURES);
    const { packetCount: pictures } = await track.computePacketStats();
    const { packetCount: sounds } = (await audio?.computePacketStats()) ?? { packetCount: 0 };
    return {
      durationMs: Math.round((await track.computeDuration()) * 1000),
      width: track.displayWidth,
      height: track.displayHeight,
      framesPerSecond: averagePacketRate,
      hasAudio: audio !== null,
      pictures,
      sounds,
      coding: await codingOf(track, audio),
    };
  });
}

/** What an MP4 of ours can hold. */
const CODECS: readonly string[] = new Mp4OutputFormat().getSupportedCodecs();

/** All that has to agree where coded pictures and sounds of several clips stand in one track; null where they cannot. */
async function codingOf(video: InputVideoTrack, audio: InputAudioTrack | null): Promise<string | null> {
  if ([video, audio].some((track) => track && !CODECS.includes(track.codec ?? ''))) return null;
  const config = await video.getDecoderConfig();
  const heard = await audio?.getDecoderConfig();
  const facts = [
    ...[video.codec, config?.codec, video.codedWidth, video.codedHeight, video.displayWidth, video.displayHeight],
    ...[video.rotation, video.timeResolution, digestOf(config?.description)],
    ...(audio === null ? ['silent'] : [audio.codec, heard?.codec, audio.numberOfChannels, audio.sampleRate]),
    ...(audio === null ? [] : [audio.timeResolution, digestOf(heard?.description)]),
  ];
  return facts.join(' ');
}

function digestOf(description: ArrayBuffer | SharedArrayBuffer | ArrayBufferView | undefined): string {
  if (description === undefined) return '-';
  const bytes = ArrayBuffer.isView(description)
    ? new Uint8Array(description.buffer, description.byteOffset, description.byteLength)
    : new Uint8Array(description);
  return createHash('sha256').update(bytes).digest('hex');
}
